"""What commands print for people, on standard error and standard output.

All text is escaped by `visible_text`.
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
"""Width of a table whose cells must not be cut: a long line is better than a cut name."""


class SafeConsole(Console):
    """Escapes control characters, and wraps no lines, so that messages can be searched."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, soft_wrap=width is None, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich` does; control characters in strings are escaped."""
        super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape control characters in tables and progress bars too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


@lru_cache(maxsize=1)
def stderr() -> SafeConsole:
    """Give the one console of all messages, so that they do not tear a progress bar."""
    return SafeConsole(stderr=True)


def stdout(width: int | None = None) -> SafeConsole:
    """Give a console for the result of a command."""
    return SafeConsole(width=width)


def say_error(message: str) -> None:
    """Print an error; `message` is not parsed as markup."""
    stderr().print(Text.assemble(("error: ", "bold red"), visible(message)))


def say_warning(message: str) -> None:
    """Print a warning; `message` is not parsed as markup."""
    stderr().print(Text.assemble(("warning: ", "yellow"), visible(message)))


def say_step(what: str) -> None:
    """Print the next step; `what` is not parsed as markup."""
    stderr().print(what, markup=False)
