"""Makes the INT8 twin of a fine-tuned reader and compares it with the float one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipiyana.learning.finetune.reader.line_source import LineMix, calibration_lines
from lipiyana.learning.finetune.reader.scoring import LineCase, score_cases
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.learning.trainer.metrics import TextScore
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.training.export_reader import quantize
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

CALIBRATING = 96
"""Number of calibration lines, of every kind in training, so that the ranges fit all input."""

MOST_LOSS = 0.003
"""Maximum loss in CER by INT8, on the user's lines and on the samples; above it on either of them,
the INT8 model is not registered. If one wrong character costs more than that, `_CHANCE` applies.
"""

_CHANCE = 1.5  # characters whose loss is within chance, in a set of any size


@dataclass(frozen=True, slots=True)
class Int8:
    """Scores of an INT8 reader and its float twin, each without other readers.

    Attributes:
        float_score, score: scores of the float and the INT8 reader on the user's validation lines.
        loss: loss in CER by INT8, on the validation set or the samples, whichever is greater.
        good: whether the losses are acceptable.
        milliseconds: run times of the float and the INT8 reader for one word.
    """

    float_score: TextScore
    score: TextScore
    loss: float
    good: bool
    milliseconds: tuple[float, ...]

    @property
    def preferred(self) -> bool:
        """Whether INT8 is good, and faster on this machine."""
        return self.good and self.milliseconds[1] < self.milliseconds[0]


def quantize_reader(twin: Path, out: Path, mix: LineMix, count: int = CALIBRATING) -> None:
    """Write the INT8 twin of a float model, calibrated on `count` training lines."""
    inputs = (line_input(line.image)[None] for line in calibration_lines(mix, count))
    quantize(twin, out, inputs)


def compare_twins(
    store: ModelStore,
    names: tuple[str, str],
    cases: Sequence[LineCase],
    samples: Sequence[LineCase],
) -> Int8:
    """Score and time both twins.

    Args:
        store: a store with both.
        names: names of the float and the INT8 model.
        cases: the user's validation lines.
        samples: lines of the project's samples; empty if not available.
    """
    whole, small = (LineReader(store, name) for name in names)
    float_score, score = score_cases(whole, cases), score_cases(small, cases)
    losses = [(score.cer - float_score.cer, cases)]
    if samples:
        lost = score_cases(small, samples).cer - score_cases(whole, samples).cer
        losses.append((lost, samples))
    good = all(lost <= _allowed_loss(of) for lost, of in losses)
    loss = max(lost for lost, _ in losses)
    sessions = [open_file(store.entry(name).file, Task.LINE_READER) for name in names]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    return Int8(float_score, score, loss, good, milliseconds)


def _allowed_loss(cases: Sequence[LineCase]) -> float:
    return max(MOST_LOSS, _CHANCE / max(1, sum(len(case.text) for case in cases)))
