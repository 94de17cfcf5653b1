"""Endless training batches of the user's lines, augmented, and of rendered lines.

Some rendered lines are similar to the user's, so that 50 pictures need not show every letter; the
others are of everything that the base reads, so that it is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset

from lipiyana.errors import LipiyanaError
from lipiyana.learning.finetune.reader.examples import Example, ExampleCache
from lipiyana.learning.finetune.reader.rendered_lines import RenderedLines
from lipiyana.learning.trainer.loading import worker_generator, worker_loader, worker_turn
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.batches import Batch, bucket_batches
from lipiyana.ocr.training.lines import Line
from lipiyana.ocr.training.real_crops import vary

REAL = "real"
"""Marks a line of the user in `Line.script`."""

_MEASURED_SEED, _CALIBRATING_SEED = 7_001, 7_002
_STRETCH = 256  # batches; each time, widths of which there are few lines lose some
_NARROW = 480  # pixels: maximum width of measured lines, to save time


@dataclass(frozen=True, slots=True)
class LineMix:
    """Composition of the batches.

    Attributes:
        examples: the user's training lines.
        characters: the reader's characters, in class order.
        words: the language model of the base; None if it has none.
        plates: the user's registrations, if the lines are rows of plates.
        real_share: share of the user's lines, if lines can be rendered.
        similar_share: share of rendered lines similar to the user's; the rest are other lines.
        max_width: maximum width of a line, in pixels at the reader's height.
        seed: random seed.
    """

    examples: tuple[Example, ...]
    characters: tuple[str, ...]
    words: Path | None
    plates: tuple[str, ...] = ()
    real_share: float = 0.45
    similar_share: float = 0.25
    max_width: int = 960
    seed: int = 0

    def rendered(self, rng: np.random.Generator) -> RenderedLines:
        """Make the renderer of the rendered lines."""
        texts = [example.text for example in self.examples]
        return RenderedLines(texts, Charset(self.characters), self.words, rng, self.plates)


class MixedLines(IterableDataset[Batch]):
    """An endless stream of batches; see `LineMix`."""

    def __init__(self, mix: LineMix, taken: int | None = None) -> None:
        """Start a stream.

        Args:
            mix: composition of the batches.
            taken: number of batches of the same stream that were taken before; None for a stream
                that nobody continues.
        """
        self.mix, self.taken = mix, taken

    def __iter__(self) -> Iterator[Batch]:
        """Draw lines and batch them by width."""
        if self.taken is None:
            yield from self._batches(worker_generator(self.mix.seed))
            return
        turn, taken = worker_turn(self.taken)
        # a stream begins anew now and then, so that few batches are drawn again to continue it
        first, again = divmod(taken, _STRETCH)
        for stretch in count(first):
            rng = np.random.default_rng([self.mix.seed, turn, stretch])
            yield from islice(self._batches(rng), again, _STRETCH)
            again = 0

    def _batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        charset = Charset(self.mix.characters)
        yield from bucket_batches(mixed_lines(self.mix, rng), charset, self.mix.max_width)


def mixed_lines(mix: LineMix, rng: np.random.Generator) -> Iterator[Line]:
    """Draw lines of all kinds endlessly."""
    cache = ExampleCache()
    rendered = mix.rendered(rng)
    possible = rendered.possible
    similar_share = mix.similar_share / max(1e-9, 1 - mix.real_share)
    while True:
        if possible and rng.random() >= mix.real_share:
            if rng.random() < similar_share:
                yield from rendered.similar()
            elif (line := rendered.other()) is not None:
                yield line
            continue
        example = mix.examples[int(rng.integers(len(mix.examples)))]
        try:
            image = cache.get(example)
        except LipiyanaError:  # the file was deleted or damaged after the check
            continue
        yield Line(vary(image, rng), example.text, REAL)


def other_lines(mix: LineMix, count: int) -> list[Line]:
    """Render `count` lines of what the base reads, the same ones at every call.

    Returns:
        The lines; empty if nothing can be rendered here.
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


def calibration_lines(mix: LineMix, count: int) -> list[Line]:
    """Draw `count` training lines for calibrating the INT8 twin."""
    rng = np.random.default_rng([mix.seed, _CALIBRATING_SEED])
    return list(islice(mixed_lines(mix, rng), count))


def _narrow(line: Line) -> bool:
    height, width = line.image.shape[:2]
    return width * 48 <= _NARROW * height


def batches(mix: LineMix, workers: int, taken: int | None = None) -> Iterator[Batch]:
    """Yield batches from `workers` processes that prefetch a few; 0 for this process.

    `taken`: see `MixedLines`.
    """
    return iter(worker_loader(MixedLines(mix, taken), workers))
