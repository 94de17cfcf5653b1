"""The source of work: client and kind of call, which take turns in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of call."""

    CALL = "call"
    BATCH = "batch"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Source:
    """A client (the name of its key, or its address) and the kind of its call."""

    kind: Kind
    client: str


ANYONE = Source(Kind.CALL, "")
"""Work without a particular client."""

WARM_UP = Source(Kind.CALL, "warm-up")
"""The warm-up, which is in no metric."""
