"""Text that others wrote, such as names of files, as it may reach a terminal.

A terminal obeys controls: they move its cursor, clear it, or write over what was said.
"""

from __future__ import annotations

import re

COMMANDS = r"\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Characters, as a regular expression's class has them, that a terminal does not show but does: all
controls but the line feed, other ends of lines, and what turns the direction of text around.
"""

_COMMAND = re.compile(f"[{COMMANDS}]")
_NEXT_LINE = re.compile(r"\n(?!  )")


def visible(text: str) -> str:
    """Write controls as escapes of Python, and set lines but the first in.

    So nothing in `text` can move the cursor, or begin a line as a message of the command does.
    """
    return _NEXT_LINE.sub("\n  ", escaped(text))


def escaped(text: str) -> str:
    """Write controls as escapes; lines stay as they are."""
    return _COMMAND.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
