"""Runs several worker processes on one port: starts, restarts and drains them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from lipiyana.errors import InternalError, InvalidRequest, LipiyanaError
from lipiyana.server.http.metrics_endpoint import MetricsEndpoint
from lipiyana.server.processes.ending import Ending, ending_by_signals, leaving_of, reserve_of
from lipiyana.server.processes.local_recognizer import local_recognizer
from lipiyana.server.processes.run import MakeRecognizer, Started, run_worker
from lipiyana.server.rpc.grpc_server import address, http_port_taken, port_taken
from lipiyana.server.server import announce, target_of
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics_folder import metrics_folder
from lipiyana.server.tuning import WORKERS

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that prometheus_client reads when it is imported."""

_log = logging.getLogger("lipiyana.server")
# no fork: it would copy the locks of gRPC's and ONNX Runtime's threads, but not the threads
_spawn = multiprocessing.get_context("spawn")


def supervise(
    settings: ServerSettings,
    make_recognizer: MakeRecognizer = local_recognizer,
    *,
    on_ready: Callable[[Started], None] | None = None,
) -> int:
    """Serve with `settings.workers` processes until SIGTERM or SIGINT; see `startup.serve`.

    Args:
        settings: settings of each worker.
        make_recognizer: a function at the top of a module, called in each worker.
        on_ready: called once all workers accept calls.

    Returns:
        The exit code for the process: 0 if all workers have answered all accepted calls, else
        `CUT_OFF` (3).

    Raises:
        LipiyanaError: a worker cannot start, or a port is in use.
    """
    with ExitStack() as stack:
        ending = stack.enter_context(
            ending_by_signals(
                Ending(settings.shutdown_grace, "workers"), (signal.SIGTERM, signal.SIGINT)
            )
        )
        host, http_port = settings.host, settings.http_port
        port = stack.enter_context(_reserved_port(host, settings.port))
        if http_port is not None:
            http_port = stack.enter_context(_reserved_port(host, http_port, http_port_taken))
        folder = stack.enter_context(metrics_folder())
        shared = settings.model_copy(update={"port": port, "http_port": http_port})
        supervisor = Supervisor(shared, make_recognizer, folder, ending)
        if settings.metrics_port is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
            endpoint = MetricsEndpoint(
                registry, lambda: supervisor.is_serving, settings.host, settings.metrics_port
            )
            stack.callback(endpoint.close)
            supervisor.metrics_port = endpoint.port
        asyncio.run(supervisor.run(on_ready))
        return ending.exit_code


