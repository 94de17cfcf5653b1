"""Share of plates read exactly, compared with RapidOCR's PP-OCRv6 on the same pictures.

    python benchmarks/plates/plates.py [--data DIR] [--false-valid] [--docs FILE]

Crops of plates are read with the layout `plate`, whole car photos with the layout `scene`. A
reading is exact if its letters and digits equal those of the label. "Without grammar" is the raw
text before registrations are parsed; for a whole photo that is every line of text.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from plate_negatives import COUNT, Negative, unreadable, without_plate
from plate_report import console_tables, write_markdown
from plate_scores import FalseValid, PlateScore, false_valid, scored
from plate_sets import CROPS, PHOTOS, Labelled, load_set
from rapidocr import RapidOCR
from rich.console import Console

from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Feature, Layout, Plate, RawImage, RecognitionConfig

Image = npt.NDArray[np.uint8]
OURS = "Lipiyana"


@dataclass(frozen=True)
class Reader:
    """A reader under comparison: returns its readings of a picture, most likely first."""

    name: str
    read: Callable[[Image], Iterable[str]]


def ours(
    recognizer: LocalRecognizer, layout: Layout, *, grammar: bool
) -> Callable[[Image], list[str]]:
    """Read with this project; without the grammar a scene gives its lines of text."""
    features = frozenset({Feature.PLATES} if grammar else {Feature.TEXT, Feature.PLATES})
    config = RecognitionConfig(features=features, layout=layout, min_confidence=0.0)

    def spelt(plate: Plate) -> str:
        return (plate.registration.canonical if grammar else "") or plate.text

    def read(image: Image) -> list[str]:
        found = recognizer.recognize(RawImage.from_array(image, "rgb8"), config)
        lines = [] if grammar else [line.text for line in found.text_lines]
        return [spelt(plate) for plate in found.plates] + lines

    return read


def rapid_lines(engine: RapidOCR, *, joined: bool) -> Callable[[Image], list[str]]:
    """Read with RapidOCR's whole pipeline: its lines, or all of them joined."""

    def read(image: Image) -> list[str]:
        # passed every time: RapidOCR keeps the flags of a call for later calls
        found = engine(image[..., ::-1], use_det=True, use_cls=True, use_rec=True)
        texts = list(getattr(found, "txts", None) or ())
        return ["".join(texts)] if joined else texts

    return read


def rapid_crop(engine: RapidOCR) -> Callable[[Image], list[str]]:
    """Read the whole crop with RapidOCR's recognizer."""

    def read(image: Image) -> list[str]:
        found = engine(image[..., ::-1], use_det=False, use_cls=False, use_rec=True)
        return list(getattr(found, "txts", None) or ())

    return read


def measure(
    name: str, pictures: Sequence[Labelled], reader: Reader, misses: Console | None
) -> list[PlateScore]:
    """Read all pictures one by one and score them by the number of rows of their plates."""
    list(reader.read(pictures[0].image))  # loads the models
    readings: list[tuple[Labelled, list[str]]] = []
    seconds = 0.0
    for index, picture in enumerate(pictures):
        begin = time.perf_counter()
        texts = list(reader.read(picture.image))
        seconds += time.perf_counter() - begin
        readings.append((picture, texts))
        if misses and not picture.found_in(texts):
            misses.print(f"{reader.name}\t{name}\t{index}\t{picture.labels}\t{texts}")
    return scored(name, reader.name, readings, 1000 * seconds / len(pictures))


def made_up(recognizer: LocalRecognizer, data: Path, count: int) -> list[FalseValid]:
    """Count the valid registrations read from negative pictures."""

    def read(negative: Negative) -> list[str]:
        config = RecognitionConfig(frozenset({Feature.PLATES}), negative.layout)
        found = recognizer.recognize(RawImage.from_array(negative.image, "rgb8"), config)
        return [p.registration.canonical for p in found.plates if p.registration.valid]

    return [
        *false_valid("without a plate", without_plate(data, "validation", count), read),
        *false_valid("unreadable", unreadable(data, "validation", count), read),
    ]


def readers(recognizer: LocalRecognizer, engine: RapidOCR | None, layout: Layout) -> list[Reader]:
    """Return all readers for pictures of this layout."""
    whole = layout is Layout.SCENE
    found = [
        Reader(OURS, ours(recognizer, layout, grammar=True)),
        Reader(f"{OURS}, without grammar", ours(recognizer, layout, grammar=False)),
    ]
    if engine is not None:
        found.append(Reader("RapidOCR", rapid_lines(engine, joined=not whole)))
        if not whole:
            found.append(Reader("RapidOCR, recognizer alone", rapid_crop(engine)))
    return found


def main() -> None:
    """Measure, print the tables and write the files that were asked for."""
    parser = argparse.ArgumentParser(description="plates read exactly")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--only", nargs="*", help=f"sets to measure: {', '.join(CROPS)}, {PHOTOS}")
    parser.add_argument("--all", action="store_true", help="training pictures too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--misses", action="store_true", help="list the wrong readings")
    parser.add_argument("--alone", action="store_true", help="without RapidOCR")
    parser.add_argument("--false-valid", action="store_true", help="count false registrations")
    parser.add_argument("--count", type=int, default=COUNT, help="pictures of each kind for it")
    parser.add_argument("--docs", type=Path, help="write the tables into this page")
    args = parser.parse_args()

    logging.disable(logging.WARNING)  # RapidOCR logs every picture without text
    console = Console()
    recognizer = LocalRecognizer(threads=args.threads)
    engine = None if args.alone else _rapid(args.threads)
    scores: list[PlateScore] = []
    for name in args.only if args.only is not None else (*CROPS, PHOTOS):
        pictures = load_set(args.data, name, "all" if args.all else "validation")
        layout = Layout.SCENE if name == PHOTOS else Layout.PLATE
        for reader in readers(recognizer, engine, layout):
            scores += measure(name, pictures, reader, console if args.misses else None)
    counts = made_up(recognizer, args.data, args.count) if args.false_valid else []
    for table in console_tables(scores, counts):
        console.print(table)
    if args.docs:
        write_markdown(args.docs, scores, counts)


def _rapid(threads: int) -> RapidOCR:
    return RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


if __name__ == "__main__":
    main()
