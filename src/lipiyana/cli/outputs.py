"""Files that a command writes are none that it reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest


def refuse_inputs(output: Path, inputs: Iterable[Path | None], option: str = "output") -> None:
    """Refuse to write a file that is read, under whatever name.

    Raises:
        InvalidRequest: it is one of them.
    """
    for given in inputs:
        if given is not None and _is_same(output, given):
            raise InvalidRequest(
                f"{shown(str(output))} cannot be written: it is read", field=option
            )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)  # also by another link
    except (OSError, ValueError):  # one of them is not there yet
        return one.resolve() == other.resolve()
