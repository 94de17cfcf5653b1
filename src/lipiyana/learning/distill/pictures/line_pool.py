"""Collects more real lines for training the reader into one folder.

    python -m lipiyana.learning.distill.pictures.line_pool --data DIR --out runs/line_pool

- words of photos of signs, cut out by their labelled outlines;
- printed words of scanned books;
- Latin lines of street pictures, with the text that PP-OCRv6's reader is sure of.

All are of the train part: of photos by `vehicles/training/data/parts.tsv`, of books by
`book_parts.tsv`. Each source is a folder with a `labels.tsv`, as `real_crops.load_pool` reads it.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.errors import LipiyanaError
from lipiyana.files import replacing
from lipiyana.images.loading import load
from lipiyana.learning.distill.pictures.sign_photos import load_sign_photos
from lipiyana.ocr.crops import Margins, crop_quad
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.data.street_pictures import load_part

TEACHER = "ppocrv6-small-line-reader"
LABELS = "labels.tsv"
BOOKS = ("mozhi_hi_printed", "kn_mile_printed")

_SURE = 0.95
_LEAST_HEIGHT = 11  # pixels
_LEAST_LETTERS = 3
_LATIN = re.compile(r"[\x20-\x7e]+")
_QUALITY = 95
_MARGINS = Margins(0.08, 0.08)

Labelled = tuple[RgbArray, str]


@lru_cache(maxsize=1)
def book_parts() -> dict[tuple[str, str], str]:
    """Part of each book that is not of the train part, by folder and book."""
    text = resources.files("lipiyana.ocr.training").joinpath("book_parts.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {(folder, book): part for folder, book, part in rows}


def part_of_book(folder: str, page: str) -> str:
    """Part of a crop, by the third column of its label: a book, or a book and its page."""
    book = "_".join(page.split("_")[:2])
    return book_parts().get((folder, book), "train")


def sign_words(data: Path) -> Iterator[Labelled]:
    """Cut the labelled words out of the photos of signs."""
    for photo in load_sign_photos(data, "train"):
        pixels = load(photo.path)
        for text, quad in zip(photo.texts, photo.words, strict=True):
            yield crop_quad(pixels, quad, _MARGINS), text


def book_words(data: Path, folder: str) -> Iterator[Labelled]:
    """Load the words of the books of one folder."""
    root = data / "text" / folder
    for line in (root / LABELS).read_text("utf-8").splitlines():
        name, text, page = line.split("\t")
        if part_of_book(folder, page) == "train":
            yield load(root / name), text


def latin_lines(data: Path, store: ModelStore, count: int, seed: int) -> Iterator[Labelled]:
    """Read the Latin lines of street pictures with the teacher; yield those it is sure of."""
    detector = TextDetector(store, SCENE_DETECTION)
    teacher = LineReader(store, TEACHER)
    pictures = [one.path for one in load_part(data, "train")]
    random.Random(seed).shuffle(pictures)
    for path in pictures[:count]:
        try:
            pixels = load(path)
        except LipiyanaError:
            continue
        crops = [crop_quad(pixels, region.polygon) for region in detector.detect(pixels)]
        crops = [crop for crop in crops if crop.shape[0] >= _LEAST_HEIGHT]
        for crop, reading in zip(crops, teacher.read(crops), strict=True):
            letters = sum(character.isalnum() for character in reading.text)
            is_sure = reading.confidence >= _SURE and letters >= _LEAST_LETTERS
            if is_sure and _LATIN.fullmatch(reading.text):
                yield crop, reading.text


def collect(lines: Iterator[Labelled], folder: Path) -> int:
    """Write the lines that the charset covers as numbered pictures; a finished folder stays.

    Returns:
        The number of lines in the folder.
    """
    labels = folder / LABELS
    if labels.exists():
        return len(labels.read_text("utf-8").splitlines())
    folder.mkdir(parents=True, exist_ok=True)
    charset = Charset.load()
    rows: list[str] = []
    for crop, given in lines:
        text = normalize(given)
        if not text or not charset.covers(text) or min(crop.shape[:2]) < 4:
            continue
        name = f"{len(rows):05d}.jpg"
        bgr = np.ascontiguousarray(crop[..., ::-1])
        cv2.imwrite(str(folder / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        rows.append(f"{name}\t{text}")
    with replacing(labels) as partial:
        partial.write_text("\n".join(rows) + "\n", "utf-8")
    return len(rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder with signs and vehicles")
    parser.add_argument("--out", type=Path, required=True, help="folder of the lines")
    parser.add_argument("--models", type=Path, help="folder of models with the text detector")
    parser.add_argument("--streets", type=int, default=2500, help="street pictures that are read")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    store = ModelStore(args.models, threads=1)
    sources: dict[str, Iterator[Labelled]] = {
        "signs": sign_words(args.data),
        **{folder: book_words(args.data, folder) for folder in BOOKS},
        "latin": latin_lines(args.data, store, args.streets, args.seed),
    }
    for name, lines in sources.items():
        print(f"{name}\t{collect(lines, args.out / name)} lines", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
