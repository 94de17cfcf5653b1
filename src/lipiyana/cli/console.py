"""What the commands say to people, on standard error and standard output.

All of it is text as `visible_text` has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from lipiyana.cli.visible_text import escaped, visible

WIDE = 240
"""Width of a table whose cells are not cut to fit: a cut one says nothing, rather a long line."""


class SafeConsole(Console):
    """Shows text as `visible` has it, and breaks no lines, so that messages can be searched for."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, soft_wrap=width is None, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich` does; a string has no lines of its own."""
        super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape what is in tables and bars, too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


@lru_cache(maxsize=1)
def stderr() -> SafeConsole:
    """Give the one console of all messages, so that they do not tear a progress bar."""
    return SafeConsole(stderr=True)


def stdout(width: int | None = None) -> SafeConsole:
    """Give a console for what a command was asked for."""
    return SafeConsole(width=width)


def say_error(message: str) -> None:
    """Print an error; nothing in `message` is taken for markup."""
    stderr().print(Text.assemble(("error: ", "bold red"), visible(message)))


def say_warning(message: str) -> None:
    """Print a warning; nothing in `message` is taken for markup."""
    stderr().print(Text.assemble(("warning: ", "yellow"), visible(message)))


def say_step(what: str) -> None:
    """Print what is done next; nothing in `what` is taken for markup."""
    stderr().print(what, markup=False)
