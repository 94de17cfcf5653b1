"""Tables of the scores of plate readers: for the terminal, and as Markdown between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.report_tables import Marks, markdown_table, terminal_table, write_between
from plate_scores import FalseValid, PlateScore
from rich.table import Table

PLATES: Marks = (
    "<!-- plates: written by benchmarks/plates/plates.py -->",
    "<!-- end of plates -->",
)
_BASE = "RapidOCR"
_HEADINGS = ("pictures", "country", "rows", "plates", "reader", "exact %", "CER %", "time")
_FALSE_HEADINGS = ("pictures", "kind", "number", "false valid", "%")
_LEFT = {"pictures", "country", "reader", "kind"}


def console_tables(scores: Sequence[PlateScore], counts: Sequence[FalseValid]) -> list[Table]:
    """All tables with rows."""
    return [
        terminal_table(title, headings, rows, _LEFT)
        for title, headings, rows in _tables(scores, counts)
        if rows
    ]


def write_markdown(path: Path, scores: Sequence[PlateScore], counts: Sequence[FalseValid]) -> None:
    """Put the tables between the marks of a page; at its end where it has none."""
    page = path.read_text("utf-8") if path.exists() else ""
    if not all(mark in page for mark in PLATES):
        path.write_text("\n\n".join([page.rstrip(), *PLATES]).lstrip() + "\n", "utf-8")
    tables = _tables(scores, counts)
    parts = [markdown_table(headings, rows, _LEFT) for _, headings, rows in tables if rows]
    write_between(path, PLATES, parts)


def _tables(
    scores: Sequence[PlateScore], counts: Sequence[FalseValid]
) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    base = {(s.name, s.rows): s.milliseconds for s in scores if s.reader == _BASE}
    read = [_score_cells(score, base.get((score.name, score.rows))) for score in scores]
    made_up = [_count_cells(count) for count in counts]
    return [
        ("plates read exactly", _HEADINGS, read),
        ("false valid registrations", _FALSE_HEADINGS, made_up),
    ]


def _score_cells(score: PlateScore, base: float | None) -> tuple[str, ...]:
    # times are relative to RapidOCR's in the same run, so that machines can be compared
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
