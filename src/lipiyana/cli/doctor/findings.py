"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "wrong"]
"""A `note` is advice. The command fails only if something is `wrong`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, with advice in `detail`."""

    level: Level
    subject: str
    detail: str
