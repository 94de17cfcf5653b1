"""Runs one server in this process: until a signal comes, on a thread, or as a worker.

A worker is one of several processes that share a port; the supervisor starts it.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from lipiyana.errors import LipiyanaError
from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.processes.ending import Ending, ending_by_signals
from lipiyana.server.processes.reload import Reload
from lipiyana.server.server import RecognitionServer
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.logs import configure_logging
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.metrics_folder import leave_metrics_folder
from lipiyana.server.telemetry.native_lines import native_lines_as
from lipiyana.server.telemetry.tracing import NoTracing, Tracing, otlp_tracing

_log = logging.getLogger("lipiyana.server")


MakeRecognizer = Callable[[ServerSettings, Metrics], ServedRecognizer]


class Started(Protocol):
    """A server that has started."""

    @property
    def target(self) -> str:
        """The target for a client on this machine."""
        ...

    @property
    def metrics_port(self) -> int | None:
        """The port of the metrics; None if there is none."""
        ...

    @property
    def http_port(self) -> int | None:
        """The port of the HTTP API; None if there is none."""
        ...


def serve_to_the_end(
    settings: ServerSettings,
    recognizer: ServedRecognizer,
    metrics: Metrics,
    *,
    on_ready: Callable[[Started], None] | None = None,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
    parent: int | None = None,
    last_act: Callable[[], None] = lambda: None,
    remake: MakeRecognizer | None = None,
) -> int:
    """Serve in this process until a signal comes; see `serve`.

    Args:
        settings: settings of the server.
        recognizer: reads pictures; closed at the end.
        metrics: counts calls.
        on_ready: called once the server accepts calls.
        signals: the signals that end it.
        parent: see `ending_by_signals`.
        last_act: called if the process must exit while code still runs in it.
        remake: makes the recognizer that answers after SIGHUP; None to ignore SIGHUP.
    """
    with (
        ending_by_signals(Ending(settings.shutdown_grace), signals, parent=parent) as ending,
        ExitStack() as stack,
    ):
        stack.callback(recognizer.close)
        ending.last_act = last_act
        with tracing_of(settings) as tracing:
            server = RecognitionServer(recognizer, settings, metrics=metrics, tracing=tracing)
            stack.pop_all()
            stack.callback(server.close_recognizers)
            ending.unfinished = lambda: server.unanswered
            reload = None if remake is None else Reload(server, partial(remake, settings, metrics))
            asyncio.run(_serve_until_signalled(server, ending, on_ready, reload))
        if server.computing:
            # a recognizer in use cannot be closed, and nobody waits for its results
            ending.leave(f"{server.computing} pictures are still being computed")
        return ending.exit_code


@contextmanager
def tracing_of(settings: ServerSettings) -> Iterator[Tracing]:
    """Create the tracing of the settings.

    Raises:
        MissingExtra: tracing is on, but OpenTelemetry is not installed.
    """
    if not settings.tracing:
        yield NoTracing()
        return
    with otlp_tracing() as tracing:
        yield tracing


@contextmanager
def running_server(
    recognizer: ServedRecognizer, settings: ServerSettings | None = None
) -> Iterator[RecognitionServer]:
    """Run a server on its own thread, by default on a free loopback port.

    Raises:
        LipiyanaError: the server cannot start.
    """
    chosen = settings or ServerSettings(host="127.0.0.1", port=0)
    started: Future[tuple[RecognitionServer, Callable[[], object]]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve_until_stopped(chosen, recognizer, started)),
        name="lipiyana-server",
    )
    thread.start()
    try:
        server, stop = started.result()
    except BaseException:
        thread.join()
        raise
    try:
        yield server
    finally:
        stop()
        thread.join()


async def _serve_until_signalled(
    server: RecognitionServer,
    ending: Ending,
    on_ready: Callable[[RecognitionServer], None] | None,
    reload: Reload | None,
) -> None:
    """Start a server, and drain it when a signal comes; a second signal ends the drain.

    Raises:
        LipiyanaError: the server cannot start.
    """
    received: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(received.put_nowait, None)

    ending.listen(on_signal)
    await server.start()
    if reload is not None:
        ending.on_reload = reload.asked_on(loop)
    if on_ready is not None:
        on_ready(server)
    await received.get()
    if reload is not None:
        await reload.end()
    stopping = asyncio.create_task(server.stop(ending.remaining()))
    second = asyncio.create_task(received.get())
    await asyncio.wait({stopping, second}, return_when=asyncio.FIRST_COMPLETED)
    if second.done():
        await server.stop(0)
    second.cancel()
    if cut_off := await stopping:
        _log.error("%d accepted calls were cut off", cut_off)


async def _serve_until_stopped(
    settings: ServerSettings,
    recognizer: ServedRecognizer,
    started: Future[tuple[RecognitionServer, Callable[[], object]]],
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    try:
        server = RecognitionServer(recognizer, settings)
        await server.start()
    except BaseException as error:
        started.set_exception(error)
        return
    started.set_result((server, lambda: loop.call_soon_threadsafe(stop.set)))
    await stop.wait()
    await server.stop()


def run_worker(
    settings: ServerSettings,
    make_recognizer: MakeRecognizer,
    supervisor: Connection,
    metrics_folder: Path,
) -> None:
    """Serve until SIGTERM, or until the supervisor has ended.

    The exit code is 0, or `CUT_OFF` if accepted calls were not answered.

    The worker sends the supervisor None once it accepts calls, or the error that prevents it. At
    the end it sends its exit code, because the interpreter takes some time to exit.
    """
    # a terminal sends Ctrl-C to all processes, but the supervisor decides when workers stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logging(settings.log_format)
    metrics = Metrics()

    def clean_up() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            leave_metrics_folder(metrics_folder)

    try:
        with native_lines_as(settings.log_format):
            code = serve_to_the_end(
                settings,
                make_recognizer(settings, metrics),
                metrics,
                on_ready=lambda _: _send(supervisor, None),
                signals=(signal.SIGTERM,),
                parent=supervisor.fileno(),
                last_act=clean_up,
                remake=make_recognizer,
            )
    except LipiyanaError as error:
        _send(supervisor, error)
        clean_up()
    else:
        _send(supervisor, code)
        clean_up()
        logging.shutdown()
        # everything is closed, so skip the slow exit of the interpreter
        os._exit(code)


def _send(supervisor: Connection, message: LipiyanaError | int | None) -> None:
    with suppress(OSError):  # if the supervisor has ended, this process ends anyway
        supervisor.send(message)
