"""Makes untrusted text, such as file names, safe for a terminal and for output rows.

A terminal executes control characters: they move the cursor, clear the screen or overwrite text.
"""

from __future__ import annotations

import os
import re

CONTROLS = r"\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Characters that a terminal executes instead of showing them, for a regular expression's class:
control characters except the line feed, other line ends, and changes of the text direction.
"""

_CONTROL = re.compile(f"[{CONTROLS}]")
_NEXT_LINE = re.compile(r"\n(?!  )")


def visible(text: str) -> str:
    """Write control characters as Python escapes, and indent all lines but the first.

    So `text` can neither move the cursor nor imitate a message of the command at the start of a
    line.
    """
    return _NEXT_LINE.sub("\n  ", escaped(text))


def escaped(text: str) -> str:
    """Write control characters as Python escapes; line feeds stay."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


# looks like an escape: bytes that are not UTF-8 are always 0x80 or above, and 0x25 is "%" itself
_LOOKS_LIKE_AN_ESCAPE = re.compile(rb"%(?=25|[89A-F][0-9A-F])")
_AN_ESCAPE = re.compile(rb"%(25|[89A-F][0-9A-F])")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def shown(path: str) -> str:
    """Write a path for a message, on one line: line feeds become escapes, too."""
    return visible(printable(path).replace("\n", "\\n"))


def printable(path: str) -> str:
    """Write a path (from `os.fsdecode`) as valid Unicode, so that it can be decoded again.

    Each byte that is not UTF-8 becomes `%XX`, in upper case. A `%` that would look like such an
    escape becomes `%25`; all other characters, even other `%`, stay. So nearly all names are
    unchanged, and different paths stay different; `path_of` gives the path back.
    """
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # no file can have this name
        encoded = path.encode("utf-8", "backslashreplace")
    raw = _LOOKS_LIKE_AN_ESCAPE.sub(b"%25", encoded)
    text = raw.decode("utf-8", "surrogateescape")
    return _ESCAPED_BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def path_of(text: str) -> str:
    """Undo `printable`: replace each `%25` and `%80` to `%FF` by its byte."""
    return os.fsdecode(
        _AN_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), os.fsencode(text))
    )
