"""Bytes and accuracy of what a camera can send: frames, crops of plates and text, or rows alone.

    python benchmarks/cameras/bandwidth.py [--photos 75] [--write]

Each picture is read as it is, where the camera stands. A frame is read again by who receives it;
so are crops, one at a time. Rows are what was read at the camera; they and their crops are
compressed. Pictures are those of samples/, and where they are there, photos of ../shared/data.
--write puts the tables into the guide.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
from common.report_tables import markdown_table, terminal_table, write_between
from rich.console import Console

from lipiyana import LocalRecognizer, RawImage
from lipiyana.arrays import RgbArray
from lipiyana.events.crops import Crop, crops_of, with_crops
from lipiyana.events.senders.message import Compression, message_of_rows
from lipiyana.images.loading import load
from lipiyana.types import Layout, Recognition, RecognitionConfig
from lipiyana.wire.results import recognition_to_json

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "data"
GUIDE = ROOT / "docs" / "guides" / "events.md"
MARKS = (
    "<!-- bandwidth: written by benchmarks/cameras/bandwidth.py -->",
    "<!-- end of bandwidth -->",
)
HEADINGS = (
    "what is sent",
    "bytes a picture",
    "share of frames",
    "registrations exact %",
    "words exact %",
)
CROP_QUALITIES = (80, 50, 20)
_SMALL = 640


@dataclass(frozen=True)
class Labelled:
    """A picture with what stands on it."""

    path: Path
    registrations: tuple[str, ...]
    words: tuple[str, ...]


@dataclass
class Score:
    """Of one mode, over all pictures of a collection."""

    pictures: int = 0
    size: int = 0
    registrations: int = 0
    of_registrations: int = 0
    words: int = 0
    of_words: int = 0

    def add(self, size: int, read: Recognition, truth: Labelled) -> None:
        """Count what was read of a picture."""
        self.pictures += 1
        self.size += size
        found = [plate.registration.canonical for plate in read.plates if plate.registration.valid]
        self.registrations += _common(found, truth.registrations)
        self.of_registrations += len(truth.registrations)
        self.words += _common(_words(line.text for line in read.text_lines), truth.words)
        self.of_words += len(truth.words)


@dataclass
class Modes:
    """Scores by the name of the mode, in the order of their bytes."""

    scores: dict[str, Score] = field(default_factory=dict)

    def add(self, mode: str, size: int, read: Recognition, truth: Labelled) -> None:
        """Count what was read of a picture in one mode."""
        self.scores.setdefault(mode, Score()).add(size, read, truth)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table; the first mode is what others are compared with."""
        frame = next(iter(self.scores.values())).size
        return [
            (
                mode, f"{score.size / score.pictures:,.0f}", f"{100 * score.size / frame:.1f} %",
                _percent(score.registrations, score.of_registrations),
                _percent(score.words, score.of_words),
            )
            for mode, score in self.scores.items()
        ]  # fmt: skip


