"""Which layers to quantize: all but those that cost too much agreement with the float model.

Agreement is how alike two models of one task answer, whatever the truth is.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.learning.quantize.static import Quantizer
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.recognition.decoding import greedy_batch
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import Session

Outputs = Sequence[npt.NDArray[Any]]
"""What a model gives for one input."""


def agreement(task: Task, one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Compare the answers to the same inputs, from 0 to 1.

    Readers: one minus the edits between what both read, greedily, by the characters that the
    first reads. Text detectors: the pixels that
    both find, twice, by all that either finds (Dice 1945). Others: one minus the norm of the
    difference by the norm of the first.

    Args:
        task: of the models.
        one: outputs by input.
        other: those of the other model.
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
    """Tell whether a text detector finds no pixel of text, or a reader no letter, in any input.

    What others find is not known here: of them it is said that they do.
    """
    if task is Task.LINE_READER:
        return not any(text for one in answers for text in _texts(one[0]))
    if task is Task.TEXT_DETECTOR:
        return not any((one[0] > SCENE_DETECTION.pixel_threshold).any() for one in answers)
    return False


def relative_difference(one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Norm of the difference of all outputs, by the norm of the first ones."""
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
    # any characters do, as long as they differ
    charset = [chr(0xF0000 + index) for index in range(probabilities.shape[2] - 1)]
    return [decoded.text for decoded in greedy_batch(probabilities, charset)]


Floats = npt.NDArray[np.float32]

LEAST_AGREEMENT = 0.98
MOST_TRIED = 8
"""Groups of layers that may stay float; with more, INT8 is not worth its trouble."""

_GAIN = 0.001
"""Of agreement, that leaving a group float must bring."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What quantizing one group of layers alone does: the relative difference of the outputs."""

    group: str
    difference: float


@dataclass(frozen=True, slots=True)
class Quantized:
    """An INT8 model beside its float twin, on the inputs that were held back from calibration.

    Attributes:
        agreement: see `agreement.agreement`.
        all_layers: the same with every layer quantized.
        left_float: the groups that stayed float, the most sensitive first.
        sensitivities: of every group, the greatest first; empty where nothing had to be left out
            and nobody asked.
        says_nothing: whether the float model finds nothing in any input, so that agreeing with it
            means nothing; see `agreement.says_nothing`.
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
    """Quantize so that the answers stay what they are, as nearly as can be.

    Half of the inputs calibrate, the other half measure. Where all layers together agree too
    little, the groups are tried one by one, and of the most sensitive ones those stay float that
    bring the answers nearer, until they agree.

    Args:
        float_model: an ONNX file, packed or not.
        out: where the INT8 model goes.
        task: of the model.
        inputs: as the model sees them; at least two.
        least_agreement: to be reached, see `agreement.agreement`.
        every_layer: measure each group's sensitivity even where all agree.
        on_step: told in a few words what is done next.

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
    """Load a model's file, packed or not, on one thread.

    Raises:
        ModelUnavailable: it cannot be loaded.
    """
    digest = hashlib.sha256(read_file(path, MAX_MODEL_BYTES)).hexdigest()
    return Session(ModelEntry(path.name, task, path, digest), threads=1)


def outputs(path: Path, task: Task, inputs: Sequence[Floats]) -> list[Outputs]:
    """Run a model's file over inputs."""
    session = open_file(path, task)
    return [session.run(batch) for batch in inputs]
