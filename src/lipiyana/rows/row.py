"""`Row`: the result of one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lipiyana.errors import LipiyanaError
from lipiyana.rows.columns import to_columns
from lipiyana.types import Recognition


@dataclass(frozen=True, slots=True)
class Row:
    """What was found in one picture, or the error.

    Attributes:
        path: the picture's path as `lipiyana.conversions.visible_text.printable` writes it: bytes
            that are not UTF-8 are `%XX`, so that every row is valid Unicode. `path_of` of the same
            module gives the path back.
        sha256: of the picture's bytes, hexadecimal; None if they could not be read.
        outcome: the result or the error.
    """

    path: str
    sha256: str | None
    outcome: Recognition | LipiyanaError

    @property
    def error(self) -> LipiyanaError | None:
        """The error; None if the picture was read."""
        return self.outcome if isinstance(self.outcome, LipiyanaError) else None

    def columns(self) -> Mapping[str, Any]:
        """Give the columns as plain values (`lipiyana.rows.columns.COLUMNS`).

        `lipiyana.rows.columns.recognition_of` reads them back.
        """
        return to_columns(self.path, self.sha256, self.outcome)
