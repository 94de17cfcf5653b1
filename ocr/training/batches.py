"""Training batches for the line reader, from rendered lines and real crops."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lipiyana.learning.trainer.loading import worker_loader
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import bucket_width, line_input
from lipiyana.ocr.scripts.label_order import to_labels, to_text
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.ocr.training.lines import Line, fits, stretch
from lipiyana.ocr.training.plates.lines import PlateRows
from lipiyana.ocr.training.real_crops import RealCrops
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.text.lines import render_line

# input columns of a batch, padding included: for example 40 lines of 128 pixels
BATCH_COLUMNS = 5120
MAX_LINES = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one bucket width.

    Attributes:
        pixels: (N, 3, 48, W) float32, made by `line_input`.
        labels: the labels of all lines, concatenated, int64, in the order of `to_labels`.
        lengths: (N,) int64, the number of labels of each line.
        texts: N texts in logical order.
        scripts: N ISO 15924 codes.
    """

    pixels: Tensor
    labels: Tensor
    lengths: Tensor
    texts: tuple[str, ...]
    scripts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Sources of the lines.

    Attributes:
        words: folder of word lists.
        crops: folder with one folder of real crops for each source.
        pool: folder of more real lines, see `lipiyana.learning.distill.pictures.line_pool`.
        street: folder of street pictures with plates.
        real_share: share of real lines; they need `crops`.
        plate_share: share of plate rows; `real_share` of them are real.
        seed: random seed.
        workers: number of rendering processes.
        max_width: maximum input width of a line in pixels; wider lines are dropped.
    """

    words: Path
    crops: Path | None = None
    pool: Path | None = None
    street: Path | None = None
    real_share: float = 0.0
    plate_share: float = 0.0
    seed: int = 0
    workers: int = 1
    max_width: int = 480


class BatchSource(IterableDataset[Batch]):
    """An endless stream of batches; each worker process draws its own lines."""

    def __init__(self, config: SourceConfig, script_weights: Tensor) -> None:
        self.config = config
        self.script_weights = script_weights

    def __iter__(self) -> Iterator[Batch]:
        """Draw lines into width buckets, and yield each bucket once it fills a batch."""
        info = get_worker_info()
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        rng = np.random.default_rng([self.config.seed, info.id if info else 0])
        yield from bucket_batches(self._lines(rng), Charset.load(), self.config.max_width)

    def _lines(self, rng: np.random.Generator) -> Iterator[Line]:
        config = self.config
        corpus = Corpus.load(config.words)
        library = FontLibrary.load()
        real = RealCrops.load(config.crops, config.pool) if config.crops else None
        rows = self._plate_rows().lines(rng, library)
        codes = tuple(SCRIPTS)
        text_rng = random.Random(int(rng.integers(2**63)))
        while True:
            if rng.random() < config.plate_share:
                image, text, is_real = next(rows)
                yield Line(image if is_real else stretch(image, rng), text, "plate")
                continue
            if real and rng.random() < config.real_share:
                yield Line(*real.draw(rng))
                continue
            weights = self.script_weights.numpy()
            code = codes[int(rng.choice(len(codes), p=weights / weights.sum()))]
            sample = corpus.sample(text_rng, code)
            rendered = render_line(sample.drawn, sample.script, rng, library)
            if rendered is not None:
                yield Line(stretch(rendered.image, rng), sample.text, code)

    def _plate_rows(self) -> PlateRows:
        config = self.config
        crops = config.crops if config.plate_share > 0 else None
        return PlateRows.load(crops, config.street, config.real_share)


def batch_loader(source: BatchSource) -> DataLoader[Batch]:
    """Load batches in worker processes that prefetch a few."""
    return worker_loader(source, source.config.workers)


def bucket_batches(lines: Iterable[Line], charset: Charset, max_width: int) -> Iterator[Batch]:
    """Collect lines in width buckets, and yield each bucket once it fills a batch.

    Lines that are wider than `max_width` pixels, or too narrow for their text, are dropped.
    """
    buckets: dict[int, list[tuple[Line, list[int]]]] = {}
    for line in lines:
        labels = charset.encode(to_labels(line.text))
        width = bucket_width(*line.image.shape[:2])
        if width > max_width or not fits(labels, width):
            continue
        bucket = buckets.setdefault(width, [])
        bucket.append((line, labels))
        if len(bucket) >= min(MAX_LINES, max(1, BATCH_COLUMNS // width)):
            yield collate(buckets.pop(width))


def greedy_texts(logits: Tensor, charset: Charset) -> list[str]:
    """Greedy CTC decoding of logits (N, T, classes) to texts in logical order."""
    texts = []
    for best in logits.argmax(-1).tolist():
        labels = [b for a, b in zip([0, *best], best, strict=False) if b not in (0, a)]
        texts.append(to_text(charset.decode(labels)))
    return texts


def collate(lines: list[tuple[Line, list[int]]]) -> Batch:
    """Make a batch of the lines of one bucket and their labels."""
    return Batch(
        pixels=torch.from_numpy(np.stack([line_input(line.image) for line, _ in lines])),
        labels=torch.tensor([label for _, labels in lines for label in labels]),
        lengths=torch.tensor([len(labels) for _, labels in lines]),
        texts=tuple(line.text for line, _ in lines),
        scripts=tuple(line.script for line, _ in lines),
    )
