"""Paths as text: what stands in a row for a file, whatever bytes its name is made of."""

from __future__ import annotations

import os
import re

from lipiyana.cli.visible_text import visible

# what an escape looks like: a byte that is not UTF-8 is always 80 or above, and 25 is "%" itself
_LOOKS_LIKE_AN_ESCAPE = re.compile(rb"%(?=25|[89A-F][0-9A-F])")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def shown(path: str) -> str:
    """Write a path on one line for people to read, a line feed as an escape, too."""
    return visible(printable(path).replace("\n", "\\n"))


def printable(path: str) -> str:
    """Write a path (as `os.fsdecode` gives it) as text that is valid Unicode.

    Each byte that is not UTF-8 becomes `%XX`, in upper case. A `%` that could be taken for the
    start of such an escape becomes `%25`; every other character, `%` too, stays. So nearly all
    names stay as they are, and no two paths are written alike: replacing each `%25` and `%80`
    to `%FF` by its byte gives the path back.
    """
    raw = _LOOKS_LIKE_AN_ESCAPE.sub(b"%25", os.fsencode(path))
    text = raw.decode("utf-8", "surrogateescape")
    return _ESCAPED_BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)
