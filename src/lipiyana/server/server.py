"""One server: its parts, its start and its shutdown."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from lipiyana.addresses import is_loopback
from lipiyana.batching import Work, working
from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.calls.calls import Calls
from lipiyana.server.calls.current import CurrentAnswers
from lipiyana.server.calls.recognition import Recognitions
from lipiyana.server.http.metrics_endpoint import MetricsEndpoint
from lipiyana.server.processes.ending import leaving_of, reserve_of
from lipiyana.server.processes.memory import MemoryReturn, warn_of_too_little_memory
from lipiyana.server.queue.endings import Endings
from lipiyana.server.queue.pace import Pace
from lipiyana.server.queue.pool import ComputePool
from lipiyana.server.queue.sources import WARM_UP
from lipiyana.server.rpc.access import AccessInterceptor
from lipiyana.server.rpc.grpc_server import address, channel_options, listen, make_server
from lipiyana.server.rpc.messages import SERVICE, add_service
from lipiyana.server.rpc.service import RecognitionService
from lipiyana.server.rpc.standard_services import SERVICE as HEALTH_SERVICE
from lipiyana.server.rpc.standard_services import Health, add_reflection
from lipiyana.server.security.access import Access
from lipiyana.server.security.open_files import warn_of_open_secrets
from lipiyana.server.security.tokens import Tokens
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.tracing import Tracing
from lipiyana.server.tuning import CONNECTIONS, ENDING, WORKERS
from lipiyana.types import CachePolicy, Layout, PixelFormat, RawImage, RecognitionConfig

if TYPE_CHECKING:
    from lipiyana.server.http.port.listener import HttpListener

_log = logging.getLogger("lipiyana.server")


class RecognitionServer:
    """Serves a recognizer on the running event loop.

    `async with RecognitionServer(recognizer, settings) as server` starts and drains it.
    """

    def __init__(
        self,
        recognizer: ServedRecognizer,
        settings: ServerSettings,
        *,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """Create the parts; nothing is bound or loaded yet.

        Args:
            recognizer: reads the pictures.
            settings: `workers` is ignored, because this is one process.
            metrics: the metrics in which the recognizer counts, too; by default new ones.
            tracing: records the calls.

        Raises:
            InvalidRequest: the file of tokens or the shared cache's URL cannot be used
                (INVALID_SETTINGS).
            MissingExtra: the settings have a shared cache, but redis-py is not installed.
        """
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._access = (
            None if settings.tokens is None else Access(Tokens(settings.tokens), self._metrics)
        )
        self._pool = ComputePool(
            settings.threads,
            settings.max_queue,
            max_bytes=settings.max_queue_bytes,
            observer=self._metrics,
        )
        self._answers = CurrentAnswers(recognizer, self._pool, settings, self._metrics)
        self._calls = Calls(self._metrics, tracing)
        self._recognitions = Recognitions(self._answers, self._calls, self._metrics, settings)
        self._health = Health([SERVICE])
        self._refusals = Pace(CONNECTIONS.refusals_per_second, CONNECTIONS.refusals_at_once)
        self._server: grpc.aio.Server | None = None
        self._endpoint: MetricsEndpoint | None = None
        self._http: HttpListener | None = None
        self._returning: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def metrics(self) -> Metrics:
        """What it counts in."""
        return self._metrics

    @property
    def accepted(self) -> int:
        """Number of pictures that wait or are computed."""
        return self._pool.accepted

    @property
    def unanswered(self) -> int:
        """Number of accepted calls that were cut off or are open. May be read on any thread."""
        return self._calls.unanswered

    @property
    def computing(self) -> int:
        """Number of pictures that are computed now, even if no caller waits for them."""
        return self._pool.running

    @property
    def metrics_port(self) -> int | None:
        """The port of the metrics; None if there is none."""
        return None if self._endpoint is None else self._endpoint.port

    @property
    def http_port(self) -> int | None:
        """The port of the HTTP API; None if there is none."""
        return None if self._http is None else self._http.port

    @property
    def target(self) -> str:
        """The target for a client on this machine."""
        return target_of(self._settings, self.port)

    def _is_ready(self) -> bool:
        """Whether calls are accepted, and the models can be run."""
        return self._health.is_serving and getattr(self._answers.recognizer, "ready", True)

    async def start(self) -> None:
        """Bind the ports, warm up, and report SERVING.

        Raises:
            InvalidRequest: a port is in use (PORT_IN_USE).
            MissingExtra: there is an `http_port`, but FastAPI is not installed.
            LipiyanaError: the recognizer cannot read a picture.
        """
        self._server = self._bind()
        try:
            # with several processes, the supervisor serves the metrics
            if self._settings.metrics_port is not None and self._settings.workers == 1:
                self._endpoint = MetricsEndpoint(
                    self._metrics.registry,
                    self._is_ready,
                    self._settings.host,
                    self._settings.metrics_port,
                )
            if self._settings.http_port is not None:
                self._http = self._bind_http()
            await self._answers.start()
            await self._server.start()
            if self._http is not None:
                self._http.start()
            warm_up = partial(_warm_up, self._answers.recognizer)
            await asyncio.wrap_future(self._pool.submit(warm_up, source=WARM_UP))
        except BaseException:
            await self.stop(0)
            raise
        self._returning = asyncio.create_task(MemoryReturn().run())
        self._health.serving()
        if self._settings.workers == 1:
            announce(self._settings, self.port, self.metrics_port, self.http_port)

    async def reload(self, recognizer: ServedRecognizer) -> None:
        """Answer new calls by another recognizer; return when the old one has ended its last call.

        No call waits for it or is lost: it is warmed up before, beside the calls.

        Raises:
            LipiyanaError: the new recognizer cannot read a picture; the old one stays.
        """
        await asyncio.to_thread(_warm_up, recognizer)
        await self._answers.replace(recognizer)

    def close_recognizers(self) -> None:
        """Close what reads the pictures, after `stop`, if nothing is `computing`."""
        self._answers.close_recognizers()

    async def stop(self, grace: float | None = None) -> int:
        """Reject new calls, finish the accepted ones and release everything within `grace` seconds.

        Calls that are open near the end of that time (see `reserve_of`) end with UNAVAILABLE. Their
        computations may continue, see `computing`. `stop` may be called again while it runs, with
        less grace.

        Returns:
            The number of accepted calls that were cut off.
        """
        within = self._settings.shutdown_grace if grace is None else grace
        now = time.monotonic()
        # callers that are cut off get an answer in any case
        end = now + max(within, ENDING.second_signal_seconds / 2)
        if self._returning is not None:
            self._returning.cancel()
        self._health.drain()
        self._recognitions.drain()
        if self._server is not None:
            reserve = reserve_of(within)
            await self._end_calls(self._server, now + within - reserve, end - reserve * 4 / 5)
        if self._http is not None:
            await self._http.finish(max(0.0, end - reserve_of(within) * 4 / 5 - time.monotonic()))
        left = end - leaving_of(within) * 11 / 10 - time.monotonic()
        await asyncio.to_thread(self._pool.close, max(0.0, left))
        await self._answers.close()
        if self._endpoint is not None:
            await asyncio.to_thread(self._endpoint.close)
        return self._calls.cut_off_count

    async def _end_calls(self, server: grpc.aio.Server, calls_end: float, end: float) -> None:
        """Reject new calls, wait for the accepted ones until `calls_end`, then close the port.

        Connections are closed at `end` even if a caller is still sending a request.

        gRPC cancels or drops calls that arrive while it shuts down. So the port stays open at
        first, and this server rejects calls itself, until the clients that watch its health have
        switched to another server.
        """
        left = max(0.0, calls_end - time.monotonic())
        with suppress(TimeoutError):
            async with asyncio.timeout(min(ENDING.heard_seconds, left / 2)):
                await self._health.unwatched()
        self._health.end()
        await self._none_open(min(calls_end, time.monotonic() + ENDING.heard_seconds))
        self._refusals.end()
        if self._http is not None:
            self._http.close_port()
        stopping = asyncio.create_task(server.stop(max(0.0, end - time.monotonic())))
        await self._stopped_or_abandoned(stopping, calls_end)
        await self._none_open(calls_end)  # calls of HTTP do not keep gRPC from stopping
        self._calls.cut_off()
        if not self._calls.unanswered:
            await server.stop(0)
        await stopping

    async def _none_open(self, end: float) -> None:
        """Wait until all accepted calls have ended, or until `end`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, end - time.monotonic())):
                await self._calls.none_open()

    async def _stopped_or_abandoned(self, stopping: asyncio.Task[None], calls_end: float) -> None:
        """Wait until all connections have ended, or until a short time after the last call.

        gRPC waits until the peer of each connection confirms the close. A peer that does not read
        never confirms it, but it has no call whose answer could be lost.
        """

        async def abandoned() -> None:
            await self._calls.none_open()
            await asyncio.sleep(ENDING.abandoned_seconds)

        waiting = asyncio.create_task(abandoned())
        await asyncio.wait(
            {stopping, waiting},
            timeout=max(0.0, calls_end - time.monotonic()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _bind(self) -> grpc.aio.Server:
        settings = self._settings
        interceptors = (
            () if self._access is None else (AccessInterceptor(self._access, self._refusals),)
        )
        server = make_server(
            interceptors,
            channel_options(settings),
            refused=lambda: self._metrics.call_ended("other", "UNIMPLEMENTED", None),
            pace=self._refusals,
        )
        service = RecognitionService(self._recognitions)
        add_service(server, service.methods, Endings(), max_batch=settings.max_batch)
        self._health.add_to(server)
        if settings.reflection:
            add_reflection(server, [SERVICE, HEALTH_SERVICE])
        self.port = listen(server, settings)
        return server

    def _bind_http(self) -> HttpListener:
        from lipiyana.server.http.starting import bind_http  # of the extra `http`

        return bind_http(
            self._settings,
            lambda: self._answers.recognizer,
            self._recognitions,
            access=self._access,
            pace=self._refusals,
            is_ready=self._is_ready,
        )


def _warm_up(recognizer: ServedRecognizer) -> None:
    """Read a grey picture in every layout, so that all models have run and allocated.

    No metric counts it, and no challenger reads it.
    """
    side = WORKERS.warm_up_side
    grey = RawImage(bytes([128]) * (side * side), side, side, PixelFormat.GRAY8)
    with working(Work(counted=False)):
        for layout in Layout:
            config = RecognitionConfig(layout=layout, cache_policy=CachePolicy.BYPASS)
            recognizer.recognize(grey, config)


def target_of(settings: ServerSettings, port: int) -> str:
    """The target for a client on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return address(host, port)


def announce(
    settings: ServerSettings, port: int, metrics_port: int | None, http_port: int | None
) -> None:
    """Log the addresses of a server, and warn of insecure settings."""
    _log.info("serving at %s", address(settings.host, port))
    if http_port is not None:
        scheme = "http" if settings.tls is None else "https"
        _log.info("HTTP at %s://%s/", scheme, address(settings.host, http_port))
    if metrics_port is not None:
        _log.info("metrics at http://%s/metrics", address(settings.host, metrics_port))
    warn_of_open_secrets(settings)
    warn_of_too_little_memory(settings)
    if is_loopback(settings.host):
        return
    if settings.tokens is None and settings.tls_client_ca is None:
        _log.warning("anyone who reaches %s may call: set tokens, or tls_client_ca", settings.host)
    if settings.tokens is not None and settings.tls is None:
        _log.warning("tokens are sent in plaintext: set tls_certificate and tls_key as well")
