"""Share of plates read exactly, compared with RapidOCR's PP-OCRv6 on the same pictures in one run.

    python benchmarks/plates/plates.py [--data DIR] [--false-valid] [--docs FILE]

Crops of plates are read with the layout `plate`, whole car photos with the layout `scene`. A
reading is exact if its letters and digits equal those of the label. "Without grammar" is the text
before registrations are parsed; for a whole photo, all lines of text.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plate_negatives import COUNT, Negative, unreadable, without_plate
from plate_report import console_tables, write_markdown
from plate_scores import FalseValid, PlateScore, false_valid, scored
from plate_sets import CROPS, PHOTOS, Labelled, load_set
from rapidocr import RapidOCR
from rich.console import Console

from lipiyana.arrays import RgbArray
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Feature, Layout, Plate, RawImage, RecognitionConfig

OURS = "Lipiyana"


@dataclass(frozen=True)
class Reader:
    """A reader: returns the strings of a picture, the most likely one first."""

    name: str
    read: Callable[[RgbArray], Iterable[str]]


def ours(
    recognizer: LocalRecognizer, layout: Layout, *, grammar: bool
) -> Callable[[RgbArray], list[str]]:
    """Read with this project; without the grammar, return all lines of a scene."""
    features = frozenset({Feature.PLATES} if grammar else {Feature.TEXT, Feature.PLATES})
    config = RecognitionConfig(features=features, layout=layout, min_confidence=0.0)

    def spelt(plate: Plate) -> str:
        return (plate.registration.canonical if grammar else "") or plate.text

    def read(image: RgbArray) -> list[str]:
        found = recognizer.recognize(RawImage.from_array(image, "rgb8"), config)
        lines = [] if grammar else [line.text for line in found.text_lines]
        return [spelt(plate) for plate in found.plates] + lines

    return read


def rapid_lines(engine: RapidOCR, *, joined: bool) -> Callable[[RgbArray], list[str]]:
    """RapidOCR's whole pipeline: its lines, or all of them as one string."""

    def read(image: RgbArray) -> list[str]:
        # said every time: a call changes the engine for the calls after it
        found = engine(image[..., ::-1], use_det=True, use_cls=True, use_rec=True)
        texts = list(getattr(found, "txts", None) or ())
        return ["".join(texts)] if joined else texts

    return read


def rapid_crop(engine: RapidOCR) -> Callable[[RgbArray], list[str]]:
    """RapidOCR's recognizer on the whole crop."""

    def read(image: RgbArray) -> list[str]:
        found = engine(image[..., ::-1], use_det=False, use_cls=False, use_rec=True)
        return list(getattr(found, "txts", None) or ())

    return read


def measure(
    name: str, pictures: Sequence[Labelled], reader: Reader, misses: Console | None
) -> list[PlateScore]:
    """Read all pictures, one after the other, and score them by the rows of their plates."""
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
    """Count valid registrations in pictures without a legible one."""

    def read(negative: Negative) -> list[str]:
        config = RecognitionConfig(frozenset({Feature.PLATES}), negative.layout)
        found = recognizer.recognize(RawImage.from_array(negative.image, "rgb8"), config)
        return [p.registration.canonical for p in found.plates if p.registration.valid]

    return [
        *false_valid("without a plate", without_plate(data, "validation", count), read),
        *false_valid("unreadable", unreadable(data, "validation", count), read),
    ]


def readers(recognizer: LocalRecognizer, engine: RapidOCR | None, layout: Layout) -> list[Reader]:
    """Every way to read pictures of this layout."""
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
    """Measure, print the tables, and write them into a page."""
    parser = argparse.ArgumentParser(description="plates read exactly")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--only", nargs="*", help=f"sets to measure: {', '.join(CROPS)}, {PHOTOS}")
    parser.add_argument("--all", action="store_true", help="include the training part")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--misses", action="store_true", help="list wrong readings")
    parser.add_argument("--alone", action="store_true", help="without RapidOCR")
    parser.add_argument("--false-valid", action="store_true", help="count false positives")
    parser.add_argument("--count", type=int, default=COUNT, help="pictures of each kind for that")
    parser.add_argument("--docs", type=Path, help="write the tables between the marks of this file")
    args = parser.parse_args()

    logging.disable(logging.WARNING)  # RapidOCR tells of every picture without text
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
