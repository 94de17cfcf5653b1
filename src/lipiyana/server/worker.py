"""One of several processes that share a port, as the supervisor starts it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from lipiyana.errors import LipiyanaError
from lipiyana.server.answers import ServedRecognizer
from lipiyana.server.logs import configure_logging
from lipiyana.server.metrics import Metrics
from lipiyana.server.run import serve_to_the_end
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
        code = serve_to_the_end(
            settings,
            make_recognizer(settings, metrics),
            metrics,
            on_ready=lambda _: supervisor.send(None),
            signals=(signal.SIGTERM,),
            parent=supervisor.fileno(),
        )
    except LipiyanaError as error:
        supervisor.send(error)
    else:
        sys.exit(code)
