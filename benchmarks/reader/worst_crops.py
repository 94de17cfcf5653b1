"""A sheet of the real validation crops that are read worst, for visual inspection.

    python benchmarks/reader/worst_crops.py OUT.png [--model FILE] [--count 20] [--only FOLDER ...]

Each crop is shown with its label and its reading. The crops have no clear licence, and plates are
personal data: keep the sheet out of the repository.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ocr_pictures import LineSet, real_sets
from ocr_readers import open_store
from PIL import Image, ImageDraw

from lipiyana.annotation import font_for
from lipiyana.annotation.lettering import Lettering
from lipiyana.learning.trainer.metrics import cer
from lipiyana.ocr.recognition.reader import LineReader

ROOT = Path(__file__).parents[2]
_CROP, _ROW, _TEXT, _MARGIN = (420, 84), 96, 24, 6  # pixels
_SHEET_WIDTH = 1100


@dataclass(frozen=True, slots=True, eq=False)
class Misread:
    """A crop, (height, width, 3) RGB, with its truth, its reading, and how far apart they are."""

    image: npt.NDArray[np.uint8]
    folder: str
    truth: str
    read: str
    confidence: float
    error: float


def misreadings(reader: LineReader, sets: list[LineSet]) -> list[Misread]:
    """Read every crop; return those that were not read exactly, the worst first."""
    found = []
    for line_set in sets:
        readings = reader.read(line_set.images)
        for image, truth, reading in zip(line_set.images, line_set.truths, readings, strict=True):
            read = line_set.comparable(reading.text)
            error = cer(line_set.comparable(truth), read)
            if error:
                crop = Misread(image, line_set.label, truth, read, reading.confidence, error)
                found.append(crop)
    return sorted(found, key=lambda crop: (-crop.error, -crop.confidence))


def sheet(crops: list[Misread]) -> Image.Image:
    """Draw one row for each crop."""
    page = Image.new("RGB", (_SHEET_WIDTH, _ROW * len(crops)), "white")
    pen = ImageDraw.Draw(page)
    for number, crop in enumerate(crops):
        top = number * _ROW + _MARGIN
        picture = Image.fromarray(crop.image)
        factor = min(_CROP[0] / picture.width, _CROP[1] / picture.height)
        size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
        page.paste(picture.resize(size, Image.Resampling.BICUBIC), (_MARGIN, top))
        left = _CROP[0] + 3 * _MARGIN
        Lettering(crop.truth, _TEXT).draw(page, (left, top), (6, 95, 70))
        Lettering(crop.read or "-", _TEXT).draw(page, (left, top + 34), (185, 28, 28))
        said = f"{crop.folder}   CER {crop.error:.2f}   confidence {crop.confidence:.2f}"
        pen.text((left, top + 68), said, font=font_for("Latn", 12), fill="#374151")
        pen.line([(0, (number + 1) * _ROW - 1), (_SHEET_WIDTH, (number + 1) * _ROW - 1)], "#d1d5db")
    return page


def main() -> None:
    """Read, sort, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default=str(ROOT / "models" / "reader.int8.onnx.gz"),
                        help="an ONNX file, or a name in the installed manifest")  # fmt: skip
    parser.add_argument("--crops", type=Path, default=ROOT / ".." / "shared" / "data" / "text")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--only", nargs="*", help="folders of crops")
    args = parser.parse_args()
    if args.out.resolve().is_relative_to(ROOT.resolve()):
        parser.error("real crops do not belong in the repository: name a file outside of it")
    sets = [s for s in real_sets(args.crops) if not args.only or s.name in args.only]
    with tempfile.TemporaryDirectory() as folder:
        store, name = open_store(args.model, Path(folder))
        crops = misreadings(LineReader(store, name), sets)
    if crops:
        sheet(crops[: args.count]).save(args.out)
    lines = sum(len(s.truths) for s in sets)
    print(f"{len(crops)} of {lines} lines are not exact; the worst are in {args.out}")
    for crop in crops[: args.count]:
        print(f"{crop.error:.2f}\t{crop.folder}\t{crop.truth}\t{crop.read}")


if __name__ == "__main__":
    main()