class Supervisor:
    """Keeps the workers alive. Belongs to one event loop."""

    def __init__(
        self,
        settings: ServerSettings,
        make_recognizer: MakeRecognizer,
        metrics_folder: Path,
        ending: Ending,
    ) -> None:
        """Connect to `ending`, which kills the workers at the deadline; start nothing yet."""
        self.metrics_port: int | None = None
        self._settings = settings
        self._make_recognizer = make_recognizer
        self._metrics_folder = metrics_folder
        self._draining = asyncio.Event()
        self._ending = ending
        self._processes: set[SpawnProcess] = set()
        self._reloads = 0
        self._reloadable: set[SpawnProcess] = set()
        self._serving = 0
        self._cut_off = 0
        ending.unfinished = lambda: self._cut_off + self._serving
        ending.last_act = self._abandon

    @property
    def is_serving(self) -> bool:
        """Whether a worker accepts calls. May be read on any thread."""
        return self._serving > 0 and not self._draining.is_set()

    @property
    def http_port(self) -> int | None:
        """The port of the HTTP API; None if there is none."""
        return self._settings.http_port

    @property
    def target(self) -> str:
        """The target for a client on this machine."""
        return target_of(self._settings, self._settings.port)

    async def run(self, on_ready: Callable[[Started], None] | None) -> None:
        """Start the workers; return when a signal has come and all have ended.

        Raises:
            LipiyanaError: a worker cannot start.
        """
        loop = asyncio.get_running_loop()

        def on_loop(act: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(act)

        self._ending.listen(lambda: on_loop(self._drain))
        self._ending.on_reload = lambda: on_loop(self._reload)
        ready: list[asyncio.Future[None]] = [loop.create_future() for _ in self._numbers]
        keepers = [
            asyncio.create_task(self._keep_running(number, future))
            for number, future in zip(self._numbers, ready, strict=True)
        ]
        started = asyncio.gather(*ready)
        try:
            await started
        except LipiyanaError:
            self._drain()
            await asyncio.gather(*keepers)
            raise
        if not self._draining.is_set():
            settings = self._settings
            announce(settings, settings.port, self.metrics_port, settings.http_port)
            if on_ready is not None:
                on_ready(self)
        await asyncio.gather(*keepers)

    @property
    def _numbers(self) -> range:
        return range(1, self._settings.workers + 1)

    async def _keep_running(self, number: int, ready: asyncio.Future[None]) -> None:
        """Restart the worker of this number until the drain.

        `ready` gets the result or the error of its first start.
        """
        delay = WORKERS.first_delay
        while not self._draining.is_set():
            began = time.monotonic()
            process = await self._run_worker(number, ready)
            if self._draining.is_set() or _failure(ready) is not None:
                break
            lived = time.monotonic() - began
            if lived > WORKERS.young:
                delay = WORKERS.first_delay
            else:
                delay = min(WORKERS.longest_delay, delay * 2)
            _log.error(
                "worker %d (pid %d) ended with %s after %.0f s; another starts in %.1f s",
                number, process.pid, process.exitcode, lived, delay,
            )  # fmt: skip
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), delay)
        if not ready.done():
            ready.set_result(None)

    async def _run_worker(self, number: int, ready: asyncio.Future[None]) -> SpawnProcess:
        """Start a worker and wait for its end."""
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(
            target=run_worker,
            args=(self._worker_settings, self._make_recognizer, theirs, self._metrics_folder),
            name=f"lipiyana-worker-{number}",
        )
        with _variable(MULTIPROCESS_VARIABLE, str(self._metrics_folder)):
            process.start()
        theirs.close()
        self._processes.add(process)
        if self._draining.is_set():
            process.terminate()
        is_serving, reloads = False, self._reloads
        try:
            await _readable(ours.fileno())
            is_serving = self._take_message(number, process, ours.recv(), ready)
            self._serving += is_serving
            if is_serving:
                self._reloadable.add(process)
            if is_serving and reloads < self._reloads:  # it may have read the models before
                os.kill(process.ident or 0, signal.SIGHUP)
        except EOFError:
            if not ready.done() and not self._draining.is_set():
                ready.set_exception(
                    InternalError(f"worker {number} ended with {process.exitcode} before it served")
                )
        await _readable(process.sentinel)
        self._reloadable.discard(process)
        process.join()
        if is_serving and self._draining.is_set() and not _answered_all(process, ours):
            self._cut_off += 1
            _log.error(
                "worker %d (pid %d) ended with %s before it had answered all that it had accepted",
                number, process.pid, process.exitcode,
            )  # fmt: skip
        self._serving -= is_serving
        self._processes.discard(process)
        ours.close()
        mark_process_dead(process.pid, path=str(self._metrics_folder))  # type: ignore[no-untyped-call]
        return process

    def _take_message(
        self,
        number: int,
        process: SpawnProcess,
        problem: LipiyanaError | None,
        ready: asyncio.Future[None],
    ) -> bool:
        """Handle the first message of a worker; return whether it serves."""
        if problem is None:
            _log.info("worker %d (pid %d) is serving", number, process.pid)
            if not ready.done():
                ready.set_result(None)
        elif not ready.done():
            ready.set_exception(problem)
        else:
            _log.error("worker %d cannot serve: %s", number, problem.message)
        return problem is None

    @property
    def _worker_settings(self) -> ServerSettings:
        """Settings of a worker; its shorter grace period ends it before this process."""
        grace = self._settings.shutdown_grace
        own = grace - reserve_of(grace) / 3
        return self._settings.model_copy(update={"shutdown_grace": own})

    def _drain(self) -> None:
        """Send SIGTERM to all workers, and kill those that do not end in time.

        A second call ends their drain, because they receive a second signal.
        """
        self._draining.set()
        for process in self._processes:
            process.terminate()
        left = self._ending.remaining()
        asyncio.get_running_loop().call_later(left - leaving_of(left) * 5 / 4, self._kill)

    def _reload(self) -> None:
        """Send SIGHUP to the workers that serve; those that start get it when they do."""
        self._reloads += 1
        for process in self._reloadable:
            os.kill(process.ident or 0, signal.SIGHUP)

    def _kill(self) -> None:
        for process in tuple(self._processes):
            _log.error("%s (pid %d) did not end and is killed", process.name, process.pid)
            process.kill()

    def _abandon(self) -> None:
        """Kill the workers and remove the folder. May be called on another thread."""
        for process in tuple(self._processes):
            process.kill()
        shutil.rmtree(self._metrics_folder, ignore_errors=True)


@contextmanager
def _reserved_port(
    host: str, port: int, taken: Callable[[str, int, OSError], InvalidRequest] | None = None
) -> Iterator[int]:
    """Reserve a free port for sockets that share it.

    Raises:
        InvalidRequest: it is in use, or the host is not an address of this machine (PORT_IN_USE).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # bind without SO_REUSEPORT first, which fails if another server shares the port
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
            chosen = int(alone.getsockname()[1])
        shared = socket.socket(family, socket.SOCK_STREAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # otherwise connections of a server that has just ended would block the port for a minute
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.bind((host, chosen))
    except OSError as error:
        if taken is None:
            raise port_taken(address(host, port)) from None
        raise taken(host, port, error) from None
    with shared:
        yield chosen


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)


def _answered_all(process: SpawnProcess, worker: Connection) -> bool:
    """Whether a worker had answered all its calls, even if it was killed after that."""
    try:
        return process.exitcode == 0 or (worker.poll() and worker.recv() == 0)
    except EOFError:
        return False


def _failure(ready: asyncio.Future[None]) -> BaseException | None:
    return ready.exception() if ready.done() else None
