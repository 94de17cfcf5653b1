"""Chooses the layers to quantize: all except those that reduce the agreement with the float model
too much.

Agreement compares the answers of two models for one task; it needs no ground truth. The inputs
for it, and for the calibration, are the batches that a model's own pre-processing makes of
pictures.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.images.loading import load
from lipiyana.learning.quantize.static import Quantizer
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.recognition.decoding import greedy_batch
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.session import LocalSession, Session
from lipiyana.runtime.store import ModelStore

Floats = npt.NDArray[np.float32]
Outputs = Sequence[npt.NDArray[Any]]
"""Output arrays of a model for one input."""

LEAST_AGREEMENT = 0.98
MOST_TRIED = 8
"""At most this many groups of layers may stay float; beyond that INT8 gains too little speed."""

_GAIN = 0.001
"""Minimum gain in agreement for leaving a group float."""
MOST_PICTURES = 120


def agreement(task: Task, one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Compare two models' answers to the same inputs, from 0 to 1.

    - Line readers: 1 - CER of the greedy transcripts, with the first model's as the reference.
    - Text detectors: Dice coefficient (Dice 1945) of the text pixels.
    - Other tasks: 1 - the relative difference of the outputs.

    Args:
        task: task of both models.
        one: outputs of the first model, one item an input.
        other: outputs of the second model.
    """
    if task is Task.LINE_READER:
        edits = characters = 0
        for a, b in zip(one, other, strict=True):
            for text, other_text in zip(_texts(a[0]), _texts(b[0]), strict=True):
                edits += edit_distance(text, other_text)
                characters += len(text)
        return max(0.0, 1 - edits / max(1, characters))
    if task is Task.TEXT_DETECTOR:
        threshold = SCENE_DETECTION.pixel_threshold
        both = either = 0
        for a, b in zip(one, other, strict=True):
            found, found_too = a[0] > threshold, b[0] > threshold
            both += int((found & found_too).sum())
            either += int(found.sum()) + int(found_too.sum())
        return 2 * both / either if either else 1.0
    return max(0.0, 1 - relative_difference(one, other))


def says_nothing(task: Task, answers: Sequence[Outputs]) -> bool:
    """Tell whether a text detector finds no text pixel, or a reader no letter, in any input.

    Models of other tasks cannot be judged here; the result is False for them.
    """
    if task is Task.LINE_READER:
        return not any(text for one in answers for text in _texts(one[0]))
    if task is Task.TEXT_DETECTOR:
        return not any((one[0] > SCENE_DETECTION.pixel_threshold).any() for one in answers)
    return False


def relative_difference(one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Norm of the difference of all outputs, divided by the norm of the first model's outputs."""
    difference = norm = 0.0
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a, b, strict=True):
            difference += float(np.square(x.astype(np.float64) - y).sum())
            norm += float(np.square(x.astype(np.float64)).sum())
    return (difference / norm) ** 0.5 if norm else 0.0


def edit_distance(one: str, other: str) -> int:
    """Levenshtein distance over code points."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def _texts(probabilities: npt.NDArray[Any]) -> list[str]:
    # the characters do not matter, as long as they are distinct
    charset = [chr(0xF0000 + index) for index in range(probabilities.shape[2] - 1)]
    return [decoded.text for decoded in greedy_batch(probabilities, charset)]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Relative difference of the outputs when only this group of layers is quantized."""

    group: str
    difference: float


@dataclass(frozen=True, slots=True)
class Quantized:
    """Scores of an INT8 model against its float twin, on inputs that were not used to calibrate.

    Attributes:
        agreement: agreement of the written model, see `agreement`.
        all_layers: agreement with every layer quantized.
        left_float: groups that stayed float, the most sensitive first.
        sensitivities: sensitivity of every group, the greatest first; empty unless layers had to
            stay float or `every_layer` was set.
        says_nothing: the float model finds nothing in any input, so the agreement is meaningless;
            see `says_nothing`.
    """

    agreement: float
    all_layers: float
    left_float: tuple[Sensitivity, ...]
    sensitivities: tuple[Sensitivity, ...]
    says_nothing: bool = False


