"""`lipiyana forward`: rows of a file or a pipe, through a spool, to a receiver."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lipiyana.cli.console import say_error, say_step, say_warning
from lipiyana.cli.events.faults import check_secrets, plain, warn_of_open_network
from lipiyana.cli.events.options import CompressChoice, DropChoice
from lipiyana.cli.exit_codes import DONE, FAILED, INTERRUPTED, TERMINATED, USAGE
from lipiyana.cli.signals import Terminated, terminable
from lipiyana.errors import InvalidRequest
from lipiyana.events.row_lines import LONGEST_LINE, Chunk, RowLines
from lipiyana.events.senders.message import Compression
from lipiyana.events.sinks.addresses import Credentials
from lipiyana.events.sinks.opening import open_forwarder
from lipiyana.events.spool.files import SpoolWriteError
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.limits import Drop, SpoolLimits
from lipiyana.events.spool.metrics import serve_metrics
from lipiyana.files import is_json_object

_DISK_SECONDS = 1.0
"""Between attempts to write to a disk that is full."""
_CHECK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """The options of `lipiyana forward`; `options.forward` describes them."""

    rows: Path | None
    to: str
    spool: Path
    max_bytes: int | None
    max_age: float | None
    drop: DropChoice
    rate: int | None
    compress: CompressChoice | None
    follow: bool
    secret_file: Path | None
    login_file: Path | None
    ca: Path | None
    metrics_port: int | None
    metrics_host: str | None


def run(request: ForwardRequest) -> int:
    """Forward rows until they end and are sent; return the exit code.

    Raises:
        LipiyanaError: another process uses the spool, or a package for the address is missing.
    """
    try:
        with ExitStack() as stack:
            stack.enter_context(terminable())
            check_secrets([request.to], request.secret_file, request.login_file)
            credentials = Credentials.load(request.secret_file, request.login_file, request.ca)
            warn_of_open_network(request.to)
            forwarder = open_forwarder(
                request.to,
                request.spool,
                _options(request),
                credentials=credentials,
                report=say_warning,
            )
            intake = _Intake(request, forwarder)
            stack.callback(lambda: say_step(summary(forwarder, intake.invalid)))
            stack.callback(forwarder.close)
            serve_metrics_of(forwarder, request.metrics_port, request.metrics_host, stack)
            intake.take_all()
            while not forwarder.wait_until_sent(_CHECK_SECONDS):
                pass
        return FAILED if intake.invalid or missing(forwarder) else DONE
    except InvalidRequest as error:
        say_error(error.message)
        return USAGE
    except (OSError, ValueError) as error:
        say_error(plain(error))
        return FAILED
    except KeyboardInterrupt as signalled:
        return TERMINATED if isinstance(signalled, Terminated) else INTERRUPTED


def opened(address: str, spool: Path, ca: Path | None) -> Forwarder:
    """Open a forwarder of rows of `watch`: standard limits, and secrets from the environment.

    Args:
        address: of the receiver.
        spool: folder in which rows wait.
        ca: issuer of the receiver's certificate; None for the system's.

    Raises:
        LipiyanaError: the address, a secret or the spool cannot be used.
        OSError: the spool cannot be written.
    """
    credentials = Credentials.load(None, None, ca)
    warn_of_open_network(address)
    return open_forwarder(
        address,
        spool,
        ForwardOptions(own_ids=True),
        credentials=credentials,
        report=say_warning,
    )


def serve_metrics_of(
    forwarder: Forwarder, port: int | None, host: str | None, stack: ExitStack
) -> None:
    """Serve the metrics of a forwarder until the stack ends, if a port is asked for.

    Raises:
        InvalidRequest: the port cannot be used.
    """
    if port is None:
        if host is not None:
            raise InvalidRequest("--metrics-host needs --metrics-port", field="metrics_host")
        return
    listening, stop = serve_metrics(forwarder, host or "127.0.0.1", port)
    stack.callback(stop)
    if not port:
        say_step(f"metrics at port {listening}")


class _Intake:
    """Reads rows into the spool, from where the last run stopped.

    The position in a file is stored with the rows, in one transaction, so none is taken twice or
    left out, wherever the process ends.
    """

    def __init__(self, request: ForwardRequest, forwarder: Forwarder) -> None:
        self._path = request.rows
        self._forwarder = forwarder
        self._name = "" if request.rows is None else str(request.rows.resolve())
        self._follow = request.follow
        self._warned_at = -math.inf
        self.invalid = 0

    def take_all(self) -> None:
        """Read to the end, or for as long as the file grows.

        Raises:
            OSError: the file cannot be read.
        """
        position = self._forwarder.spool.position(self._name)
        rows = RowLines(self._path, follow=self._follow, position=position)
        try:
            for chunk in rows.chunks():
                if chunk.lines or chunk.too_long:
                    self._take(chunk)
        finally:
            rows.close()

    def _take(self, chunk: Chunk) -> None:
        good = [line for line in chunk.lines if is_json_object(line)]
        if chunk.too_long:
            self.invalid += chunk.too_long
            say_warning(f"a line is left out: it is longer than {LONGEST_LINE} bytes")
        bad = len(chunk.lines) - len(good)
        if bad:
            self.invalid += bad
            say_warning(f"{bad} lines are left out: they are no JSON objects")
        if bad and chunk.unfinished:
            return  # the next run reads it again, when it may be whole
        self._add(good, None if self._path is None else (self._name, chunk.position))

    def _add(self, lines: Sequence[bytes], position: tuple[str, str] | None) -> None:
        """Spool rows; while the disk is full, the file or the pipe has to wait.

        A file that does not grow also waits while the spool is full: it stores its rows itself.
        """
        if self._path is not None and not self._follow:
            self._forwarder.wait_for_room(lines)
        while True:
            waiting = self._forwarder.spool.waiting
            try:
                self._forwarder.add(lines, position)
            except SpoolWriteError as error:
                if (now := time.monotonic()) > self._warned_at + _CHECK_SECONDS:
                    self._warned_at = now
                    say_warning(
                        f"no rows are read while the spool cannot be written: {error}; they wait"
                    )
                self._forwarder.wait_until_fewer_than(waiting, _DISK_SECONDS)
            else:
                return


def _options(request: ForwardRequest) -> ForwardOptions:
    standard = SpoolLimits()
    return ForwardOptions(
        rate=request.rate,
        compression=None if request.compress is None else Compression(request.compress.value),
        limits=SpoolLimits(
            max_bytes=request.max_bytes or standard.max_bytes,
            max_age=request.max_age or standard.max_age,
            drop=Drop(request.drop.value),
        ),
    )


def missing(forwarder: Forwarder) -> int:
    """Count the rows that the receiver will never have."""
    return forwarder.spool.counts.dropped + forwarder.counts.refused + forwarder.counts.lost


def summary(forwarder: Forwarder, invalid: int = 0) -> str:
    """Say what became of the rows.

    Args:
        forwarder: that had them.
        invalid: lines that were no rows.
    """
    spooled, sent = forwarder.spool.counts, forwarder.counts
    parts = [
        f"{spooled.spooled} rows spooled",
        f"{sent.sent} sent ({sent.bytes_sent} bytes)",
        f"{spooled.waiting} waiting",
    ]
    others = {
        "dropped, spool full": spooled.dropped_full,
        "dropped, too old": spooled.dropped_old,
        "dropped, larger than the spool": spooled.dropped_large,
        "lost, spool not written": sent.lost,
        "refused": sent.refused,
        "invalid": invalid,
        "messages failed": sent.failures,
    }
    return ", ".join(parts + [f"{number} {what}" for what, number in others.items() if number])
