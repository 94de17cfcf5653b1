"""Compares the models of a folder, the challenger, with those in use, the champion.

Both read the user's held-out part, chosen as `finetune` chooses it, and the project's samples, as
they are served: with the language model, with the reader for Latin, in INT8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.detector.box_files import read_boxes
from lipiyana.learning.finetune.detector.checking import check_boxes
from lipiyana.learning.finetune.detector.scoring import Validation, sample_plates
from lipiyana.learning.finetune.reader.checking import as_plates, check
from lipiyana.learning.finetune.reader.labels import read_labels
from lipiyana.learning.finetune.reader.scoring import (
    example_lines,
    example_plates,
    plates_with,
    read_lines,
    sample_lines,
    score_cases,
)
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.runtime.manifest import Task, read_manifest
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.network import input_of
from lipiyana.vehicles.training.evaluation import find, predict_with_session, score

FORGIVEN = 0.01
"""How much worse the samples may be: 1 point of CER or of AP50, because they are few."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What to compare on.

    Attributes:
        texts: labelled lines or plates, see `labels.read_labels`.
        plates: `texts` are plates.
        boxes: labelled pictures, see `box_files.read_boxes`.
        samples: folder of the project's samples; None to leave them out.
    """

    texts: Path | None = None
    plates: bool = False
    boxes: Path | None = None
    samples: Path | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """An error of both, from 0 up; the challenger is worse if its error is higher by `forgiven`."""

    name: str
    champion: float
    challenger: float
    forgiven: float = 0.0

    @property
    def worse(self) -> bool:
        """Whether the challenger is worse than what is forgiven."""
        return self.challenger > self.champion + self.forgiven


@dataclass(frozen=True, slots=True)
class Contest:
    """The outcome.

    Attributes:
        measures: what was measured.
        unmeasured: tasks of the challenger for which there was no held-out part.
    """

    measures: tuple[Measure, ...]
    unmeasured: tuple[Task, ...]

    @property
    def scores(self) -> dict[str, float]:
        """All figures, for an audit."""
        return {
            f"{one.name}, {who}": round(value, 4)
            for one in self.measures
            for who, value in (("champion", one.champion), ("challenger", one.challenger))
        }

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the challenger should not replace the champion; none if it should."""
        worse = [
            f"{one.name}: {one.challenger:.4f}, {one.champion:.4f} before"
            for one in self.measures
            if one.worse
        ]
        unknown = [
            f"nothing held out to measure its {task.value.replace('_', ' ')} on"
            for task in self.unmeasured
        ]
        return (*worse, *unknown)


def contest(champion: Path | None, challenger: Path, held_out: HeldOut) -> Contest:
    """Compare two folders of models.

    Args:
        champion: folder in use; None for the built-in models.
        challenger: folder of the new models; only the tasks of its manifest are compared.
        held_out: what to compare on.

    Raises:
        InvalidRequest: the labels cannot be used, or the detectors have other classes.
        ModelUnavailable: a model is missing or not intact.
    """
    tasks = {entry.task for entry in read_manifest(challenger)}
    stores = ModelStore(champion), ModelStore(challenger)
    measures: list[Measure] = []
    unmeasured: list[Task] = []
    for task, given, compare in (
        (Task.LINE_READER, held_out.texts, _readers),
        (Task.VEHICLE_DETECTOR, held_out.boxes, _detectors),
    ):
        if task in tasks:
            measures += compare(*stores, held_out)
            unmeasured += [] if given else [task]
    others = tasks - {Task.LINE_READER, Task.VEHICLE_DETECTOR}
    return Contest(tuple(measures), (*unmeasured, *sorted(others)))


def _readers(champion: ModelStore, challenger: ModelStore, held_out: HeldOut) -> Iterator[Measure]:
    readers = installed_reader(champion), installed_reader(challenger)
    if held_out.texts is not None:
        labels = read_labels(held_out.texts)
        data = check(as_plates(labels) if held_out.plates else labels, Charset(()))
        if held_out.plates:
            cases = example_plates(data.validation)
            before, after = (
                score_cases(reader, cases, plates_with(store)).cer
                for reader, store in zip(readers, (champion, challenger), strict=True)
            )
        else:
            cases = example_lines(data.validation)
            before, after = (score_cases(reader, cases, read_lines).cer for reader in readers)
        what = "plates" if held_out.plates else "lines"
        yield Measure(f"CER of {len(cases)} held-out {what}", before, after)
    if held_out.samples is not None:
        shown = sample_lines(held_out.samples)
        before, after = (score_cases(reader, shown).cer for reader in readers)
        yield Measure(f"CER of {len(shown)} lines of the samples", before, after, FORGIVEN)


def _detectors(
    champion: ModelStore, challenger: ModelStore, held_out: HeldOut
) -> Iterator[Measure]:
    sessions = [
        store.session(store.default_for_task(Task.VEHICLE_DETECTOR).name)
        for store in (champion, challenger)
    ]
    old, classes = (tuple(s.metadata.get("classes", "").split("\n")) for s in sessions)
    if classes[: len(old)] != old:
        raise InvalidRequest(
            "the detectors cannot be compared: the classes of the new one do not begin with those "
            "of the one in use",
            field="challenger",
        )
    served = [(predict_with_session(session), input_of(session)) for session in sessions]
    if held_out.boxes is not None:
        data = check_boxes(read_boxes(held_out.boxes), classes)
        shape = served[0][1]
        validation = Validation.of(data.validation, served[0][0], data.classes, data.taught, shape)
        before, after = (validation.score(*one).ap50 for one in served)
        name = f"1 - mean AP50 of {len(data.validation)} held-out pictures"
        yield Measure(name, 1 - before, 1 - after)
    if held_out.samples is not None:
        scenes = sample_plates(held_out.samples, classes)
        errors = (
            1 - score(scenes, find(scenes, *one), (PLATE,), classes)[PLATE].ap50 for one in served
        )
        before, after = errors
        yield Measure("1 - AP50 of the plates of the samples", before, after, FORGIVEN)
