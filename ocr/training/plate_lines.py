"""Single rows of plates for the plate reader to learn from: rendered ones, and real crops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.crops import Margins, crop_quad
from lipiyana.ocr.label_order import to_labels
from lipiyana.ocr.normalization import normalize
from lipiyana.ocr.registrations.formats import PATTERNS
from lipiyana.ocr.registrations.letter_names import LETTER_NAMES, STATE_WORDS
from lipiyana.ocr.scripts import SCRIPTS
from lipiyana.ocr.training.batches import Batch, Line, gathered, stretch
from lipiyana.ocr.training.fonts import FontLibrary
from lipiyana.ocr.training.loading import in_processes
from lipiyana.ocr.training.plate_texts import INDIC_SCRIPTS, random_registration
from lipiyana.ocr.training.plates import RenderedPlate, render_plate
from lipiyana.ocr.training.real_crops import load_lines, vary
from lipiyana.ocr.training.splits import Part, validation_numbers
from lipiyana.types import RegistrationFormat

Pixels = npt.NDArray[np.uint8]

CARS = "olx_plate"
"""The source of street pictures whose plates have boxes and texts."""

_LINES = frozenset({"in_plates", "ne_plates", "bn_plates"})
_PAINTED_MARKS = "-."
# Nepal and Bangladesh have letters of their own to learn; the others come as they are seen
_SHARES = ((RegistrationFormat.NEPAL, 0.16), (RegistrationFormat.BANGLADESH, 0.14))
_WHOLE_SHARE = 0.5
_BOX_MARGIN = 0.08


def plate_charset() -> Charset:
    """Every label that a registration may be painted with, sorted."""
    characters = set(_PAINTED_MARKS)
    for pattern in PATTERNS:
        for slot in pattern.slots:
            characters.update(slot.alphabet, *map(to_labels, slot.words))
    for spelling, _ in [*LETTER_NAMES, *STATE_WORDS]:
        characters.update(to_labels(normalize(spelling)))
    for code in INDIC_SCRIPTS:
        characters.update(SCRIPTS[code].digits)
    return Charset(sorted(characters - {" "}))


def as_read(text: str) -> str:
    """What the reader must answer for a painted row: the marks of Nepal and Bangladesh stay,
    since they part the numbers there, and all else that is no letter or digit goes.
    """
    kept = "" if text.isascii() else _PAINTED_MARKS
    text = normalize(text).upper()
    return "".join(c for c in text if c in kept or not (c.isspace() or c in "-.·•:,/|*'"))


def rendered_rows(rng: np.random.Generator, library: FontLibrary) -> Iterator[tuple[Pixels, str]]:
    """Photograph a plate, and give its rows as a cut through its crop or a detector finds them."""
    plate = render_plate(rng, library, random_registration(rng, _kind(rng)))
    whole = rng.random() < _WHOLE_SHARE
    for index, row in enumerate(plate.rows):
        yield (_band(rng, plate, index) if whole else _found(rng, plate, index)), as_read(row)


def _kind(rng: np.random.Generator) -> RegistrationFormat | None:
    chance = rng.random()
    for kind, share in _SHARES:
        if chance < share:
            return kind
        chance -= share
    return None


def _found(rng: np.random.Generator, plate: RenderedPlate, index: int) -> Pixels:
    margins = Margins(float(rng.uniform(0.02, 0.4)), float(rng.uniform(0.02, 0.35)))
    return crop_quad(plate.image, plate.quads[index], margins)


def _band(rng: np.random.Generator, plate: RenderedPlate, index: int) -> Pixels:
    """Cut a plate's crop straight across, near the middle between its rows."""
    height = plate.image.shape[0]
    if len(plate.rows) == 1:
        return plate.image
    above, below = plate.quads[0][:, 1], plate.quads[1][:, 1]
    cut = (float(above[2:].mean()) + float(below[:2].mean())) / 2
    cut = round(float(np.clip(cut + rng.normal(0, 0.02) * height, 4, height - 4)))
    return plate.image[:cut] if index == 0 else plate.image[cut:]


