"""One server: what it consists of, how it starts and how it ends."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from lipiyana.cache import MemoryCache
from lipiyana.errors import InvalidRequest
from lipiyana.server.answers import Answers, ServedRecognizer
from lipiyana.server.health import Health
from lipiyana.server.metrics import Metrics
from lipiyana.server.service import RecognitionService
from lipiyana.server.settings import ServerSettings
from lipiyana.server.workers import WorkerPool
from lipiyana.types import CachePolicy, PixelFormat, RawImage, RecognitionConfig
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc

SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"].full_name

_WARM_UP_SIDE = 320
_log = logging.getLogger("lipiyana.server")


class RecognitionServer:
    """Serves a recognizer on the running event loop.

    `async with RecognitionServer(recognizer, settings) as server` starts and drains it.
    """

    def __init__(self, recognizer: ServedRecognizer, settings: ServerSettings) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self._pool = WorkerPool(settings.workers, settings.max_queue)
        self._metrics = Metrics(lambda: self._pool.accepted)
        cache = (
            MemoryCache(settings.cache_bytes, settings.cache_ttl) if settings.cache_bytes else None
        )
        answers = Answers(recognizer, self._pool, cache)
        self._service = RecognitionService(answers, self._metrics, max_batch=settings.max_batch)
        self._health = Health([SERVICE])
        self._server: grpc.aio.Server | None = None
        self.port = 0
        self.metrics_port: int | None = None

    @property
    def target(self) -> str:
        """What a client on this machine connects to."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104
        return _address(host, self.port)

    async def start(self) -> None:
        """Bind, warm up, and say that it is serving.

        Raises:
            InvalidRequest: a port is taken (PORT_IN_USE).
            LipiyanaError: the recognizer cannot read a picture.
        """
        self._server = self._bind()
        try:
            if self._settings.metrics_port is not None:
                self.metrics_port = self._metrics.expose(
                    self._settings.host, self._settings.metrics_port
                )
            await self._server.start()
            await asyncio.wrap_future(self._pool.submit(self._warm_up))
        except BaseException:
            await self.stop(0)
            raise
        self._health.serving()
        _log.info("serving at %s", _address(self._settings.host, self.port))
        if self.metrics_port is not None:
            address = _address(self._settings.host, self.metrics_port)
            _log.info("metrics at http://%s/metrics", address)

    async def stop(self, grace: float | None = None) -> None:
        """Take no more calls, finish those accepted within `grace` seconds, give all back.

        May be called again while it runs, with less grace.
        """
        self._health.drain()
        self._service.drain()
        if self._server is not None:
            await self._server.stop(self._settings.shutdown_grace if grace is None else grace)
        await asyncio.to_thread(self._pool.close)
        await asyncio.to_thread(self._metrics.close)

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
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", settings.max_message_bytes),
                ("grpc.so_reuseport", 0),  # else a second server would share the port in silence
            ]
        )
        service_grpc.add_RecognitionServiceServicer_to_server(self._service, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if settings.reflection:
            names = [SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, server)
        address = _address(settings.host, settings.port)
        try:
            self.port = server.add_insecure_port(address)
        except RuntimeError:
            raise InvalidRequest(
                f"cannot listen at {address}: the port is taken, or the address is not this "
                "machine's",
                field="port",
                reason="PORT_IN_USE",
            ) from None
        return server

    def _warm_up(self) -> None:
        """Read a grey picture, which loads the models and lets them allocate."""
        side = _WARM_UP_SIDE
        grey = RawImage(bytes([128]) * (side * side), side, side, PixelFormat.GRAY8)
        self._recognizer.recognize(grey, RecognitionConfig(cache_policy=CachePolicy.BYPASS))


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
