"""Manifest entries and model card of a fine-tuned reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.provenance import Provenance, provenance_of
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, today, twins
from lipiyana.learning.finetune.reader.base import ChosenBase
from lipiyana.learning.finetune.reader.checking import CheckedData
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.report import ReportFacts
from lipiyana.learning.trainer.metrics import TextScore
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel


@dataclass(frozen=True, slots=True)
class TrainedReader:
    """A trained reader.

    Attributes:
        name: name of the new model.
        base: the model that it started from.
        data: the user's checked data.
        mix: the training lines.
        course: state of the course.
    """

    name: str
    base: ChosenBase
    data: CheckedData
    mix: LineMix
    course: CourseState

    @property
    def plates(self) -> bool:
        """Whether the lines are rows of plates; then whole plates are scored."""
        return bool(self.mix.plates)


def new_models(
    trained: TrainedReader, twin: Path, small: Path, facts: ReportFacts, specialist: bool
) -> list[NewModel]:
    """Make the entries of the float reader and, if it is good, of the INT8 one; preferred first.

    Args:
        trained: the trained reader.
        twin: file of the float reader.
        small: file of the INT8 reader.
        facts: scores and settings.
        specialist: whether the specialist reader for Latin still reads Latin lines.
    """
    base, int8 = trained.base.entry, facts.int8
    data = f"{base.data or base.name}; {len(trained.data.train)} lines of the user"
    examples = (*trained.data.train, *trained.data.validation)
    made_of = provenance_of(
        base, ((e.picture, [e.text, e.part, e.corners, e.row]) for e in examples)
    )
    parameters = made_of.parameters()
    if not specialist:
        parameters["latin_specialist"] = False
    licence = base.licence or "that of the data"

    def model(name: str, file: Path, score: TextScore) -> NewModel:
        return NewModel(
            name=name,
            task=Task.LINE_READER,
            file=file,
            version=today(),
            licence=licence,
            data=data,
            card=_card(trained, facts, made_of),
            charset_sha256=trained.data.charset.sha256,
            scores={
                "validation_cer": round(score.cer, 4),
                "validation_exact": round(score.exact, 4),
            },
            parameters=parameters,
            companions={"words": trained.base.words} if trained.base.words else {},
        )

    return twins(
        model(trained.name + FLOAT_SUFFIX, twin, int8.float_score),
        model(trained.name, small, int8.score),
        good=int8.good,
        faster=int8.preferred,
    )


def _card(trained: TrainedReader, facts: ReportFacts, made_of: Provenance) -> str:
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
            f"# {trained.name}",
            "",
            f"Fine-tuned from `{trained.base.entry.name}` on {len(trained.data.train)} lines in "
            f"{trained.course.seconds / 60:.1f} minutes; rendered lines were mixed in.",
            "",
            str(made_of),
            "",
            f"| {facts.of_what} | number | CER before | CER after | exact before | exact after |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "The pictures belong to the user: check their licence before passing this model on.",
            "",
        )
    )