def real_rows(crops: Path, street: Path | None, part: Part) -> Iterator[tuple[str, Pixels, str]]:
    """Yield (source, (H, W, 3) RGB, text) for rows of real plates.

    Args:
        crops: folder of folders of crops.
        street: folder of street pictures with `meta.json`; only cars with one plate, in a box.
        part: of the fixed split.
    """
    for folder, image, text in load_lines(crops, part):
        if folder in _LINES:
            yield folder, image, as_read(text)
    if street is not None:
        yield from _plates_of_cars(street, part)


def _plates_of_cars(street: Path, part: Part) -> Iterator[tuple[str, Pixels, str]]:
    names = (street.parent / "classes.txt").read_text("utf-8").split()
    chosen = validation_numbers(CARS)
    for entry in json.loads((street / "meta.json").read_text("utf-8")):
        name = Path(entry["image"])
        if entry["source"] != CARS or not entry["plates"]:
            continue
        number = int(name.stem.rsplit("_", 1)[-1])
        if part != "all" and (number in chosen) != (part == "validation"):
            continue
        labels = (street / "labels" / name).with_suffix(".txt").read_text("ascii").split("\n")
        boxes = [row.split()[1:] for row in labels if row.startswith(f"{names.index('plate')} ")]
        image = cv2.imread(str(street / "images" / name), cv2.IMREAD_COLOR)
        if image is None or len(boxes) != 1 or len(entry["plates"]) != 1:
            continue
        height, width = image.shape[:2]
        x, y, w, h = np.array(boxes[0], float) * (width, height, width, height)
        reach = _BOX_MARGIN * h
        quad = [
            (x - w / 2 - reach, y - h / 2 - reach),
            (x + w / 2 + reach, y - h / 2 - reach),
            (x + w / 2 + reach, y + h / 2 + reach),
            (x - w / 2 - reach, y + h / 2 + reach),
        ]
        rgb = np.ascontiguousarray(image[:, :, ::-1], np.uint8)
        yield CARS, crop_quad(rgb, quad), as_read(entry["plates"][0])


@dataclass(frozen=True, slots=True)
class PlateSourceConfig:
    """Where the rows come from: rendered, and from `crops` and `street` a share of real ones."""

    crops: Path | None = None
    street: Path | None = None
    real_share: float = 0.0
    seed: int = 0
    workers: int = 1
    max_width: int = 320


class PlateLineSource(IterableDataset[Batch]):
    """Endless batches of rows; each rendering process draws plates of its own."""

    def __init__(self, config: PlateSourceConfig) -> None:
        self.config = config

    def __iter__(self) -> Iterator[Batch]:
        """Gather rows of like width."""
        info = get_worker_info()
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        rng = np.random.default_rng([self.config.seed, info.id if info else 0])
        yield from gathered(self._lines(rng), plate_charset(), self.config.max_width)

    def _lines(self, rng: np.random.Generator) -> Iterator[Line]:
        library, charset = FontLibrary.load(), plate_charset()
        config = self.config
        real: list[tuple[str, Pixels, str]] = []
        if config.crops is not None and config.real_share > 0:
            found = real_rows(config.crops, config.street, "train")
            real = [row for row in found if charset.covers(to_labels(row[2]))]
        counts = {name: sum(row[0] == name for row in real) for name, _, _ in real}
        weights = np.array([counts[name] ** -0.5 for name, _, _ in real])
        while True:
            if real and rng.random() < config.real_share:
                source, image, text = real[int(rng.choice(len(real), p=weights / weights.sum()))]
                yield Line(vary(image, rng), text, source)
                continue
            for image, text in rendered_rows(rng, library):
                if text and charset.covers(to_labels(text)) and min(image.shape[:2]) >= 4:
                    yield Line(stretch(image, rng), text, "rendered")


def plate_loader(source: PlateLineSource) -> DataLoader[Batch]:
    """Render in processes of their own, a few batches ahead of the trainer."""
    return in_processes(source, source.config.workers)
