"""Opens what rows and events are written to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.events.senders.message import Compression
from lipiyana.events.sink import RowSink
from lipiyana.events.sinks.addresses import Credentials, is_address, open_sender, parsed
from lipiyana.events.sinks.line_output import LineOutput
from lipiyana.events.spool.files import SpoolWriteError
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.limits import SpoolLimits
from lipiyana.events.spool.store import Spool

_EVENTS = ForwardOptions(single=True, limits=SpoolLimits(16 * 1024 * 1024, max_age=86400.0))
"""Events wait for a webhook or a broker in memory; the oldest are dropped first."""


def open_event_sink(to: str, credentials: Credentials, report: Callable[[str], None]) -> RowSink:
    """Open `stdout`, a file, a webhook or a topic; each event is a message of its own.

    Raises:
        InvalidRequest: the address or the file cannot be used.
        MissingExtra: a package for it is not installed.
    """
    if not is_address(to):
        return LineOutput(None if to in {"stdout", "-"} else Path(to), report)
    return open_forwarder(to, None, _EVENTS, credentials=credentials, report=report)


def open_forwarder(
    address: str,
    spool_dir: Path | None,
    options: ForwardOptions,
    *,
    credentials: Credentials,
    report: Callable[[str], None],
) -> Forwarder:
    """Open a spool and start to send what is in it; the result is a `RowSink`.

    Args:
        address: `https://HOST/PATH`, `grpc://HOST:PORT`, `grpcs://HOST:PORT`, `mqtt://HOST/TOPIC`
            or `mqtts://HOST/TOPIC`.
        spool_dir: folder of the spool; None keeps the rows in memory.
        options: how much may wait, and how it is sent.
        credentials: for the receiver.
        report: takes messages for people; it is called from a thread.

    Raises:
        InvalidRequest: the address or the folder cannot be used.
        Unavailable: another process uses the folder.
        MissingExtra: a package for it is not installed.
    """
    if parsed(address).scheme in {"grpc", "grpcs"} and options.compression is Compression.ZSTD:
        raise InvalidRequest("gRPC has no zstd; compress with gzip", field="compress")
    sender = open_sender(address, credentials)
    spool = Spool(spool_dir, options.limits)
    with suppress(SpoolWriteError):  # who writes rows is told
        if not spool.is_of(address):
            report(
                f"this spool was another receiver's: the {spool.waiting} rows that wait in it go "
                "to the new one. Rows that the other one has are not sent again; for that, name an "
                "empty folder"
            )
    forwarder = Forwarder(spool, sender, options, report=report)
    forwarder.start()
    return forwarder
