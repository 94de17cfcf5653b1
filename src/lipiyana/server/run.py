"""Ways to run a server: until a signal comes, or beside other code."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from lipiyana.images import ImageLimits
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime import available_threads
from lipiyana.server.answers import ServedRecognizer
from lipiyana.server.server import RecognitionServer
from lipiyana.server.settings import ServerSettings


def serve(
    settings: ServerSettings,
    recognizer: ServedRecognizer | None = None,
    *,
    on_ready: Callable[[RecognitionServer], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted; a second signal cuts it off.

    Args:
        settings: of the server.
        recognizer: what answers; by default the models of this machine.
        on_ready: called once calls are welcome.

    Raises:
        LipiyanaError: the server cannot start.
    """
    asyncio.run(_serve(settings, recognizer or local_recognizer(settings), on_ready))


def local_recognizer(settings: ServerSettings) -> LocalRecognizer:
    """Make the recognizer that `settings` describe; the workers share the CPUs.

    Raises:
        ModelUnavailable: `settings.models` has no manifest.
    """
    return LocalRecognizer(
        models_dir=settings.models,
        limits=ImageLimits(max_pixels=settings.max_pixels),
        threads=max(1, available_threads() // settings.workers),
    )


@contextmanager
def running_server(
    recognizer: ServedRecognizer, settings: ServerSettings | None = None
) -> Iterator[RecognitionServer]:
    """Run a server on a thread of its own, by default at a free port of the loopback.

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


async def _serve(
    settings: ServerSettings,
    recognizer: ServedRecognizer,
    on_ready: Callable[[RecognitionServer], None] | None,
) -> None:
    server = RecognitionServer(recognizer, settings)
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.put_nowait, number)
    await server.start()
    if on_ready is not None:
        on_ready(server)
    await signals.get()
    stopping = asyncio.create_task(server.stop())
    second = asyncio.create_task(signals.get())
    await asyncio.wait({stopping, second}, return_when=asyncio.FIRST_COMPLETED)
    if second.done():
        await server.stop(0)
    second.cancel()
    await stopping


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
