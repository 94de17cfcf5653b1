"""Tables of scores, for the terminal and as Markdown between two marker comments of a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.table import Table

Marks = tuple[str, str]
"""Marker comments at the begin and end of the part of a page that a benchmark writes."""

Rows = Sequence[Sequence[str]]


def terminal_table(title: str, headings: Sequence[str], rows: Rows, left: Collection[str]) -> Table:
    """Build a table for the terminal; columns named in `left` are left-aligned, others right."""
    table = Table(title=title, box=None)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    for row in rows:
        table.add_row(*row)
    return table


def markdown_table(headings: Sequence[str], rows: Rows, left: Collection[str]) -> str:
    """Build the same table as Markdown."""
    rule = ["---" if heading in left else "---:" for heading in headings]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def write_between(path: Path, marks: Marks, parts: Sequence[str]) -> None:
    """Replace what is between two markers of a page by `parts`, separated by empty lines.

    Raises:
        ValueError: the page does not contain the markers.
    """
    begin, end = marks
    before, found, rest = path.read_text("utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{path} lacks the markers for the tables: add {begin} and {end}")
    path.write_text("\n\n".join([before + begin, *parts, end + after]), "utf-8")
