"""Values of options: read from text, and refused in plain words.

Each function here is, or makes, the `parser` of an option: typer's own words for a bad value differ
between its versions, and some of them are for programmers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer

from lipiyana.words import did_you_mean

_Choice = TypeVar("_Choice", bound=StrEnum)


def whole_number(least: int, most: int | None = None) -> Callable[[Any], int]:
    """Read a whole number between bounds that belong to it."""

    def whole_number(value: Any) -> int:
        try:
            number = int(value)
        except ValueError:
            raise typer.BadParameter(f"{value} is not a whole number.") from None
        if number < least or (most is not None and number > most):
            raise typer.BadParameter(f"{value} is not {_range(least, most)}.")
        return number

    return whole_number


def number(least: float, most: float) -> Callable[[Any], float]:
    """Read a number between bounds that belong to it."""

    def number(value: Any) -> float:
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isnan(found):
            raise typer.BadParameter(f"{value} is not a number.")
        if not least <= found <= most:
            raise typer.BadParameter(f"{value} is not {_range(least, most)}.")
        return found

    return number


def choice(kind: type[_Choice]) -> Callable[[Any], _Choice]:
    """Read one of the values of an enumeration, in upper or lower case."""

    def choice(value: Any) -> _Choice:
        try:
            return kind(str(value).lower())
        except ValueError:
            known = [member.value for member in kind]
            near = did_you_mean(value, known) or "."
            raise typer.BadParameter(f"{value} is not one of {', '.join(known)}{near}") from None

    return choice


def existing_path(value: Any) -> Path:
    """Read the path of a file or a folder that is there."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no file or folder {value}.")
    return path


def existing_folder(value: Any) -> Path:
    """Read the path of a folder that is there."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no folder {value}.")
    if not path.is_dir():
        raise typer.BadParameter(f"{value} is a file; name a folder.")
    return path


def existing_file(value: Any) -> Path:
    """Read the path of a file that is there."""
    path = Path(value)
    if not path.exists():
        raise typer.BadParameter(f"there is no file {value}.")
    if path.is_dir():
        raise typer.BadParameter(f"{value} is a folder; name a file.")
    return path


def folder_to_write(value: Any) -> Path:
    """Read the path of a folder that is there or can be made."""
    path = Path(value)
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{value} is a file; name a folder.")
    return path


def _range(least: float, most: float | None) -> str:
    return f"at least {least:g}" if most is None else f"between {least:g} and {most:g}"
