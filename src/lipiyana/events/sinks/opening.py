"""Opens what rows and events are written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lipiyana.events.sink import RowSink
from lipiyana.events.sinks.addresses import Credentials, is_address, open_sender
from lipiyana.events.sinks.line_output import LineOutput
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.store import Spool, SpoolLimits

_EVENTS = ForwardOptions(single=True, limits=SpoolLimits(16 * 1024 * 1024, max_age=86400.0))
"""Events wait for a webhook or a broker in memory; the oldest are dropped first."""


def open_event_sink(to: str, credentials: Credentials, report: Callable[[str], None]) -> RowSink:
    """Open `stdout`, a file, a webhook or a topic; each event is a message of its own.

    Raises:
        InvalidRequest: the address cannot be used.
        MissingExtra: a package for it is not installed.
        OSError: the file cannot be opened.
    """
    if not is_address(to):
        return LineOutput(None if to in {"stdout", "-"} else Path(to))
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
        address: `https://HOST/PATH`, `mqtt://HOST/TOPIC` or `mqtts://HOST/TOPIC`.
        spool_dir: folder of the spool; None keeps the rows in memory.
        options: how much may wait, and how it is sent.
        credentials: for the receiver.
        report: takes messages for people; it is called from a thread.

    Raises:
        InvalidRequest: the address cannot be used, or the folder is another process's.
        MissingExtra: a package for it is not installed.
        OSError: the folder cannot be used.
    """
    sender = open_sender(address, credentials)
    forwarder = Forwarder(Spool(spool_dir, options.limits), sender, options, report=report)
    forwarder.start()
    return forwarder
