"""Messages and tables of the commands, on standard error and standard output.

`visible_text` escapes all text.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from lipiyana.conversions.visible_text import escaped, visible

WIDE = 240
"""Width of a table whose cells must not be truncated."""


class SafeConsole(Console):
    """Escapes control characters. Does not wrap lines, so that `grep` finds whole messages."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, soft_wrap=width is None, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print like `rich`, with control characters in strings escaped."""
        super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape control characters in tables and progress bars, too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


@lru_cache(maxsize=1)
def stderr() -> SafeConsole:
    """The console of all messages; sharing it keeps messages from breaking a progress bar."""
    return SafeConsole(stderr=True)


def stdout(width: int | None = None) -> SafeConsole:
    """A console for the result of a command."""
    return SafeConsole(width=width)


def say_error(message: str) -> None:
    """Print an error; `message` is not parsed as markup."""
    stderr().print(Text.assemble(("error: ", "bold red"), visible(message)))


def say_warning(message: str) -> None:
    """Print a warning; `message` is not parsed as markup."""
    stderr().print(Text.assemble(("warning: ", "yellow"), visible(message)))


def say_step(what: str) -> None:
    """Print a step; `what` is not parsed as markup."""
    stderr().print(what, markup=False)
