"""Before and after: lines read as `lipiyana read --layout line` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.finetuning.examples import Example, load_example
from lipiyana.images import load
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.normalization import normalize
from lipiyana.ocr.recognition import Reader
from lipiyana.ocr.training.metrics import TextScore, score_texts

Pixels = npt.NDArray[np.uint8]

_BATCH = 64


@dataclass(frozen=True, slots=True)
class LineCase:
    """A line to score: what to show for it, (H, W, 3) RGB, its text."""

    name: str
    pixels: Pixels
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two readers make of the same lines.

    Attributes:
        cases: the lines.
        before, after: what was read, one text a line, normalized.
    """

    cases: tuple[LineCase, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def score_before(self) -> TextScore:
        """Of the first reader."""
        return score_texts(self._pairs(self.before))

    @property
    def score_after(self) -> TextScore:
        """Of the second reader."""
        return score_texts(self._pairs(self.after))

    def worse(self) -> int:
        """Count the lines that were read exactly before, and are not any more."""
        return sum(
            before == normalize(case.text) != after
            for case, before, after in zip(self.cases, self.before, self.after, strict=True)
        )

    def _pairs(self, read: Sequence[str]) -> Iterator[tuple[str, str]]:
        for case, text in zip(self.cases, read, strict=True):
            yield normalize(case.text), text


def sample_folder() -> Path | None:
    """Find the project's own samples: a checkout has them, an installed package has not."""
    folder = Path(__file__).resolve().parents[3] / "samples"
    return folder if (folder / "truth.jsonl").is_file() else None


def sample_lines(folder: Path) -> tuple[LineCase, ...]:
    """Cut every line of text and every row of a plate out of the samples."""
    cases = []
    for line in (folder / "truth.jsonl").read_text("utf-8").splitlines():
        truth = json.loads(line)
        pixels = load(folder / truth["path"])
        texts = [(entry["text"], entry["polygon"]) for entry in truth["text_lines"]]
        for plate in truth["plates"]:
            texts += zip(plate["rows"], plate["row_polygons"], strict=True)
        for text, polygon in texts:
            cases.append(LineCase(truth["path"], crop_quad(pixels, polygon), text))
    return tuple(cases)


def example_lines(examples: Sequence[Example]) -> tuple[LineCase, ...]:
    """Read the user's lines."""
    return tuple(LineCase(e.where, load_example(e), e.text) for e in examples)


def read_lines(reader: Reader, cases: Sequence[LineCase]) -> tuple[str, ...]:
    """Read lines, a batch at a time."""
    texts: list[str] = []
    for start in range(0, len(cases), _BATCH):
        readings = reader.read([case.pixels for case in cases[start : start + _BATCH]])
        texts += [normalize(reading.text) for reading in readings]
    return tuple(texts)
