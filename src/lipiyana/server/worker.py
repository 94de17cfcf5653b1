"""One of several processes that share a port, as the supervisor starts it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from lipiyana.errors import LipiyanaError
from lipiyana.server.answers import ServedRecognizer
from lipiyana.server.logs import configure_logging
from lipiyana.server.metrics import Metrics
from lipiyana.server.run import serve_until_signalled, tracing_of
from lipiyana.server.server import RecognitionServer
from lipiyana.server.settings import ServerSettings

MakeRecognizer = Callable[[ServerSettings, Metrics], ServedRecognizer]


def run_worker(
    settings: ServerSettings, make_recognizer: MakeRecognizer, supervisor: Connection
) -> None:
    """Serve until SIGTERM, or until the supervisor is gone.

    Tells the supervisor None once calls are welcome, or the error for which they never will be.
    """
    # Ctrl-C goes to all processes of a terminal; when to stop is the supervisor's to say
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logging(settings.log_format)
    metrics = Metrics()
    try:
        with tracing_of(settings) as tracing:
            recognizer = make_recognizer(settings, metrics)
            server = RecognitionServer(recognizer, settings, metrics=metrics, tracing=tracing)
            asyncio.run(
                serve_until_signalled(
                    server,
                    lambda _: supervisor.send(None),
                    signals=(signal.SIGTERM,),
                    parent=supervisor.fileno(),
                )
            )
    except LipiyanaError as error:
        supervisor.send(error)
