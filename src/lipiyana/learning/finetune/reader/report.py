"""The HTML report on fine-tuning a reader, with embedded pictures."""

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
    """Content of the report.

    Attributes:
        name: name of the new model.
        base: name of the base.
        of_what: unit of the scores: "lines" or "plates".
        data: the checked data.
        course: state of the course, with its measurements.
        validation: the user's validation set, before and after.
        samples: the project's samples; None if not available.
        int8: comparison of the INT8 twin with the float one.
        notes: other remarks for the user.
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
    """A line that is now read differently."""

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
    """Differences on one data set; `rows` are the first of the `changed`."""

    where: str
    of_what: str
    count: int
    changed: int
    rows: tuple[_Changed, ...]


def render_report(facts: ReportFacts) -> str:
    """Render the report. It shows the user's pictures: keep it as private as they are."""
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
    """Collect the differences, regressions first, because they need the user's attention."""
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
