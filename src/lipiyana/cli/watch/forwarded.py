"""The rows of `lipiyana watch` that go to a receiver."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, cast

import typer

from lipiyana.cli.console import say_step, say_warning
from lipiyana.cli.extras import import_with
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest
from lipiyana.events.sink import RowSink

_DISK_SECONDS = 0.5
_LAST_SECONDS = 10.0
"""In which the rows that wait at the end are sent; what then waits stays in the spool."""


class ForwardedRequest(Protocol):
    """The options of `lipiyana watch` that matter here."""

    @property
    def spool(self) -> Path | None: ...  # noqa: D102
    @property
    def ca(self) -> Path | None: ...  # noqa: D102
    @property
    def metrics_port(self) -> int | None: ...  # noqa: D102
    @property
    def metrics_host(self) -> str | None: ...  # noqa: D102


class _Waiting:
    """A sink whose rows wait until the disk has room for them."""

    def __init__(
        self, sink: RowSink, written: Callable[[], bool], check: Callable[[], object]
    ) -> None:
        self._sink, self._written, self._check = sink, written, check
        self._stopped = False

    def write(self, row: Mapping[str, Any], /) -> None:
        """Write a row, and wait until it is on the disk, or somebody has had enough."""
        self._sink.write(row)
        while not self._stopped and not self._written():
            try:
                self._check()
            except BaseException:
                self._stopped = True
                raise
            time.sleep(_DISK_SECONDS)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()


class Forwarded:
    """A spool and what sends it; when the stack ends, it has a little time to send what waits."""

    def __init__(self, request: ForwardedRequest, address: str, stack: ExitStack) -> None:
        """Open the spool.

        Raises:
            typer.BadParameter: the address, the spool or the port cannot be used.
        """
        self._command = import_with("events", "lipiyana.cli.events.forward", "--forward")
        self._spool = request.spool
        try:
            self._forwarder = self._command.opened(address, request.spool, request.ca)
        except InvalidRequest as error:
            raise typer.BadParameter(error.message, param_hint="--forward") from None
        stack.callback(self._finish)
        try:
            self._command.serve_metrics_of(
                self._forwarder, request.metrics_port, request.metrics_host, stack
            )
        except InvalidRequest as error:
            raise typer.BadParameter(error.message, param_hint="--metrics-port") from None

    def sink(self, check: Callable[[], object] | None) -> RowSink:
        """Give what takes the rows.

        Args:
            check: where sources can wait for a full disk: called meanwhile; what it raises ends the
                waiting. None where they are live.
        """
        sink = cast("RowSink", self._forwarder)
        return sink if check is None else _Waiting(sink, self._forwarder.write_again, check)

    @property
    def missing(self) -> int:
        """Rows that the receiver will never have."""
        return int(self._command.missing(self._forwarder))

    def _finish(self) -> None:
        if not self._forwarder.wait_until_sent(_LAST_SECONDS):
            say_warning(
                f"{self._forwarder.spool.waiting} rows wait in {shown(str(self._spool))}: the next "
                "run with this spool sends them"
            )
        self._forwarder.close()
        say_step(self._command.summary(self._forwarder))
