"""Text written by others, such as file names, made safe for a terminal and for output rows.

A terminal obeys control characters: they move its cursor, clear it, or overwrite what was printed.
"""

from __future__ import annotations

import os
import re

COMMANDS = r"\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Characters, as a regular expression's class has them, that a terminal does not show but does: all
controls but the line feed, other ends of lines, and what turns the direction of text around.
"""

_COMMAND = re.compile(f"[{COMMANDS}]")
_NEXT_LINE = re.compile(r"\n(?!  )")


def visible(text: str) -> str:
    """Write control characters as Python escapes, and indent all lines but the first.

    So nothing in `text` can move the cursor, or begin a line as a message of the command does.
    """
    return _NEXT_LINE.sub("\n  ", escaped(text))


def escaped(text: str) -> str:
    """Write control characters as escapes; line feeds stay."""
    return _COMMAND.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


# what an escape looks like: a byte that is not UTF-8 is always 80 or above, and 25 is "%" itself
_LOOKS_LIKE_AN_ESCAPE = re.compile(rb"%(?=25|[89A-F][0-9A-F])")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def shown(path: str) -> str:
    """Write a path on one line for people to read; a line feed becomes an escape."""
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
