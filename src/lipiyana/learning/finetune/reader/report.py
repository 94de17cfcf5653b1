"""The report of a reader's fine-tuning: one HTML file that holds its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.html_parts import (
    course_table,
    dropped_rows,
    escaped,
    head,
    notes,
    picture,
    score_row,
)
from lipiyana.learning.finetune.reader.checking import CheckedData
from lipiyana.learning.finetune.reader.int8_twin import Int8
from lipiyana.learning.finetune.reader.scoring import Comparison

_MOST_PICTURES = 60
_LINE_HEIGHT, _PLATE_HEIGHT = 48, 96


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report tells.

    Attributes:
        name: of the new model.
        base: of the model that it began from.
        of_what: is measured on: lines, or plates.
        data: what was checked.
        course: what was measured on the way.
        validation: the user's validation part, before and after.
        samples: the project's samples; None where they are not at hand.
        int8: the INT8 twin beside the float one.
        notes: what else the user should know.
    """

    name: str
    base: str
    of_what: str
    data: CheckedData
    course: CourseState
    validation: Comparison
    samples: Comparison | None
    int8: Int8
    notes: tuple[str, ...]


def render_report(facts: ReportFacts) -> str:
    """Write the report as HTML. It shows the user's pictures: keep it as private as they are."""
    parts = [
        *head(facts.name, facts.base, facts.course),
        "<h2>Scores</h2>",
        *_scores(facts),
        *notes((*facts.notes, *facts.data.notes)),
        "<h2>What changed on the validation part</h2>",
        *_changes(facts.validation, facts.of_what),
    ]
    if facts.samples is not None:
        parts += ["<h2>What changed on the project's samples</h2>"]
        parts += _changes(facts.samples, "lines")
    parts += ["<h2>Data</h2>", f"<p>{escaped(facts.data.summary)}.</p>"]
    parts += dropped_rows(facts.data.dropped)
    parts += course_table(
        facts.course,
        "The error is the CER of the validation part's lines, read greedily, and what lines unlike "
        "yours are read worse than before.",
    )
    return "\n".join(parts) + "\n"


def _scores(facts: ReportFacts) -> Iterator[str]:
    yield "<table><tr><th><th><th>before<th>after"
    sets: list[tuple[str, str, Comparison | None]] = [
        ("your validation part", facts.of_what, facts.validation),
        ("the project's samples", "lines", facts.samples),
    ]
    for name, what, comparison in sets:
        if comparison is None or not comparison.cases:
            continue
        before, after = comparison.score_before, comparison.score_after
        title = f"{name}, {before.lines} {what}"
        yield score_row(title, "CER", before.cer, after.cer, lower_is_better=True)
        yield score_row("", "exact", before.exact, after.exact, lower_is_better=False)
    yield "</table>"
    int8, whole = facts.int8.score, facts.int8.float_score
    milliseconds = facts.int8.milliseconds
    yield (
        f"<p>INT8 against its float twin, the reader alone on the validation part's lines: CER "
        f"{int8.cer:.3f} against {whole.cer:.3f}, exact {int8.exact:.3f} against "
        f"{whole.exact:.3f}; {milliseconds[1]:.1f} ms a word against {milliseconds[0]:.1f} on this "
        "machine.</p>"
    )


def _changes(comparison: Comparison, what: str) -> Iterator[str]:
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
    height = _PLATE_HEIGHT if what == "plates" else _LINE_HEIGHT
    yield f"<p>{len(changed)} of {len(comparison.cases)} {what} are read otherwise.</p>"
    yield "<table><tr><th>picture<th>truth<th>before<th>after"
    for case, before, after in changed[:_MOST_PICTURES]:
        tone = "better" if after == case.text else "worse" if before == case.text else ""
        yield (
            f"<tr><td>{picture(case.name, case.pixels, height)}<td>{escaped(case.text)}"
            f"<td>{escaped(before)}<td class='{tone}'>{escaped(after)}"
        )
    yield "</table>"
