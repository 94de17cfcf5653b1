"""The comparison of readers as a table, as Markdown and as a plot in SVG."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ocr_scores import ALL, Difference, Row
from ocr_signs import SignScore
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "common"))
from report_tables import Marks, markdown_table, terminal_table

from lipiyana.ocr.scripts.table import SCRIPTS

SCORES: Marks = ("<!-- scores: written by benchmarks/reader/ocr.py -->", "<!-- end of scores -->")
INT8_LOSS: Marks = ("<!-- INT8: written by benchmarks/reader/ocr.py -->", "<!-- end of INT8 -->")
_HEADINGS = ("pictures", "lines", "reader", "mode", "CER %", "exact %", "ms", "lines/s", "MB")
_SIGN_HEADINGS = (
    "pictures", "reader", "words", "found %", "exact %", "Latin exact %", "ms a picture",
)  # fmt: skip
_LOSS_HEADINGS = ("pictures", "lines", "exact lost", "CER gained", "95 % of draws")
_TIME_HEADINGS = ("input", "float", "INT8", "times as fast")
_LEFT = {"pictures", "reader", "mode", "input"}
_COLOURS = ("#0f766e", "#d97706", "#6d28d9", "#64748b")
_LABEL, _PLOT, _BAR, _GAP, _TOP = 190, 520, 11, 9, 64
_SCALE_END = 0.8  # of the CER axis; what is worse is cut there


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table of lines."""
    milliseconds = row.attempt.milliseconds
    return (
        label(row),
        str(row.score.lines),
        row.engine,
        row.attempt.mode,
        f"{100 * row.score.cer:.1f}",
        f"{100 * row.score.exact:.1f}",
        f"{milliseconds:.1f}",
        f"{1000 / max(milliseconds, 1e-3):.0f}",
        f"{row.attempt.model_bytes / 1e6:.1f}",
    )


def sign_cells(score: SignScore) -> tuple[str, ...]:
    """One row of the table of whole signs."""
    indic, latin = score.words
    return (
        score.pictures,
        score.reader,
        str(indic),
        "" if score.found is None else f"{100 * score.found:.1f}",
        f"{100 * score.exact:.1f}",
        f"{100 * score.latin_exact:.1f}" if latin else "",
        f"{score.milliseconds:.0f}",
    )


def loss_cells(lost: Difference) -> tuple[str, ...]:
    """One row of the table of what INT8 loses."""
    low, high = lost.interval
    return (
        label(lost),
        str(lost.lines),
        f"{lost.exact_lost:+.2f}",
        f"{lost.cer_gained:+.2f}",
        f"{low:+.2f} to {high:+.2f}",
    )


def label(row: Row | Difference) -> str:
    """Name the pictures: the folder and its script, or the script that was rendered."""
    return f"{row.name} {'in all' if row.script == ALL else SCRIPTS[row.script].name}"


def lines_table(rows: Sequence[Row]) -> Table:
    """All readers on all sets of lines, for the terminal."""
    return terminal_table("lines of text", _HEADINGS, [cells(row) for row in rows], _LEFT)


def signs_table(scores: Sequence[SignScore]) -> Table:
    """All readers on whole signs, for the terminal."""
    rows = [sign_cells(score) for score in scores]
    return terminal_table("whole signs, their Indic words", _SIGN_HEADINGS, rows, _LEFT)


def losses_table(losses: Sequence[Difference], ratios: Mapping[int, Sequence[float]]) -> Table:
    """What INT8 loses against float in points, and what it saves, for the terminal."""
    rows = [loss_cells(lost) for lost in losses]
    table = terminal_table("INT8 against float, in points", _LOSS_HEADINGS, rows, _LEFT)
    times = (f"48x{w}: {a:.1f} / {b:.1f} ms = {a / b:.2f}" for w, (a, b) in ratios.items())
    table.caption = "; ".join(times)
    return table


def markdown(
    rows: Sequence[Row], signs: Sequence[SignScore], ratios: Mapping[int, Sequence[float]]
) -> list[str]:
    """All tables and what introduces them, for the documentation."""
    parts = [markdown_table(_HEADINGS, [cells(row) for row in rows], _LEFT)]
    if signs:
        parts.append(
            "Whole signs, their Indic words; rendered scenes, and real words on photos of streets:"
        )
        parts.append(markdown_table(_SIGN_HEADINGS, [sign_cells(score) for score in signs], _LEFT))
    if ratios:
        parts.append("Milliseconds of the model alone, one line, one thread:")
        timed = [
            (f"48x{width}", f"{whole:.1f}", f"{small:.1f}", f"{whole / small:.2f}")
            for width, (whole, small) in ratios.items()
        ]
        parts.append(markdown_table(_TIME_HEADINGS, timed, _LEFT))
    return parts


def losses_markdown(losses: Sequence[Difference]) -> str:
    """What INT8 loses against float, for the documentation."""
    return markdown_table(_LOSS_HEADINGS, [loss_cells(lost) for lost in losses], _LEFT)


def svg(rows: Sequence[Row], engines: Sequence[str]) -> str:
    """Plot the character error rate of each reader on each set as bars."""
    groups = list(dict.fromkeys(label(row) for row in rows))
    scores = {(label(row), row.engine): row.score.cer for row in rows}
    step = _BAR * len(engines) + _GAP
    height, width = _TOP + step * len(groups) + 34, _LABEL + _PLOT + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        "<title>Character error rate by reader and pictures</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LABEL}" y="22" font-size="15" fill="#111827">Character error rate, '
        "shorter is better</text>",
    ]
    for number, engine in enumerate(engines):
        x = _LABEL + 150 * number
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{_COLOURS[number]}"/>')
        parts.append(f'<text x="{x + 17}" y="44" fill="#111827">{escape(engine)}</text>')
    bottom = _TOP + step * len(groups)
    for tick in range(0, round(100 * _SCALE_END) + 1, 20):
        x = _LABEL + round(_PLOT * tick / 100 / _SCALE_END)
        parts.append(f'<path d="M{x} {_TOP - 6}V{bottom}" stroke="#d1d5db"/>')
        parts.append(
            f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" fill="#374151">{tick} %</text>'
        )
    for number, group in enumerate(groups):
        top = _TOP + step * number
        middle = top + (step - _GAP) / 2 + 4
        parts.append(
            f'<text x="{_LABEL - 8}" y="{middle:.0f}" text-anchor="end" fill="#111827">'
            f"{escape(group)}</text>"
        )
        for place, engine in enumerate(engines):
            if (group, engine) in scores:
                parts.append(_bar(top + place * _BAR, scores[group, engine], _COLOURS[place]))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(top: int, cer: float, colour: str) -> str:
    length = max(1.0, _PLOT * min(cer, _SCALE_END) / _SCALE_END)
    return (
        f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR - 2}" fill="{colour}"/>'
        f'<text x="{_LABEL + length + 4:.1f}" y="{top + _BAR - 2}" font-size="9" fill="#374151">'
        f"{100 * cer:.1f}</text>"
    )
