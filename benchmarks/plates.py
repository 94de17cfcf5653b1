"""Plates read exactly: this project beside RapidOCR's PP-OCRv6, on the same pictures in one run.

    python benchmarks/plates.py [--data ../shared/data]

Crops of plates are read with the layout `plate`, whole car photos with the layout `scene`. A
reading is exact where its letters and digits are those of the label. "Without grammar" is what
the reader saw before registrations are parsed.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidocr import RapidOCR
from rich.console import Console
from rich.table import Table

from lipiyana.images import load
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Feature, Layout, Plate, RawImage, RecognitionConfig

Image = npt.NDArray[np.uint8]
CROPS = ("in_plates", "auto_rickshaw_ka", "ne_plates", "bn_plates")


@dataclass(frozen=True)
class Labelled:
    """A picture and what its plates say."""

    image: Image
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """One way to read: every string that it offers for a picture."""

    name: str
    read: Callable[[Image], Iterable[str]]


def squeeze(text: str) -> str:
    """Letters, vowel signs and digits alone, upper case."""
    kept = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LMN")
    return "".join(kept).upper()


def crops(folder: Path) -> list[Labelled]:
    """Read the crops that `labels.tsv` names."""
    rows = (line.split("\t") for line in (folder / "labels.tsv").read_text("utf-8").splitlines())
    return [Labelled(load(folder / name), (squeeze(text),)) for name, text in rows]


def photos(folder: Path) -> list[Labelled]:
    """Read the photos whose plates `meta.json` spells out."""
    entries = json.loads((folder / "meta.json").read_text("utf-8"))
    return [
        Labelled(load(folder / "images" / entry["image"]), tuple(map(squeeze, entry["plates"])))
        for entry in entries
        if entry["plates"]
    ]


def ours(
    recognizer: LocalRecognizer, layout: Layout, *, grammar: bool
) -> Callable[[Image], list[str]]:
    """Read with this project; without the grammar a scene's lines stand for themselves."""
    features = frozenset({Feature.TEXT, Feature.PLATES})
    config = RecognitionConfig(features=features, layout=layout, min_confidence=0.0)

    def spelt(plate: Plate) -> str:
        return (plate.registration.canonical if grammar else "") or plate.text

    def read(image: Image) -> list[str]:
        found = recognizer.recognize(RawImage.from_array(image), config)
        lines = [] if grammar else [line.text for line in found.text_lines]
        return [spelt(plate) for plate in found.plates] + lines

    return read


def rapid_lines(engine: RapidOCR, *, joined: bool) -> Callable[[Image], list[str]]:
    """RapidOCR's whole pipeline: its lines, or all of them as one string."""

    def read(image: Image) -> list[str]:
        # said every time: a call changes the engine for the calls after it
        found = engine(image[..., ::-1], use_det=True, use_cls=True, use_rec=True)
        texts = list(getattr(found, "txts", None) or ())
        return ["".join(texts)] if joined else texts

    return read


def rapid_crop(engine: RapidOCR) -> Callable[[Image], list[str]]:
    """RapidOCR's recognizer on the whole crop."""

    def read(image: Image) -> list[str]:
        found = engine(image[..., ::-1], use_det=False, use_cls=False, use_rec=True)
        return list(getattr(found, "txts", None) or ())

    return read


def measure(
    reader: Reader, pictures: Sequence[Labelled], misses: Console | None
) -> tuple[float, float]:
    """Share of labels that were read exactly, and milliseconds a picture."""
    reader.read(pictures[0].image)  # loads the models
    right = total = 0
    seconds = 0.0
    for index, picture in enumerate(pictures):
        begin = time.perf_counter()
        texts = {squeeze(text) for text in reader.read(picture.image)}
        seconds += time.perf_counter() - begin
        missed = [label for label in picture.labels if label not in texts]
        total += len(picture.labels)
        right += len(picture.labels) - len(missed)
        if missed and misses:
            misses.print(f"{reader.name}\t{index}\t{missed}\t{sorted(texts)}")
    return right / total, 1000 * seconds / len(pictures)


def main() -> None:
    """Print one table a set of pictures."""
    parser = argparse.ArgumentParser(description="plates read exactly")
    shared = Path(__file__).parents[1] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--only", nargs="*", help="sets to measure")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--misses", action="store_true", help="list what was read wrong")
    parser.add_argument("--alone", action="store_true", help="without RapidOCR")
    args = parser.parse_args()

    logging.disable(logging.WARNING)  # RapidOCR tells of every picture without text
    console = Console()
    recognizer = LocalRecognizer(threads=args.threads)
    engine = RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": args.threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    sets = {name: args.data / "text" / name for name in CROPS}
    sets["car photos"] = args.data / "vehicles" / "train"
    for name, folder in sets.items():
        if args.only and name not in args.only:
            continue
        whole = name == "car photos"
        layout = Layout.SCENE if whole else Layout.PLATE
        readers = [
            Reader("lipiyana", ours(recognizer, layout, grammar=True)),
            Reader("lipiyana without grammar", ours(recognizer, layout, grammar=False)),
        ]
        if not args.alone:
            readers.append(Reader("RapidOCR", rapid_lines(engine, joined=not whole)))
        if not args.alone and not whole:
            readers.append(Reader("RapidOCR, recognizer alone", rapid_crop(engine)))
        pictures = photos(folder) if whole else crops(folder)
        table = Table("reader", "exact", "ms a picture", title=f"{name}: {len(pictures)} pictures")
        for reader in readers:
            exact, milliseconds = measure(reader, pictures, console if args.misses else None)
            table.add_row(reader.name, f"{exact:.3f}", f"{milliseconds:.0f}")
        console.print(table)


if __name__ == "__main__":
    main()
