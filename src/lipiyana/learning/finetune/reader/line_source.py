"""Endless batches to learn from: the user's lines, changed a little each time, and rendered ones.

The rendered ones are of two kinds: like the user's, so that 50 pictures do not have to show every
letter, and of everything that the base reads, so that it is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset

from lipiyana.errors import LipiyanaError
from lipiyana.learning.finetune.reader.examples import Example, ExampleCache
from lipiyana.learning.finetune.reader.rendered_lines import RenderedLines
from lipiyana.learning.trainer.loading import chance_of_process, in_processes
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.batches import Batch, gathered
from lipiyana.ocr.training.lines import Line
from lipiyana.ocr.training.real_crops import vary

REAL = "real"
"""Stands in `Line.script` for a line of the user's."""

_MEASURED_SEED, _CALIBRATING_SEED = 7_001, 7_002
_NARROW = 480  # pixels: lines that only measure are no wider, for they cost time


@dataclass(frozen=True, slots=True)
class LineMix:
    """What the batches are made of.

    Attributes:
        examples: the user's lines to learn from.
        characters: of the reader, in the order of its classes.
        words: the language model of the base, None where it has none.
        plates: the user's registrations where the lines are rows of plates.
        real_share: of the user's lines among all, where anything can be rendered.
        kindred_share: of rendered lines like the user's; the rest is of everything else.
        max_width: of a line, in pixels at the reader's height.
        seed: of chance.
    """

    examples: tuple[Example, ...]
    characters: tuple[str, ...]
    words: Path | None
    plates: tuple[str, ...] = ()
    real_share: float = 0.45
    kindred_share: float = 0.25
    max_width: int = 960
    seed: int = 0

    def rendered(self, rng: np.random.Generator) -> RenderedLines:
        """Make what draws the rendered lines."""
        texts = [example.text for example in self.examples]
        return RenderedLines(texts, Charset(self.characters), self.words, rng, self.plates)


class MixedLines(IterableDataset[Batch]):
    """Batches without end; see `LineMix`."""

    def __init__(self, mix: LineMix) -> None:
        self.mix = mix

    def __iter__(self) -> Iterator[Batch]:
        """Draw lines and gather them by width."""
        rng = chance_of_process(self.mix.seed)
        charset = Charset(self.mix.characters)
        yield from gathered(mixed_lines(self.mix, rng), charset, self.mix.max_width)


def mixed_lines(mix: LineMix, rng: np.random.Generator) -> Iterator[Line]:
    """Draw lines of all kinds without end."""
    cache = ExampleCache()
    rendered = mix.rendered(rng)
    possible = rendered.possible
    kindred_share = mix.kindred_share / max(1e-9, 1 - mix.real_share)
    while True:
        if possible and rng.random() >= mix.real_share:
            if rng.random() < kindred_share:
                yield from rendered.kindred()
            elif (line := rendered.other()) is not None:
                yield line
            continue
        example = mix.examples[int(rng.integers(len(mix.examples)))]
        try:
            image = cache.get(example)
        except LipiyanaError:  # it was readable when it was checked, and is gone
            continue
        yield Line(vary(image, rng), example.text, REAL)


def other_lines(mix: LineMix, count: int) -> list[Line]:
    """Render `count` lines of what the base reads beside the user's, the same at every call.

    Returns:
        None of them where nothing can be rendered here.
    """
    if not count:
        return []
    rendered = mix.rendered(np.random.default_rng([mix.seed, _MEASURED_SEED]))
    if not rendered.possible:
        return []
    lines: list[Line] = []
    while len(lines) < count:
        line = rendered.other()
        if line is not None and _narrow(line):
            lines.append(line)
    return lines


def calibrating_lines(mix: LineMix, count: int) -> list[Line]:
    """Draw `count` lines as they are learned from, to calibrate the INT8 twin with."""
    rng = np.random.default_rng([mix.seed, _CALIBRATING_SEED])
    return list(islice(mixed_lines(mix, rng), count))


def _narrow(line: Line) -> bool:
    height, width = line.image.shape[:2]
    return width * 48 <= _NARROW * height


def batches(mix: LineMix, workers: int) -> Iterator[Batch]:
    """Render and read in `workers` processes, a few batches ahead; in this one where it is 0."""
    return iter(in_processes(MixedLines(mix), workers))
