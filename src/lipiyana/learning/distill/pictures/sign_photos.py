"""Photos of signs with the outline and text of every word, and scores of detectors on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.learning.distill.text_cores import LabelledPicture, Quads
from lipiyana.ocr.geometry import Quad, area, rectangle, shared_area
from lipiyana.vehicles.training.data.street_pictures import SIGNS, Part, parts

_COVERED = 0.7
"""Minimum share of a word that one region must cover ..."""
_TALLEST = 2.2
"""... and maximum height of that region, in heights of the word."""
_FALSE = 0.3
"""A region with less than this share inside of words and ignored text is false."""


@dataclass(frozen=True, slots=True, eq=False)
class SignPhoto:
    """A photo of a sign.

    Attributes:
        path: the file.
        texts: of the words.
        words: (n, 4, 2) their outlines in pixels, clockwise from the top left.
        ignored: (n, 4, 2) outlines of text that is not labelled.
    """

    path: Path
    texts: tuple[str, ...]
    words: Quads
    ignored: Quads

    def labelled(self) -> LabelledPicture:
        """Load the picture with its labels."""
        return LabelledPicture(load(self.path), None, self.words, self.ignored)


def load_sign_photos(data: Path, part: Part) -> list[SignPhoto]:
    """Load the labels of one part, in the order of the file names.

    Args:
        data: has `signs/hi_scenes` with `boxes.jsonl`.
        part: the wanted part, by the table of the vehicle detector.
    """
    folder = data / "signs" / SIGNS
    found = []
    for line in (folder / "boxes.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if parts().get((SIGNS, entry["image"])) != part:
            continue
        words = [word["quad"] for word in entry["lines"]]
        ignored = [rectangle(*one["box"]) for one in entry["ignore"]]
        found.append(
            SignPhoto(
                folder / entry["image"],
                tuple(word["text"] for word in entry["lines"]),
                np.array(words, np.float64).reshape(-1, 4, 2),
                np.array(ignored, np.float64).reshape(-1, 4, 2),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class WordScore:
    """Words of photos: how many there are, how many one region covers, and false regions."""

    words: int
    found: int
    regions: int
    false: int

    @property
    def recall(self) -> float:
        """Share of the words that are found."""
        return self.found / max(1, self.words)

    @property
    def precision(self) -> float:
        """Share of the regions that are not false."""
        return 1 - self.false / max(1, self.regions)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.recall * self.precision / max(1e-9, self.recall + self.precision)


def score_words(
    photos: Iterable[SignPhoto], detect: Callable[[RgbArray], Sequence[Quad]]
) -> WordScore:
    """Score a detector, a function from (H, W, 3) RGB to regions (4, 2), on photos of signs."""
    words = found = regions = false = 0
    for photo in photos:
        boxes = detect(load(photo.path))
        words, regions = words + len(photo.words), regions + len(boxes)
        found += sum(_is_found(word, boxes) for word in photo.words)
        text = [*photo.words, *photo.ignored]
        false += sum(
            sum(shared_area(box, one) for one in text) < _FALSE * area(box) for box in boxes
        )
    return WordScore(words, found, regions, false)


def _is_found(word: Quad, regions: Sequence[Quad]) -> bool:
    height = _height(word)
    return any(
        shared_area(region, word) >= _COVERED * area(word) and _height(region) <= _TALLEST * height
        for region in regions
    )


def _height(quad: Quad) -> float:
    return float(np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1])) / 2
