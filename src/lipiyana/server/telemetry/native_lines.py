"""Turns lines that native libraries write to standard error into log records.

libtiff, libpng and gRPC write lines directly to file descriptor 2, which would break a log of JSON
objects. So a pipe replaces file descriptor 2, and a thread logs the lines from the pipe.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, TextIO

from lipiyana.server.telemetry.line_limit import LineLimit
from lipiyana.server.telemetry.logs import LogFormat
from lipiyana.server.tuning import LOGS

_PREFIX = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d(?:\S* +\d+ ([\w.]{1,64}):\d+\])?")
_LEVELS = {
    "I": logging.INFO,
    "W": logging.WARNING,
    "E": logging.ERROR,
    "F": logging.CRITICAL,
}
"""Log levels by the severity with which a line of gRPC begins, before time, thread and source."""


_log = logging.getLogger("lipiyana.native")


def native_lines_as(how: LogFormat) -> AbstractContextManager[None]:
    """Log native lines if the log format is JSON, because they would break it."""
    return native_lines_logged() if how == "json" else nullcontext()


@contextmanager
def native_lines_logged() -> Iterator[None]:
    """Log each line that is written to file descriptor 2, and warnings and errors of Python.

    Log handlers of `sys.stderr` still write to the original file. So do Python's crash reports,
    because the pipe ends with the process. If a library writes faster than its lines are logged,
    lines are lost, but the library never blocks.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    before = sys.stderr
    real = os.fdopen(saved, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    reading, writing = os.pipe()
    _enlarge(writing)
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    os.close(writing)
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is before
    ]
    for handler in handlers:
        handler.setStream(real)
    sys.stderr = real
    reader = threading.Thread(target=_log_lines, args=(reading,), name="lipiyana-native-lines")
    reader.daemon = True
    reader.start()
    try:
        with _uncaught_logged(real):
            yield
    finally:
        os.dup2(saved, 2)  # closes the last writing end, so that the reader ends
        reader.join(LOGS.native_end_seconds)
        sys.stderr = before
        for handler in handlers:
            handler.setStream(before)
        real.close()


def _log_lines(reading: int) -> None:
    limits: dict[str, LineLimit] = {}
    with os.fdopen(reading, "rb") as lines:
        while line := lines.readline(LOGS.longest_native_line):
            text = line.decode("utf-8", "backslashreplace").rstrip()
            if not text:
                continue
            found = _PREFIX.match(text)
            source = (found and found[2]) or ""
            # clients can cause any number of failed handshakes, each of which is a line
            if source and (source in limits or len(limits) < LOGS.native_sources):
                limit = limits.setdefault(source, LineLimit(partial(_tell_left_out, source)))
                if not limit.allows():
                    continue
            _log.log(_LEVELS[found[1]] if found else logging.WARNING, "%s", text)


def _tell_left_out(source: str, lines: int) -> None:
    _log.warning("%d more lines came from %s", lines, source)


@contextmanager
def _uncaught_logged(crashes: TextIO) -> Iterator[None]:
    """Log warnings, and exceptions that end a thread, instead of writing them to `sys.stderr`."""
    before = threading.excepthook, sys.unraisablehook
    was_enabled = faulthandler.is_enabled()

    def in_thread(details: Any) -> None:
        if details.exc_type is not SystemExit:
            trace = (details.exc_type, details.exc_value, details.exc_traceback)
            _log.error("uncaught exception in a thread", exc_info=trace)

    def unraisable(details: Any) -> None:
        trace = (details.exc_type, details.exc_value, details.exc_traceback)
        _log.error("exception that cannot be raised", exc_info=trace)

    threading.excepthook, sys.unraisablehook = in_thread, unraisable
    logging.captureWarnings(True)
    faulthandler.enable(crashes)
    try:
        yield
    finally:
        faulthandler.disable()
        if was_enabled:
            faulthandler.enable()
        logging.captureWarnings(False)
        threading.excepthook, sys.unraisablehook = before


def _enlarge(pipe: int) -> None:
    """Enlarge a pipe, on systems that support it."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, LOGS.pipe_bytes)
    except (ImportError, AttributeError, OSError):
        pass
