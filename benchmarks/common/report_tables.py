"""Tables of scores: for the terminal, and as Markdown between two marks of a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.table import Table

Marks = tuple[str, str]
"""Comments that begin and end the part of a page that a benchmark writes."""

Rows = Sequence[Sequence[str]]


def terminal_table(title: str, headings: Sequence[str], rows: Rows, left: Collection[str]) -> Table:
    """A table for the terminal; columns are right-aligned, except those in `left`."""
    table = Table(title=title, box=None)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    for row in rows:
        table.add_row(*row)
    return table


def markdown_table(headings: Sequence[str], rows: Rows, left: Collection[str]) -> str:
    """The same as Markdown."""
    rule = ["---" if heading in left else "---:" for heading in headings]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def write_between(path: Path, marks: Marks, parts: Sequence[str]) -> None:
    """Write parts, separated by blank lines, between two marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = marks
    before, found, rest = path.read_text("utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{path} has no marks for the tables: put {begin} and {end} in it")
    path.write_text("\n\n".join([before + begin, *parts, end + after]), "utf-8")
