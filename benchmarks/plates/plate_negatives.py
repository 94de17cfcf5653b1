"""Pictures without a legible registration: without a plate, or with an unreadable one.

A valid registration in one of these pictures is a false positive. Rendered and real pictures are
divided into "train" and "validation", so that thresholds that were tuned on one part can be
measured on the other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from plate_sets import squeeze

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.training.plates.crops import plates_of_cars
from lipiyana.ocr.training.splits import Part, belongs, load_crops
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text.lines import render_line
from lipiyana.types import Layout

Degrading = Callable[[RgbArray, int, np.random.Generator], RgbArray]

COUNT = 500
_SHARES_WITHOUT = {
    "sign words": 0.3,
    "street windows": 0.24,
    "streets": 0.16,
    "rendered lines": 0.3,
}
_SHARES_UNREADABLE = {"rendered plates": 0.7, "real plates": 0.3}
_SIGNS = ("beng_signs", "hi_mr_te_signs")
_PLATES = ("in_plates", "ne_plates", "bn_plates")
_NOT_SIGNS = frozenset({"registration", "coverage"})
_SEEDS = {"train": 5, "validation": 11}
_VALIDATION_EVERY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Negative:
    """A picture without a legible registration.

    Attributes:
        kind: where it comes from.
        image: (height, width, 3) RGB.
        layout: how it is read.
        truth: letters and digits of the plate that nobody can read; "" if there is none.
    """

    kind: str
    image: RgbArray
    layout: Layout
    truth: str = ""


def without_plate(data: Path, part: Part, count: int = COUNT) -> Iterator[Negative]:
    """Sign words, windows of street pictures and rendered signs as if they were plates, and whole
    street pictures.
    """
    rng = np.random.default_rng(_SEEDS[part])
    sources = {
        "sign words": _sign_words(data / "text", part),
        "street windows": _windows(data / "vehicles" / "train", part, rng),
        "streets": _streets(data / "vehicles" / "train", part),
        "rendered lines": _rendered_lines(data / "words", part, rng),
    }
    left = count
    for kind, share in _SHARES_WITHOUT.items():
        layout = Layout.SCENE if kind == "streets" else Layout.PLATE
        # the last kind has no end and makes up for what the others lack
        wanted = left if kind == "rendered lines" else round(share * count)
        for image in islice(sources[kind], wanted):
            left -= 1
            yield Negative(kind, image, layout)


def unreadable(data: Path, part: Part, count: int = COUNT) -> Iterator[Negative]:
    """Plates that are too small, too blurred, too noisy or half hidden."""
    rng = np.random.default_rng(_SEEDS[part] + 1)
    sources = {
        "rendered plates": _rendered_plates(part, rng),
        "real plates": _real_plates(data, part, rng),
    }
    for kind, share in _SHARES_UNREADABLE.items():
        pairs = islice(sources[kind], round(share * count))
        for (image, rows, truth), (name, spoil) in zip(
            pairs, cycle(_SPOILED.items()), strict=False
        ):
            yield Negative(f"{kind}, {name}", spoil(image, rows, rng), Layout.PLATE, truth)


def _sign_words(folder: Path, part: Part) -> Iterator[RgbArray]:
    words = [crop for name in _SIGNS for crop in load_crops(folder / name, part)]
    random.Random(_SEEDS[part]).shuffle(words)
    for path, _, _ in words:
        yield load(path)


def _street_pictures(folder: Path, part: Part) -> list[Path]:
    entries = json.loads((folder / "meta.json").read_text("utf-8"))
    paths = [folder / "images" / e["image"] for e in entries if e["source"] != "olx_plate"]
    chosen = [p for i, p in enumerate(paths) if belongs(part, held_out=i % _VALIDATION_EVERY == 0)]
    random.Random(_SEEDS[part]).shuffle(chosen)
    return chosen


def _windows(folder: Path, part: Part, rng: np.random.Generator) -> Iterator[RgbArray]:
    """Windows of the shape of a plate; at this size no plate of these pictures can be read."""
    for path in cycle(_street_pictures(folder, part)):
        image = load(path)
        height, width = image.shape[:2]
        wide = min(width, round(float(rng.uniform(40, 160))))
        tall = min(height, round(wide / float(rng.uniform(1.6, 4.8))))
        x, y = int(rng.integers(width - wide + 1)), int(rng.integers(height - tall + 1))
        yield image[y : y + tall, x : x + wide]


def _streets(folder: Path, part: Part) -> Iterator[RgbArray]:
    yield from map(load, _street_pictures(folder, part))


def _rendered_lines(words: Path, part: Part, rng: np.random.Generator) -> Iterator[RgbArray]:
    corpus = Corpus.load(words, split="held_out")
    library = FontLibrary.load()
    chance = random.Random(_SEEDS[part])
    recipe = RenderRecipe(split="held_out")
    while True:
        sample = corpus.sample(chance, "Latn" if chance.random() < 0.5 else None)
        if sample.kind in _NOT_SIGNS or parse(sample.text).valid:
            continue
        drawn = render_line(sample.drawn, sample.script, rng, library, recipe=recipe)
        if drawn is not None:
            yield drawn.image


def _rendered_plates(part: Part, rng: np.random.Generator) -> Iterator[tuple[RgbArray, int, str]]:
    del part  # the generator's state is the part's own
    library = FontLibrary.load()
    while True:
        try:
            plate = render_plate(rng, library)
        except LookupError:  # no font for a plate in this script
            continue
        yield plate.image, len(plate.rows), plate.canonical


def _real_plates(
    data: Path, part: Part, rng: np.random.Generator
) -> Iterator[tuple[RgbArray, int, str]]:
    crops = [crop for name in _PLATES for crop in load_crops(data / "text" / name, part)]
    found = [(load(path), text.count("/") + 1, text) for path, text, _ in crops]
    found += [(image, 1, text) for image, text in plates_of_cars(data / "vehicles" / "train", part)]
    order = rng.permutation(len(found)).tolist()
    for index in cycle(order):
        image, rows, text = found[index]
        yield image, rows, squeeze(text)


def _tiny(image: RgbArray, rows: int, rng: np.random.Generator) -> RgbArray:
    """So small that a character is five pixels high."""
    height = int(rng.integers(7, 10)) * rows
    width = max(4, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _blurred(image: RgbArray, rows: int, rng: np.random.Generator) -> RgbArray:
    sigma = float(rng.uniform(0.13, 0.22)) * image.shape[0] / rows
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _noisy(image: RgbArray, rows: int, rng: np.random.Generator) -> RgbArray:
    """Coarse, nearly without contrast, then noise."""
    height = min(image.shape[0], 22 * rows)
    size = (max(4, round(image.shape[1] * height / image.shape[0])), height)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    faint = (small - small.mean()) * rng.uniform(0.1, 0.2) + rng.uniform(60, 190)
    noise = rng.normal(0, rng.uniform(26, 45), faint.shape)
    return np.asarray(np.clip(faint + noise, 0, 255), np.uint8)


def _hidden(image: RgbArray, rows: int, rng: np.random.Generator) -> RgbArray:
    """An object covers one half."""
    del rows
    out = image.copy()
    height, width = image.shape[:2]
    share = float(rng.uniform(0.4, 0.6))
    shade = rng.integers(0, 256, 3)
    left = rng.random() < 0.5
    edge = round(width * (share if left else 1 - share))
    part = (slice(None), slice(0, edge) if left else slice(edge, None))
    cover = effects.smooth_noise(rng, height, width, max(4.0, height / 3))[..., None]
    out[part] = np.clip(shade + 30 * cover, 0, 255).astype(np.uint8)[part]
    return out


_SPOILED: dict[str, Degrading] = {
    "tiny": _tiny, "blurred": _blurred, "noisy": _noisy, "half hidden": _hidden,
}  # fmt: skip
