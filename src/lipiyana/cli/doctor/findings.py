"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "wrong"]
"""Advice is a `note`; only what is `wrong` makes the doctor fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, its state, and what to do about it."""

    level: Level
    subject: str
    detail: str
