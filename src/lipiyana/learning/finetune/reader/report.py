"""The report of a reader's fine-tuning: one HTML file that holds its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.report_html import ScoreRow, picture_source, render
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


@dataclass(frozen=True, slots=True)
class _Changed:
    """A line that is read differently than before."""

    name: str
    source: str
    truth: str
    before: str
    after: str

    @property
    def tone(self) -> str:
        return "better" if self.after == self.truth else "worse" * (self.before == self.truth)


@dataclass(frozen=True, slots=True)
class _Changes:
    """What is read differently on one set; `rows` are the first of the `changed`."""

    where: str
    of_what: str
    count: int
    changed: int
    rows: tuple[_Changed, ...]


def render_report(facts: ReportFacts) -> str:
    """Write the report as HTML. It shows the user's pictures: keep it as private as they are."""
    changes = [_changes(facts.validation, "the validation part", facts.of_what)]
    if facts.samples is not None:
        changes.append(_changes(facts.samples, "the project's samples", "lines"))
    return render(
        "reader/report.html.jinja", facts=facts, scores=list(_scores(facts)), changes=changes
    )


def _scores(facts: ReportFacts) -> Iterator[ScoreRow]:
    sets: list[tuple[str, str, Comparison | None]] = [
        ("your validation part", facts.of_what, facts.validation),
        ("the project's samples", "lines", facts.samples),
    ]
    for name, what, comparison in sets:
        if comparison is None or not comparison.cases:
            continue
        before, after = comparison.score_before, comparison.score_after
        title = f"{name}, {before.lines} {what}"
        yield ScoreRow(title, "CER", before.cer, after.cer, lower_is_better=True)
        yield ScoreRow("", "exact", before.exact, after.exact)


def _changes(comparison: Comparison, where: str, what: str) -> _Changes:
    """What is read differently than before: what became worse first, for it needs eyes most."""
    changed = [
        row
        for row in zip(comparison.cases, comparison.before, comparison.after, strict=True)
        if row[1] != row[2]
    ]
    changed.sort(key=lambda row: (row[1] != row[0].text, row[2] == row[0].text))
    height = _PLATE_HEIGHT if what == "plates" else _LINE_HEIGHT
    rows = tuple(
        _Changed(case.name, picture_source(case.pixels, height), case.text, before, after)
        for case, before, after in changed[:_MOST_PICTURES]
    )
    return _Changes(where, what, len(comparison.cases), len(changed), rows)
