"""Values of settings that text may give: sizes with a unit, lists of origins and of hosts."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

MOST_BYTES = 2**40
"""Maximum of settings in bytes. Such a number is a mistake, and would turn a limit off."""

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[?[0-9a-f]*(?::[0-9a-f]*){2}[0-9a-f:.]*\]?")
_NAME = re.compile(r"[\w.-]+")
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[a-z]*)", re.IGNORECASE)
_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def parse_size(value: Any) -> Any:
    """Parse a size that is given as text; return other values unchanged.

    Raises:
        ValueError: the text is not a size.

    Example:
        >>> parse_size("1.5 KiB"), parse_size("20 MB"), parse_size(7)
        (1536, 20000000, 7)
    """
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip().replace("_", ""))
    unit = found and _UNITS.get(found["unit"].lower())
    if not found or not unit:
        raise ValueError('must be a number of bytes, or a size such as "512 MiB"')
    size = min(float(found["number"]) * unit, 2.0 * MOST_BYTES)  # hundreds of digits are infinite
    return round(size) if unit > 1 else int(size)


Size = Annotated[int, BeforeValidator(parse_size)]
"""A number of bytes; text may have a unit."""


def parse_origins(value: Any) -> Any:
    """Split text at its commas, and check each origin; return other values unchanged.

    Raises:
        ValueError: one is no origin as browsers send it.

    Example:
        >>> parse_origins("https://app.example, http://localhost:3000")
        ('https://app.example', 'http://localhost:3000')
    """
    return _parts(value, _ORIGIN, 'origins such as "https://app.example"')


def parse_hosts(value: Any) -> Any:
    """Split text at its commas, and check each host name; return other values unchanged.

    Raises:
        ValueError: one is no name or address of a host, or has a port.

    Example:
        >>> parse_hosts("Signs.example, 192.0.2.7")
        ('signs.example', '192.0.2.7')
    """
    if isinstance(value, str):
        value = value.lower()
    elif isinstance(value, list | tuple):
        value = [str(part).lower() for part in value]
    return _parts(value, _HOST, 'host names such as "signs.example", without ports')


def _parts(value: Any, pattern: re.Pattern[str], what: str) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    found = tuple(filter(None, (str(part).strip() for part in parts)))
    for part in found:
        if not pattern.fullmatch(part):
            raise ValueError(f"must be {what}, with commas between")
    return found


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origins)]
"""Origins of pages; text has commas between them."""

Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_hosts)]
"""Names of hosts in lower case; text has commas between them."""


def parse_names(value: Any) -> Any:
    """Split text at its commas, and check each name of a model; return other values unchanged.

    Raises:
        ValueError: one is no name of a model.

    Example:
        >>> parse_names("reader-int8, vehicles-int8")
        ('reader-int8', 'vehicles-int8')
    """
    return _parts(value, _NAME, 'names of models such as "reader-int8"')


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_names)]
"""Names of models; text has commas between them."""
