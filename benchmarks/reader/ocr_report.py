"""The comparison of readers as a table, as Markdown and as a plot in SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.plots import as_svg, figure
from common.report_tables import Marks, markdown_table, terminal_table
from ocr_scores import ALL, Difference, Row
from ocr_signs import SignScore
from rich.table import Table

from lipiyana.ocr.scripts.table import SCRIPTS

SCORES: Marks = ("<!-- scores: written by benchmarks/reader/ocr.py -->", "<!-- end of scores -->")
INT8_LOSS: Marks = ("<!-- INT8: written by benchmarks/reader/ocr.py -->", "<!-- end of INT8 -->")
_HEADINGS = ("pictures", "lines", "reader", "mode", "CER %", "exact %", "ms", "lines/s", "MB")
_SIGN_HEADINGS = (
    "pictures", "reader", "words", "found %", "exact %", "Latin exact %", "ms a picture",
)  # fmt: skip
_LOSS_HEADINGS = ("pictures", "lines", "exact lost", "CER added", "95 % interval")
_TIME_HEADINGS = ("input", "float", "INT8", "speed-up")
_LEFT = {"pictures", "reader", "mode", "input"}
_SCALE_END = 80  # of the CER axis, in %; what is worse is cut there


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
    """One row of the table of the loss of INT8."""
    low, high = lost.interval
    return (
        label(lost),
        str(lost.lines),
        f"{lost.exact_lost:+.2f}",
        f"{lost.cer_gained:+.2f}",
        f"{low:+.2f} to {high:+.2f}",
    )


def label(row: Row | Difference) -> str:
    """Name of the pictures: the folder and its script, or the rendered script."""
    return f"{row.name} {'in all' if row.script == ALL else SCRIPTS[row.script].name}"


def lines_table(rows: Sequence[Row]) -> Table:
    """All readers on all sets of lines, for the terminal."""
    return terminal_table("lines of text", _HEADINGS, [cells(row) for row in rows], _LEFT)


def signs_table(scores: Sequence[SignScore]) -> Table:
    """All readers on whole signs, for the terminal."""
    rows = [sign_cells(score) for score in scores]
    return terminal_table("Indic words of whole signs", _SIGN_HEADINGS, rows, _LEFT)


def losses_table(losses: Sequence[Difference], ratios: Mapping[int, Sequence[float]]) -> Table:
    """Loss of INT8 against float in points, and its speed-up, for the terminal."""
    rows = [loss_cells(lost) for lost in losses]
    table = terminal_table("INT8 against float, in points", _LOSS_HEADINGS, rows, _LEFT)
    times = (f"48x{w}: {a:.1f} / {b:.1f} ms = {a / b:.2f}" for w, (a, b) in ratios.items())
    table.caption = "; ".join(times)
    return table


def markdown(
    rows: Sequence[Row], signs: Sequence[SignScore], ratios: Mapping[int, Sequence[float]]
) -> list[str]:
    """All tables with their introductions, for the documentation."""
    parts = [markdown_table(_HEADINGS, [cells(row) for row in rows], _LEFT)]
    if signs:
        parts.append(
            "Indic words of whole signs: rendered scenes, and real words on photos of streets:"
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
    """Loss of INT8 against float, for the documentation."""
    return markdown_table(_LOSS_HEADINGS, [loss_cells(lost) for lost in losses], _LEFT)


def svg(rows: Sequence[Row], engines: Sequence[str]) -> str:
    """Plot the character error rate of each reader on each set as bars."""
    groups = list(dict.fromkeys(label(row) for row in rows))
    scores = {(label(row), row.engine): 100 * row.score.cer for row in rows}
    drawn = figure(8, 1.2 + 0.16 * len(groups) * (len(engines) + 1))
    axes = drawn.subplots()
    for place, engine in enumerate(engines):
        known = [number for number, group in enumerate(groups) if (group, engine) in scores]
        heights = [number + (place + 0.5) / (len(engines) + 1) for number in known]
        values = [scores[groups[number], engine] for number in known]
        bars = axes.barh(heights, values, 0.9 / (len(engines) + 1), label=engine)
        axes.bar_label(bars, [f"{value:.1f}" for value in values], padding=2, fontsize=7)
    axes.set_yticks([number + 0.4 for number in range(len(groups))], groups)
    axes.set(xlim=(0, _SCALE_END), xlabel="%", title="Character error rate, shorter is better")
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    return as_svg(drawn)
