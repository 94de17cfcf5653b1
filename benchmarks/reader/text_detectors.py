"""Words of real signs that are found and read, by text detector, with the same reader.

    python benchmarks/reader/text_detectors.py [--part report] [--models FOLDER ...]

The photos are those of `signs/hi_scenes` with labelled words; nothing was trained on the parts
`selection` and `report`, and nothing was chosen on `report`. Each folder of models adds its
preferred text detector; the first row is the installed one. The last columns compare word by word
with the first row.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
from ocr_signs import Read, Sign, read_with, score
from rich.console import Console
from rich.table import Table

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.learning.distill.pictures.sign_photos import SignPhoto, load_sign_photos, score_words
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.geometry import Quad
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.pipeline import LocalRecognizer


def sign_of(photo: SignPhoto) -> Sign:
    """Take each word as a line."""
    words = zip(map(normalize, photo.texts), photo.words.tolist(), strict=True)
    return Sign(load(photo.path), tuple(words))


def words_read(sign: Sign, read: Read) -> Counter[str]:
    """Words of the truth that were read somewhere in the picture."""
    truth = Counter(word for text, _ in sign.lines for word in text.split())
    return truth & Counter(word for text in read.texts for word in normalize(text).split())


def changes(
    signs: Sequence[Sign], before: Sequence[Read], after: Sequence[Read]
) -> tuple[int, int]:
    """Count the words that only the second reading has, and those that only the first has."""
    gained = lost = 0
    for sign, old, new in zip(signs, before, after, strict=True):
        first, second = words_read(sign, old), words_read(sign, new)
        gained += (second - first).total()
        lost += (first - second).total()
    return gained, lost


def _regions(detector: TextDetector, image: RgbArray) -> list[Quad]:
    return [region.polygon for region in detector.detect(image)]


def main() -> None:
    """Print one row a detector."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--part", choices=["selection", "report"], default="selection")
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="folders with manifests")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()

    cv2.setNumThreads(1)
    photos = load_sign_photos(args.data, args.part)
    signs = [sign_of(photo) for photo in photos]
    table = Table(
        "detector", "covered %", "false regions", "found %", "read %", "Latin read %", "ms",
        "words gained", "lost",
    )  # fmt: skip
    figures, first = [], None
    for folder in (None, *args.models):
        recognizer = LocalRecognizer(models_dir=folder, threads=1)
        detector = TextDetector(recognizer.store)
        reads, milliseconds = read_with(recognizer, signs)
        first = first or reads
        whole = score(args.part, detector.entry.name, signs, reads, milliseconds)
        words = score_words(photos, partial(_regions, detector))
        gained, lost = changes(signs, first, reads)
        row = {
            "detector": f"{detector.entry.name} {detector.entry.version}",
            "covered": round(100 * words.recall, 1),
            "false": words.false,
            "found": round(100 * (whole.found or 0), 1),
            "read": round(100 * whole.exact, 1),
            "latin": round(100 * whole.latin_exact, 1),
            "ms": round(milliseconds),
            "gained": gained,
            "lost": lost,
        }
        figures.append(row)
        table.add_row(*map(str, row.values()))
    Console().print(table)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