def main() -> None:
    """Measure, print and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=75, help="of each collection")
    parser.add_argument("--write", action="store_true", help="write the tables into the guide")
    arguments = parser.parse_args()
    parts: list[str] = []
    with LocalRecognizer() as recognizer:
        for name, pictures in _collections(arguments.photos).items():
            modes = Modes()
            for truth in pictures:
                _measure(recognizer, truth, modes)
            rows = modes.rows()
            title = f"{name}: {len(pictures)} pictures"
            Console().print(terminal_table(title, HEADINGS, rows, HEADINGS[:1]))
            parts += [f"{title}.", markdown_table(HEADINGS, rows, HEADINGS[:1])]
    if arguments.write:
        write_between(GUIDE, MARKS, parts)


def _collections(photos: int) -> Mapping[str, list[Labelled]]:
    found = {"Drawn streets of `samples/`": list(_samples())}
    if PHOTOS.is_dir():
        found["Photos of highways and of two-wheelers with a typed plate"] = list(_plates(photos))
        found["Photos of signs"] = list(_signs(photos))
    return found


def _samples() -> Iterator[Labelled]:
    for line in (ROOT / "samples" / "truth.jsonl").read_text("utf-8").splitlines():
        truth = json.loads(line)
        if truth["layout"] == "scene":
            yield Labelled(
                ROOT / "samples" / truth["path"],
                tuple(plate["canonical"] for plate in truth["plates"] if plate.get("canonical")),
                _words(one["text"] for one in truth["text_lines"]),
            )


def _plates(most: int) -> Iterator[Labelled]:
    folder = PHOTOS / "vehicles" / "train2"
    labelled = [
        one
        for one in json.loads((folder / "meta.json").read_text("utf-8"))
        if one["source"] in {"odisha_plates", "riders"} and any(one["plates"] or ())
    ]
    for one in labelled[:: max(1, len(labelled) // most)][:most]:
        texts = tuple(_letters(text) for text in one["plates"] if text)
        path = folder / "images" / one["image"]
        yield Labelled(path if path.exists() else folder / one["image"], texts, ())


def _signs(most: int) -> Iterator[Labelled]:
    folder = PHOTOS / "signs" / "hi_scenes"
    labelled = [
        json.loads(line) for line in (folder / "boxes.jsonl").read_text("utf-8").splitlines()
    ]
    for one in labelled[:: max(1, len(labelled) // most)][:most]:
        path = folder / "images" / one["image"]
        words = _words(line["text"] for line in one["lines"])
        yield Labelled(path if path.exists() else folder / one["image"], (), words)


def _measure(recognizer: LocalRecognizer, truth: Labelled, modes: Modes) -> None:
    picture = load(truth.path)
    at_camera = recognizer.recognize(RawImage.from_array(picture, "rgb8"))
    for mode, encode in _FRAMES.items():
        frame = encode(picture)
        modes.add(mode, len(frame), recognizer.recognize(frame), truth)
    row = {"path": truth.path.name, "recognition": recognition_to_json(at_camera)}
    for quality in CROP_QUALITIES:
        crops = crops_of(picture, at_camera, quality=quality)
        read = _read_crops(recognizer, crops, picture)
        modes.add(f"row and crops, WebP {quality}", _sent(with_crops(row, crops)), read, truth)
    modes.add("row alone", _sent(row), at_camera, truth)


def _sent(row: Mapping[str, Any]) -> int:
    """Count the bytes of a row as `lipiyana forward --compress zstd` sends it."""
    body = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    return len(message_of_rows([("0123456789abcdef-1", body)], Compression.ZSTD).body)


def _read_crops(recognizer: LocalRecognizer, crops: list[Crop], picture: RgbArray) -> Recognition:
    height, width = picture.shape[:2]
    found = [
        recognizer.recognize(crop.webp, RecognitionConfig(layout=_LAYOUTS[crop.kind]))
        for crop in crops
    ]
    plates = tuple(plate for one in found for plate in one.plates)
    lines = tuple(line for one in found for line in one.text_lines)
    return Recognition(width, height, plates=plates, text_lines=lines)


_LAYOUTS = {"plate": Layout.PLATE, "text": Layout.LINE}


def _jpeg(picture: RgbArray) -> bytes:
    return _encode(picture, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)


def _webp(picture: RgbArray) -> bytes:
    return _encode(picture, ".webp", cv2.IMWRITE_WEBP_QUALITY, 50)


def _small(picture: RgbArray) -> bytes:
    scale = min(1.0, _SMALL / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return _webp(small.astype("uint8"))


_FRAMES: Mapping[str, Callable[[RgbArray], bytes]] = {
    "frame, JPEG 90": _jpeg,
    "frame, WebP 50": _webp,
    f"frame, WebP 50, {_SMALL} pixels": _small,
}


def _encode(picture: RgbArray, suffix: str, option: int, quality: int) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, bgr, [option, quality])[1].tobytes()


def _common(found: list[str] | tuple[str, ...], truth: tuple[str, ...]) -> int:
    return (Counter(found) & Counter(truth)).total()


def _words(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(word for text in texts for word in text.split())


def _letters(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


if __name__ == "__main__":
    main()
