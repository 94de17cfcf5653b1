"""Real crops of single lines, for validation and, augmented, for training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.plates.rows import split_two_rows
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.splits import Part, folders, load_crops
from lipiyana.rendering.effects.camera import wires

# on top of the square root of a folder's size: signs are read worst, scanned print is read best
_FOLDER_FACTORS = {
    "beng_signs": 1.4, "kn_words": 0.5, "in_plates": 0.6, "ne_plates": 0.6, "bn_plates": 0.6,
    "mozhi_hi_printed": 0.4, "kn_mile_printed": 0.4,
}  # fmt: skip
# crops of two rows without a mark between them, which are of no use as lines
SKIPPED = frozenset({"auto_rickshaw_ka"})


def load_lines(root: Path, part: Part) -> Iterator[tuple[str, RgbArray, str]]:
    """Yield (folder, (H, W, 3) RGB, text) for each line of `part` ("train" or "validation").

    A two-row plate, with `/` in its text, is yielded as two lines. Folders without a fixed
    validation part are skipped.
    """
    for folder in sorted(set(folders()) - SKIPPED):
        if not (root / folder).is_dir():
            continue
        for path, text, _ in load_crops(root / folder, part):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                continue
            rgb = np.ascontiguousarray(image[:, :, ::-1], np.uint8)
            rows = text.split("/")
            if len(rows) == 2 and folder.endswith("plates"):
                for piece, row in zip(split_two_rows(rgb), rows, strict=True):
                    yield folder, piece, row
            else:
                yield folder, rgb, text


def load_pool(root: Path) -> Iterator[tuple[str, RgbArray, str]]:
    """Yield (folder, (H, W, 3) RGB, text) for each line of a pool.

    `lipiyana.learning.distill.pictures.line_pool` makes it.
    """
    for labels in sorted(root.glob("*/labels.tsv")):
        for line in labels.read_text("utf-8").splitlines():
            name, text = line.split("\t")
            image = cv2.imread(str(labels.parent / name), cv2.IMREAD_COLOR)
            if image is not None:
                yield labels.parent.name, np.ascontiguousarray(image[:, :, ::-1], np.uint8), text


# pixels; a larger crop has more resolution than the reader's input
_LARGE = 60


@dataclass(frozen=True, slots=True)
class RealCrops:
    """The training part, in memory; small folders are weighted up."""

    lines: tuple[tuple[RgbArray, str, str], ...]
    weights: npt.NDArray[np.float64]

    @classmethod
    def load(cls, root: Path, pool: Path | None = None) -> RealCrops:
        """Load the training crops whose characters are in the charset, and the lines of a pool."""
        charset = Charset.load()
        found = [
            (folder, image, normalize(text))
            for folder, image, text in chain(
                load_lines(root, "train"), load_pool(pool) if pool else ()
            )
            if charset.covers(normalize(text))
        ]
        counts = {name: sum(f == name for f, _, _ in found) for name, _, _ in found}
        weights = np.array(
            [counts[name] ** -0.5 * _FOLDER_FACTORS.get(name, 1.0) for name, _, _ in found]
        )
        lines = tuple((image, text, "real") for _, image, text in found)
        return cls(lines, weights / weights.sum())

    def draw(self, rng: np.random.Generator) -> tuple[RgbArray, str, str]:
        """Draw one augmented crop with its text and script."""
        image, text, script = self.lines[int(rng.choice(len(self.lines), p=self.weights))]
        return vary(image, rng), text, script


def vary(image: RgbArray, rng: np.random.Generator) -> RgbArray:
    """Augment a crop: jitter its corners and change light, colour and sharpness."""
    height = image.shape[0]
    moved = _moved(image, rng)
    out: npt.NDArray[Any] = moved.astype(np.float32)
    if rng.random() < 0.15:
        out = out.mean(axis=2, keepdims=True).repeat(3, axis=2)
    if rng.random() < 0.15:
        out = 255 - out
    out = out[:, :, rng.permutation(3)] if rng.random() < 0.2 else out
    out = (out - 128) * rng.uniform(0.5, 1.3) + 128 + rng.uniform(-35, 35)
    out = out + rng.normal(0, rng.uniform(0, 8), out.shape)
    # augment large crops more, because small ones have little detail to lose
    large = height > _LARGE
    if rng.random() < 0.3:
        widest = max(0.3, height / (25 if large else 40))
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.3, widest))))
    if rng.random() < (0.45 if large else 0.25):
        low = rng.uniform(14, max(15, min(40, height)))
        size = (moved.shape[1], height)
        small = cv2.resize(out, (max(4, round(size[0] * low / height)), round(low)))
        out = np.asarray(cv2.resize(small, size))
    pixels = np.clip(out, 0, 255).astype(np.uint8)
    return wires(pixels, rng, float(rng.beta(1.6, 2))) if rng.random() < 0.04 else pixels


def _moved(image: RgbArray, rng: np.random.Generator) -> RgbArray:
    """Apply a random perspective: the corners move, outwards more than inwards.

    Beyond the crop, its border pixels are replicated.
    """
    height, width = image.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # the crops are tight: letters that are cut off could only be guessed
    outwards = rng.uniform((-0.09, -0.05), (0.25, 0.09), (4, 2)) * height
    target = source + outwards * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    narrower = float(np.exp(rng.normal(0, 0.14)))
    if rng.random() < 0.15:
        # seen from the side: the line slopes, the letters stay upright
        narrower *= float(rng.uniform(0.6, 1.0))
        climb = height * float(rng.uniform(-0.18, 0.18))
        target[:, 1] += np.array([-climb, climb, climb, -climb])
    size = (max(8, round(width * narrower)), height)
    frame = np.array([[0, 0], [size[0], 0], [size[0], height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(target.astype(np.float32), frame)
    moved = cv2.warpPerspective(image, warp, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
