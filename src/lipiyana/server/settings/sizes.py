"""Numbers of bytes, as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[a-z]*)", re.IGNORECASE)
_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def parse_size(value: Any) -> Any:
    """Read a size that is written as text; anything else stays as it is.

    Raises:
        ValueError: the text is no size.

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
    return round(float(found["number"]) * unit) if unit > 1 else int(float(found["number"]))


Size = Annotated[int, BeforeValidator(parse_size)]
"""A number of bytes; text may have a unit."""
