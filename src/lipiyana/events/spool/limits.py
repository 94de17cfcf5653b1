"""How much may wait in a spool, and what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Drop(StrEnum):
    """What a full spool drops."""

    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much may wait.

    Attributes:
        max_bytes: of all rows.
        max_age: seconds; older rows are dropped.
        drop: what makes room in a full spool.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_age: float = 7 * 86400.0
    drop: Drop = Drop.OLDEST


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that waits: its id, which no other row ever gets, its number, and its JSON."""

    id: str
    number: int
    body: bytes


@dataclass(slots=True)
class SpoolCounts:
    """Rows since the spool was opened; `waiting` and `waiting_bytes` are those in it now.

    `dropped_large` rows were larger than the whole spool may be.
    """

    spooled: int = 0
    dropped_full: int = 0
    dropped_old: int = 0
    dropped_large: int = 0
    waiting: int = 0
    waiting_bytes: int = 0

    @property
    def dropped(self) -> int:
        """Rows that were dropped, for any reason."""
        return self.dropped_full + self.dropped_old + self.dropped_large
