"""Starts a server in this process, or as several processes that share a port.

It imports `processes.run` and `processes.supervisor`; neither of them imports this module.
"""

from __future__ import annotations

from collections.abc import Callable

from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.processes.ending import hangups_ignored
from lipiyana.server.processes.local_recognizer import local_recognizer
from lipiyana.server.processes.memory import refuse_workers_without_memory
from lipiyana.server.processes.run import Started, serve_to_the_end
from lipiyana.server.processes.supervisor import supervise
from lipiyana.server.security.open_files import raise_file_limit
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.native_lines import native_lines_as


def serve(
    settings: ServerSettings,
    recognizer: ServedRecognizer | None = None,
    *,
    on_ready: Callable[[Started], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, then finish the accepted calls; a second signal ends them.

    SIGHUP reloads the models, if they are not given by `recognizer`, and unless this process has a
    terminal.

    Call it on the main thread. It returns at most `settings.shutdown_grace` seconds after the first
    signal. If code that never returns prevents that, it exits the process with the exit code that
    it would have returned.

    Args:
        settings: settings of the server.
        recognizer: reads pictures, and is closed at the end. It runs in this process, and
            `settings.workers` is ignored. Default: the installed models.
        on_ready: called once the server accepts calls.

    Returns:
        The exit code for the process: 0 if all accepted calls were answered, else `CUT_OFF` (3).

    Raises:
        LipiyanaError: the server cannot start.
    """
    with hangups_ignored():
        return _serve(settings, recognizer, on_ready)


def _serve(
    settings: ServerSettings,
    recognizer: ServedRecognizer | None,
    on_ready: Callable[[Started], None] | None,
) -> int:
    raise_file_limit(settings)
    if settings.workers > 1 and recognizer is None:
        refuse_workers_without_memory(settings)
        return supervise(settings, on_ready=on_ready)
    metrics = Metrics()
    with native_lines_as(settings.log_format):
        chosen = recognizer or local_recognizer(settings, metrics)
        alone = settings.model_copy(update={"workers": 1})
        remake = local_recognizer if recognizer is None else None
        return serve_to_the_end(alone, chosen, metrics, on_ready=on_ready, remake=remake)
