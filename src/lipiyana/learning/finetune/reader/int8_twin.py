"""The INT8 twin of a fine-tuned reader: made as the shipped one is, and judged beside the float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipiyana.learning.finetune.reader.line_source import LineMix, calibrating_lines
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
"""Lines of every kind that the reader learned from: the ranges must hold for all that it reads."""

MOST_LOSS = 0.003
"""CER that INT8 may cost, on the user's lines and on the samples; where it costs more on either it
is not registered. One character of a few lines is more than that, and chance.
"""

_CHANCE = 1.5  # characters


@dataclass(frozen=True, slots=True)
class Int8:
    """An INT8 reader beside its float twin, each by itself.

    Attributes:
        float_score, score: of the float twin and of INT8 on the user's validation lines.
        loss: CER that INT8 costs, the greater of the validation part's and the samples'.
        good: whether that is next to nothing.
        milliseconds: of one word, in float and in INT8.
    """

    float_score: TextScore
    score: TextScore
    loss: float
    good: bool
    milliseconds: tuple[float, ...]

    @property
    def preferred(self) -> bool:
        """Whether it is good, and faster on this machine."""
        return self.good and self.milliseconds[1] < self.milliseconds[0]


def quantize_reader(twin: Path, out: Path, mix: LineMix, count: int = CALIBRATING) -> None:
    """Write the INT8 twin of a float one, calibrated on `count` lines as they were learned from."""
    inputs = (line_input(line.image)[None] for line in calibrating_lines(mix, count))
    quantize(twin, out, inputs)


def compare_twins(
    store: ModelStore,
    names: tuple[str, str],
    cases: Sequence[LineCase],
    samples: Sequence[LineCase],
) -> Int8:
    """Read lines with both twins, and time both.

    Args:
        store: has both.
        names: of the float twin and of INT8.
        cases: the user's validation lines.
        samples: the project's; none where they are not at hand.
    """
    whole, small = (LineReader(store, name) for name in names)
    float_score, score = score_cases(whole, cases), score_cases(small, cases)
    losses = [(score.cer - float_score.cer, cases)]
    if samples:
        lost = score_cases(small, samples).cer - score_cases(whole, samples).cer
        losses.append((lost, samples))
    good = all(lost <= _bearable(of) for lost, of in losses)
    loss = max(lost for lost, _ in losses)
    sessions = [open_file(store.entry(name).file, Task.LINE_READER) for name in names]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    return Int8(float_score, score, loss, good, milliseconds)


def _bearable(cases: Sequence[LineCase]) -> float:
    return max(MOST_LOSS, _CHANCE / max(1, sum(len(case.text) for case in cases)))
