"""The report of a fine-tuning: one HTML file that holds its pictures, and needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2

from lipiyana.finetuning.checking import CheckedData
from lipiyana.finetuning.course import CourseState
from lipiyana.finetuning.scoring import Comparison, LineCase
from lipiyana.ocr.training.metrics import TextScore
from lipiyana.quantizing.search import Quantized

_MOST_PICTURES = 60
_SHOWN_HEIGHT = 48
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem .8rem; text-align: left;
border-bottom: 1px solid #ccc; vertical-align: top } img { height: 48px; max-width: 20rem }
.better { color: #060 } .worse { color: #a00 } td.n { text-align: right }
"""
_ENDINGS = {
    "time": "the time was over",
    "no_gain": "nothing was gained any more",
    "interrupted": "it was interrupted",
}


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report tells.

    Attributes:
        name: of the new model.
        base: of the model that it began from.
        data: what was checked.
        course: what was measured on the way.
        validation: the user's validation part, before and after.
        samples: the project's own samples; None where they are not at hand.
        quantized: the INT8 twin; None where there is none.
        int8: its scores on the validation part.
        milliseconds: of one word on this host, float and INT8.
        notes: what else the user should know.
    """

    name: str
    base: str
    data: CheckedData
    course: CourseState
    validation: Comparison
    samples: Comparison | None
    quantized: Quantized | None
    int8: TextScore | None
    milliseconds: tuple[float, ...]
    notes: tuple[str, ...]


def render_report(facts: ReportFacts) -> str:
    """Write the report as HTML. It shows the user's pictures: keep it as private as they are."""
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{_e(facts.name)}</title>",
        f"<style>{_STYLE}</style><h1>{_e(facts.name)}</h1>",
        f"<p>Fine-tuned from {_e(facts.base)} in {facts.course.seconds / 60:.1f} minutes, until "
        f"{_ENDINGS[facts.course.ending or 'time']}.</p>",
        "<h2>Scores</h2>",
        *_scores(facts),
        *_notes(facts),
        "<h2>What changed on the validation part</h2>",
        *_changes(facts.validation),
    ]
    if facts.samples is not None:
        parts += ["<h2>What changed on the project's samples</h2>", *_changes(facts.samples)]
    parts += ["<h2>Data</h2>", *_data(facts.data), *_layers(facts.quantized)]
    parts += ["<h2>Course</h2>", *_course(facts.course)]
    return "\n".join(parts) + "\n"


def _scores(facts: ReportFacts) -> Iterator[str]:
    yield "<table><tr><th>lines<th><th>before<th>after"
    sets: list[tuple[str, Comparison | None]] = [
        ("your validation part", facts.validation),
        ("the project's samples", facts.samples),
    ]
    for name, comparison in sets:
        if comparison is None or not comparison.cases:
            continue
        before, after = comparison.score_before, comparison.score_after
        yield _score_row(f"{name} ({before.lines})", "CER", before.cer, after.cer, True)
        yield _score_row("", "exact", before.exact, after.exact, False)
    yield "</table>"
    if facts.int8 is not None and len(facts.milliseconds) == 2:
        after = facts.validation.score_after
        yield (
            f"<p>INT8 against its float twin, the reader alone: CER {facts.int8.cer:.3f}, exact "
            f"{facts.int8.exact:.3f} on the validation part; {facts.milliseconds[1]:.1f} ms a word "
            f"against {facts.milliseconds[0]:.1f} on this machine.</p>"
        )


def _score_row(name: str, measure: str, before: float, after: float, lower_is_better: bool) -> str:
    gain = (before - after) if lower_is_better else (after - before)
    tone = "better" if gain > 0 else "worse" if gain < 0 else ""
    return (
        f"<tr><td>{_e(name)}<td>{measure}<td class=n>{before:.3f}<td class='n {tone}'>{after:.3f}"
    )


def _notes(facts: ReportFacts) -> Iterator[str]:
    notes = (*facts.notes, *facts.data.notes)
    if notes:
        yield "<ul>" + "".join(f"<li>{_e(note)}" for note in notes) + "</ul>"


def _changes(comparison: Comparison) -> Iterator[str]:
    """Show what is read otherwise than before: the worse first, for they need eyes most."""
    changed = [
        row
        for row in zip(comparison.cases, comparison.before, comparison.after, strict=True)
        if row[1] != row[2]
    ]
    changed.sort(key=lambda row: (row[1] != row[0].text, row[2] == row[0].text))
    if not changed:
        yield "<p>Nothing.</p>"
        return
    yield f"<p>{len(changed)} of {len(comparison.cases)} lines are read otherwise.</p>"
    yield "<table><tr><th>picture<th>truth<th>before<th>after"
    for case, before, after in changed[:_MOST_PICTURES]:
        tone = "better" if after == case.text else "worse" if before == case.text else ""
        yield (
            f"<tr><td>{_picture(case)}<td>{_e(case.text)}<td>{_e(before)}"
            f"<td class='{tone}'>{_e(after)}"
        )
    yield "</table>"


def _picture(case: LineCase) -> str:
    height, width = case.pixels.shape[:2]
    size = (max(1, round(width * _SHOWN_HEIGHT / height)), _SHOWN_HEIGHT)
    small = cv2.resize(case.pixels, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    encoded = base64.b64encode(data.tobytes()).decode() if done else ""
    return f"<img alt='{_e(case.name)}' src='data:image/jpeg;base64,{encoded}'>"


def _data(data: CheckedData) -> Iterator[str]:
    yield (
        f"<p>{data.labels} labels: {len(data.train)} lines to learn from, {len(data.validation)} "
        f"to measure on, {len(data.dropped)} labels not used.</p>"
    )
    if data.dropped:
        yield "<table><tr><th>label<th>picture<th>why it is not used"
        for one in data.dropped:
            yield f"<tr><td>{_e(one.where)}<td>{_e(one.picture)}<td>{_e(one.problem)}"
        yield "</table>"


def _layers(quantized: Quantized | None) -> Iterator[str]:
    if quantized is None:
        return
    yield (
        f"<h2>INT8</h2><p>It agrees with the float twin on {quantized.agreement:.1%} of the lines "
        f"({quantized.all_layers:.1%} with every layer quantized).</p>"
    )
    if quantized.left_float:
        yield "<table><tr><th>layers left in float<th>difference when they alone are quantized"
        for one in quantized.left_float:
            yield f"<tr><td>{_e(one.group)}<td class=n>{one.difference:.4f}"
        yield "</table>"


def _course(course: CourseState) -> Iterator[str]:
    yield "<table><tr><th>seconds<th>validation CER<th>loss"
    rows: Sequence[tuple[float, float, float]] = course.history
    for seconds, error, loss in rows:
        yield f"<tr><td class=n>{seconds:.0f}<td class=n>{error:.4f}<td class=n>{loss:.3f}"
    yield "</table>"


def _e(text: str) -> str:
    return html.escape(text, quote=True)
