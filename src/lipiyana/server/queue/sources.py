"""Which client and which kind of call work comes from: these take turns in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of call that work came in."""

    CALL = "call"
    BATCH = "batch"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Source:
    """One client and the way in which its work came; `client` is its key's name or its address."""

    kind: Kind
    client: str


ANYONE = Source(Kind.CALL, "")
"""Work that nobody in particular asked for."""
