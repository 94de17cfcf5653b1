"""Scores of whole signs: the share of words that are found, and that are read exactly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ocr_readers import TESSERACT_PACKS, run_tesseract, written

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, script_of
from lipiyana.pipeline import LocalRecognizer
from lipiyana.samples import TruePicture, read_truth
from lipiyana.types import Feature, Layout, RawImage, RecognitionConfig

Polygon = Sequence[Sequence[float]]

SCENE_MODES = (3, 11, 12)
"""Tesseract's page segmentation modes for a whole page and for sparse text."""

_COVERED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """A picture with its lines of text, plates left out.

    Attributes:
        image: (height, width, 3) RGB.
        lines: the normalized text of each line and its polygon in pixels.
    """

    image: RgbArray
    lines: tuple[tuple[str, Polygon], ...]

    @property
    def scripts(self) -> tuple[str, ...]:
        """ISO 15924 codes of the lines, each once."""
        return tuple(dict.fromkeys(script_of(text) for text, _ in self.lines))


@dataclass(frozen=True, slots=True)
class Read:
    """The text of one picture; `polygons` is None if the reader returns no positions."""

    texts: tuple[str, ...]
    polygons: tuple[Polygon, ...] | None


@dataclass(frozen=True, slots=True)
class SignScore:
    """Shares of the words of all pictures.

    Attributes:
        pictures: what they are.
        reader: its name and mode.
        found: of the Indic words, those in lines that it covers at least half; None if unknown.
        exact: of the Indic words, those read exactly somewhere in their picture.
        latin_exact: the same for words of Latin letters and of digits.
        milliseconds: CPU time a picture.
        words: Indic and other words.
    """

    pictures: str
    reader: str
    found: float | None
    exact: float
    latin_exact: float
    milliseconds: float
    words: tuple[int, int]


def load_signs(samples: Path) -> list[Sign]:
    """Read the pictures that `truth.jsonl` marks as whole scenes."""
    return [_sign(samples, row) for row in read_truth(samples) if row["layout"] == "scene"]


def _sign(samples: Path, row: TruePicture) -> Sign:
    lines = tuple((normalize(line["text"]), line["polygon"]) for line in row["text_lines"])
    return Sign(load(samples / row["path"]), lines)


def read_with(recognizer: LocalRecognizer, signs: Sequence[Sign]) -> tuple[list[Read], float]:
    """Read with the layout `scene`.

    Returns:
        One reading a picture, and CPU milliseconds a picture.
    """
    config = RecognitionConfig(features=frozenset({Feature.TEXT}), layout=Layout.SCENE)
    recognizer.recognize(RawImage.from_array(signs[0].image, "rgb8"), config)  # loads the models
    reads = []
    begin = time.process_time()
    for sign in signs:
        lines = recognizer.recognize(RawImage.from_array(sign.image, "rgb8"), config).text_lines
        polygons = tuple(line.polygon for line in lines)
        reads.append(Read(tuple(line.text for line in lines), polygons))
    return reads, 1000 * (time.process_time() - begin) / len(signs)


def read_with_tesseract(signs: Sequence[Sign], mode: int) -> tuple[list[Read], float]:
    """Read each picture in a separate call, with the language packs of its scripts.

    Returns:
        One reading a picture, and CPU milliseconds a picture, loading included.
    """
    reads, seconds = [], 0.0
    with written([sign.image for sign in signs]) as paths:
        for sign, path in zip(signs, paths, strict=True):
            known = [code for code in sign.scripts if code in TESSERACT_PACKS]
            packs = dict.fromkeys(TESSERACT_PACKS[code][0] for code in (*known, "Latn"))
            texts, spent = run_tesseract([path], "+".join(packs), mode)
            reads.append(Read(tuple(texts[0].splitlines()), None))
            seconds += spent
    return reads, 1000 * seconds / len(signs)


def score(
    pictures: str, reader: str, signs: Sequence[Sign], reads: Sequence[Read], milliseconds: float
) -> SignScore:
    """Count the words."""
    found = _share(signs, reads, _words_found, indic=True)
    known = all(read.polygons is not None for read in reads)
    exact = _share(signs, reads, _words_read, indic=True)
    latin = _share(signs, reads, _words_read, indic=False)
    return SignScore(
        pictures,
        reader,
        found[0] / max(1, found[1]) if known else None,
        exact[0] / max(1, exact[1]),
        latin[0] / max(1, latin[1]),
        milliseconds,
        (exact[1], latin[1]),
    )


def _share(
    signs: Sequence[Sign],
    reads: Sequence[Read],
    count: Callable[[Sign, Read, bool], int],
    *,
    indic: bool,
) -> tuple[int, int]:
    right = sum(count(sign, read, indic) for sign, read in zip(signs, reads, strict=True))
    total = sum(_words((text for text, _ in sign.lines), indic=indic).total() for sign in signs)
    return right, total


def _words(texts: Iterable[str], *, indic: bool) -> Counter[str]:
    words = (word for text in texts for word in normalize(text).split())
    return Counter(word for word in words if (script_of(word) not in {"Latn", COMMON}) == indic)


def _words_read(sign: Sign, read: Read, indic: bool) -> int:
    truth = _words((text for text, _ in sign.lines), indic=indic)
    return (truth & _words(read.texts, indic=indic)).total()


def _words_found(sign: Sign, read: Read, indic: bool) -> int:
    covered = np.zeros(sign.image.shape[:2], np.uint8)
    for polygon in read.polygons or ():
        cv2.fillPoly(covered, [np.rint(polygon).astype(np.int32)], 1)
    count = 0
    for text, polygon in sign.lines:
        line = np.zeros_like(covered)
        cv2.fillPoly(line, [np.rint(polygon).astype(np.int32)], 1)
        if (covered & line).sum() >= _COVERED * line.sum():
            count += _words([text], indic=indic).total()
    return count