def quantize_within(
    float_model: Path,
    out: Path,
    task: Task,
    inputs: Sequence[Floats],
    *,
    least_agreement: float = LEAST_AGREEMENT,
    every_layer: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> Quantized:
    """Quantize a model, leaving layers float until it agrees with the float model.

    Every second input calibrates, the others measure. If the model with all layers quantized
    agrees too little, each group of layers is quantized alone to find its sensitivity. Then the
    most sensitive groups are left float one after another, where that raises the agreement.

    Args:
        float_model: an ONNX file, packed or not.
        out: path of the INT8 model.
        task: task of the model.
        inputs: input batches of the model, at least two.
        least_agreement: agreement to reach, see `agreement`.
        every_layer: measure each group's sensitivity even if all layers together agree.
        on_step: called with a short text before each step.

    Raises:
        ValueError: there are fewer than two inputs.
    """
    if len(inputs) < 2:
        raise ValueError("at least two inputs are needed, to calibrate with and to measure on")
    calibrating, measuring = inputs[::2], inputs[1::2]
    wanted = outputs(float_model, task, measuring)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        on_step("calibrating")
        quantizer = Quantizer(float_model, calibrating, work)
        groups = quantizer.groups
        on_step("quantizing all layers")
        quantizer.quantize(out)
        reached = whole = agreement(task, wanted, outputs(out, task, measuring))
        sensitivities: list[Sensitivity] = []
        left: list[Sensitivity] = []
        if every_layer or reached < least_agreement:
            few = measuring[:: max(1, len(measuring) // 16)]
            answers = outputs(float_model, task, few)
            for group, nodes in groups.items():
                on_step(f"quantizing {group} alone")
                quantizer.quantize(work / "one.onnx", only=nodes)
                found = outputs(work / "one.onnx", task, few)
                sensitivities.append(Sensitivity(group, relative_difference(answers, found)))
            sensitivities.sort(key=lambda s: -s.difference)
        for one in sensitivities[:MOST_TRIED]:
            if reached >= least_agreement:
                break
            on_step(f"leaving {one.group} float")
            leave = [node for s in (*left, one) for node in groups[s.group]]
            quantizer.quantize(work / "less.onnx", leave=leave)
            found_now = agreement(task, wanted, outputs(work / "less.onnx", task, measuring))
            if found_now >= reached + _GAIN:
                left.append(one)
                reached = found_now
                shutil.copyfile(work / "less.onnx", out)
    silent = says_nothing(task, wanted)
    return Quantized(reached, whole, tuple(left), tuple(sensitivities), silent)


def open_file(path: Path, task: Task) -> Session:
    """Load a model file, packed or not, on one thread.

    Raises:
        ModelUnavailable: it cannot be loaded.
    """
    digest = hashlib.sha256(read_file(path, MAX_MODEL_BYTES)).hexdigest()
    return LocalSession(ModelEntry(path.name, task, path, digest), threads=1)


def outputs(path: Path, task: Task, inputs: Sequence[Floats]) -> list[Outputs]:
    """Run a model file on each input."""
    session = open_file(path, task)
    return [session.run(batch) for batch in inputs]


def read_pictures(paths: Sequence[Path], most: int = MOST_PICTURES) -> Iterator[RgbArray]:
    """Load at most `most` evenly spaced pictures, (H, W, 3) RGB; skip unreadable ones."""
    step = max(1.0, len(paths) / most)
    for number in range(min(most, len(paths))):
        try:
            yield load(paths[int(number * step)])
        except LipiyanaError:
            continue


def inputs_of(store: ModelStore, entry: ModelEntry, pictures: Iterator[RgbArray]) -> list[Floats]:
    """Collect the input batches that the model runs on for these pictures.

    Raises:
        InvalidRequest: no picture could be read, or models of this task cannot be quantized.
        ModelUnavailable: the model cannot be loaded.
    """
    recording = _Recording(store.session(entry.name))
    run_on = _pipeline_step(_RecordingStore(store, recording), entry)
    for picture in pictures:
        run_on(picture)
    if not recording.batches:
        raise InvalidRequest("calibration needs at least one readable picture", field="calibration")
    return recording.batches


def _pipeline_step(store: ModelStore, entry: ModelEntry) -> Any:
    """Return a function that runs one picture through the model and its pre-processing."""
    if entry.task is Task.LINE_READER:
        reader = LineReader(store, entry.name)
        return lambda picture: reader.read([picture])
    if entry.task is Task.TEXT_DETECTOR:
        return TextDetector(store, name=entry.name).detect
    raise InvalidRequest(
        f"{entry.name} is a {entry.task.value.replace('_', ' ')}; only line readers and text "
        "detectors can be quantized",
        field="model",
    )


class _Recording(Session):
    """A session that records its input batches."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.entry, session.header)
        self._session = session
        self.batches: list[Floats] = []

    def run(self, batch: Floats) -> list[npt.NDArray[Any]]:
        self.batches.append(batch.copy())
        return list(self._session.run(batch))


class _RecordingStore(ModelStore):
    """A store that returns the recording session for every name."""

    def __init__(self, store: ModelStore, recording: _Recording) -> None:
        self.__dict__.update(store.__dict__)
        self._recording = recording

    def session(self, name: str) -> Session:  # noqa: ARG002 - only one model is recorded
        return self._recording
