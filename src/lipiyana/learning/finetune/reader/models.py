"""A fine-tuned reader as it is registered: its entries in the manifest, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, today, twins
from lipiyana.learning.finetune.reader.base import ChosenBase
from lipiyana.learning.finetune.reader.checking import CheckedData
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.report import ReportFacts
from lipiyana.learning.trainer.metrics import TextScore
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel


@dataclass(frozen=True, slots=True)
class Made:
    """What was learned.

    Attributes:
        name: of the new model.
        base: where it began.
        data: the user's, checked.
        mix: what it learned from.
        course: how.
    """

    name: str
    base: ChosenBase
    data: CheckedData
    mix: LineMix
    course: CourseState

    @property
    def plates(self) -> bool:
        """Whether the lines are rows of plates, to be measured by the plate."""
        return bool(self.mix.plates)


def new_models(
    made: Made, twin: Path, small: Path, facts: ReportFacts, specialist: bool
) -> list[NewModel]:
    """Make the entries of the float reader and, where it is good, of INT8; the preferred one first.

    Args:
        made: what was learned.
        twin: file of the float reader.
        small: file of the INT8 reader.
        facts: what was measured.
        specialist: whether lines in Latin are still read by the reader for Latin alone.
    """
    base, int8 = made.base.entry, facts.int8
    data = f"{base.data or base.name}; {len(made.data.train)} lines of the user's"
    parameters: dict[str, object] = {"base_sha256": base.sha256}
    if not specialist:
        parameters["latin_specialist"] = False
    licence = base.licence or "as the data's"

    def model(name: str, file: Path, score: TextScore) -> NewModel:
        return NewModel(
            name=name,
            task=Task.LINE_READER,
            file=file,
            version=today(),
            licence=licence,
            data=data,
            card=_card(made, facts),
            charset_sha256=made.data.charset.sha256,
            scores={
                "validation_cer": round(score.cer, 4),
                "validation_exact": round(score.exact, 4),
            },
            parameters=parameters,
            companions={"words": made.base.words} if made.base.words else {},
        )

    return twins(
        model(made.name + FLOAT_SUFFIX, twin, int8.float_score),
        model(made.name, small, int8.score),
        good=int8.good,
        faster=int8.preferred,
    )


def _card(made: Made, facts: ReportFacts) -> str:
    sets = [("the user's validation part", facts.validation)]
    if facts.samples is not None:
        sets.append(("the project's samples", facts.samples))
    rows = []
    for name, compared in sets:
        old, new = compared.score_before, compared.score_after
        rows.append(
            f"| {name} | {old.lines} | {old.cer:.4f} | {new.cer:.4f} "
            f"| {old.exact:.4f} | {new.exact:.4f} |"
        )
    return "\n".join(
        (
            f"# {made.name}",
            "",
            f"Fine-tuned from `{made.base.entry.name}` (sha256 {made.base.entry.sha256}) on "
            f"{len(made.data.train)} lines in {made.course.seconds / 60:.1f} minutes; rendered "
            "lines were mixed in.",
            "",
            f"| {facts.of_what} | how many | CER before | CER after | exact before | exact after |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "The pictures are the user's: whoever passes this model on has to know what their "
            "licence allows.",
            "",
        )
    )
