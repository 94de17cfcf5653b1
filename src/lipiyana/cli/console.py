"""What the commands say to people, on standard error."""

from __future__ import annotations

from functools import lru_cache

from rich.console import Console
from rich.text import Text


@lru_cache(maxsize=1)
def stderr() -> Console:
    """Give the one console of all messages, so that they do not tear a progress bar.

    It breaks no lines, so that messages can be searched for.
    """
    return Console(stderr=True, soft_wrap=True, highlight=False)


def say_error(message: str) -> None:
    """Print an error; nothing in `message` is taken for markup."""
    stderr().print(Text.assemble(("error: ", "bold red"), message))


def say_warning(message: str) -> None:
    """Print a warning; nothing in `message` is taken for markup."""
    stderr().print(Text.assemble(("warning: ", "yellow"), message))


def say_step(what: str) -> None:
    """Print what is done next; nothing in `what` is taken for markup."""
    stderr().print(what, markup=False)
