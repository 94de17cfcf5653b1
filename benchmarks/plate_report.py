"""Scores of plate readers as tables: for the terminal, and as Markdown between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plate_scores import FalseValid, PlateScore
from rich.table import Table

BEGIN, END = "<!-- plates: written by benchmarks/plates.py -->", "<!-- end of plates -->"
_BASE = "RapidOCR"
_HEADINGS = ("pictures", "country", "rows", "plates", "reader", "exact %", "CER %", "time")
_FALSE_HEADINGS = ("pictures", "kind", "number", "made up", "%")
_LEFT = {"pictures", "country", "reader", "kind"}


def console_tables(scores: Sequence[PlateScore], counts: Sequence[FalseValid]) -> list[Table]:
    """The tables that have rows."""
    return [
        _console(title, headings, rows) for title, headings, rows in _tables(scores, counts) if rows
    ]


def write_markdown(path: Path, scores: Sequence[PlateScore], counts: Sequence[FalseValid]) -> None:
    """Put the tables between the marks of a file; at its end where it has none."""
    old = path.read_text("utf-8") if path.exists() else ""
    parts = [_markdown(headings, rows) for _, headings, rows in _tables(scores, counts) if rows]
    block = "\n\n".join([BEGIN, *parts, END])
    if BEGIN in old and END in old:
        before, after = old[: old.index(BEGIN)], old[old.index(END) + len(END) :]
        path.write_text(before + block + after, "utf-8")
    else:
        path.write_text(f"{old.rstrip()}\n\n{block}\n".lstrip(), "utf-8")


def _tables(
    scores: Sequence[PlateScore], counts: Sequence[FalseValid]
) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    base = {(s.name, s.rows): s.milliseconds for s in scores if s.reader == _BASE}
    read = [_score_cells(score, base.get((score.name, score.rows))) for score in scores]
    made_up = [_count_cells(count) for count in counts]
    return [
        ("plates read exactly", _HEADINGS, read),
        ("registrations made up", _FALSE_HEADINGS, made_up),
    ]


def _score_cells(score: PlateScore, base: float | None) -> tuple[str, ...]:
    # times are told by RapidOCR's in the same run: other machines, same proportion
    time = f"{score.milliseconds / base:.2f}" if base else f"{score.milliseconds:.0f} ms"
    return (
        score.name,
        score.country,
        str(score.rows),
        str(score.plates),
        score.reader,
        f"{100 * score.exact:.1f}",
        f"{100 * score.cer:.1f}",
        time,
    )


def _count_cells(count: FalseValid) -> tuple[str, ...]:
    numbers = (str(count.pictures), str(count.made_up), f"{100 * count.rate:.1f}")
    return (count.group, count.kind, *numbers)


def _console(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=None)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _LEFT else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ("---" if heading in _LEFT else "---:" for heading in headings)
    lines = (headings, rule, *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
