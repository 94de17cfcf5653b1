"""One of several processes that share a port; the supervisor starts it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from lipiyana.errors import LipiyanaError
from lipiyana.server.processes.run import serve_to_the_end
from lipiyana.server.rpc.answers import ServedRecognizer
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.logs import configure_logging
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.metrics_folder import leave_metrics_folder
from lipiyana.server.telemetry.native_lines import native_lines_as

MakeRecognizer = Callable[[ServerSettings, Metrics], ServedRecognizer]


def run_worker(
    settings: ServerSettings,
    make_recognizer: MakeRecognizer,
    supervisor: Connection,
    metrics_folder: Path,
) -> None:
    """Serve until SIGTERM, or until the supervisor is gone.

    The exit code is 0, or `CUT_OFF` where accepted calls were not answered.

    Sends the supervisor None once calls are welcome, or the error that prevents it. At the end it
    sends its exit code, because the interpreter takes some time to end.
    """
    # Ctrl-C goes to all processes of a terminal; when to stop is the supervisor's to say
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
            )
    except LipiyanaError as error:
        _send(supervisor, error)
        clean_up()
    else:
        _send(supervisor, code)
        clean_up()
        logging.shutdown()
        # all is closed: the end of the interpreter would only take time
        os._exit(code)


def _send(supervisor: Connection, message: LipiyanaError | int | None) -> None:
    with suppress(OSError):  # it may be gone, and then this process ends for that
        supervisor.send(message)
