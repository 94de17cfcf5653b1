"""What takes rows of a camera: a file, a webhook, a broker, a spool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class RowSink(Protocol):
    """Takes rows, one at a time, from one thread."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Take a row of plain values that JSON can write."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of everything."""
        ...
