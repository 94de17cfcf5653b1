"""Real crops of one line each: to measure on, and, changed a little each time, to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.normalization import normalize
from lipiyana.ocr.plate_rows import split_two_rows
from lipiyana.ocr.training.splits import Part, load_crops

Pixels = npt.NDArray[np.uint8]

# two rows, with no word of where one ends: of no use as lines
SKIPPED = frozenset({"auto_rickshaw_ka"})


def load_lines(root: Path, part: Part) -> Iterator[tuple[str, Pixels, str]]:
    """Yield (folder, (H, W, 3) RGB, text) for each line of `part` ("train" or "validation").

    A plate of two rows, marked by `/` in its text, comes as two lines.
    """
    for folder in sorted(p.name for p in root.iterdir() if p.is_dir()):
        if folder in SKIPPED:
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


@dataclass(frozen=True, slots=True)
class RealCrops:
    """The training part, in memory, drawn so that small folders count too."""

    lines: tuple[tuple[Pixels, str, str], ...]
    weights: npt.NDArray[np.float64]

    @classmethod
    def load(cls, root: Path) -> RealCrops:
        """Read the training crops whose characters the charset has."""
        charset = Charset.load()
        found = [
            (folder, image, normalize(text))
            for folder, image, text in load_lines(root, "train")
            if charset.covers(normalize(text))
        ]
        counts = {name: sum(f == name for f, _, _ in found) for name, _, _ in found}
        weights = np.array([counts[name] ** -0.5 for name, _, _ in found])
        lines = tuple((image, text, "real") for _, image, text in found)
        return cls(lines, weights / weights.sum())

    def draw(self, rng: np.random.Generator) -> tuple[Pixels, str, str]:
        """One crop, as another camera might have taken it."""
        image, text, script = self.lines[int(rng.choice(len(self.lines), p=self.weights))]
        return vary(image, rng), text, script


def vary(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Move the crop's borders and change light, colour and sharpness a little."""
    height, width = image.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    reach = np.array([height * 0.25, height * 0.07])
    # the corners move, out as well as in, and the picture's border is spread outwards
    target = (source + rng.uniform(-1, 1, (4, 2)) * reach).astype(np.float32)
    size = (max(8, round(width * float(np.exp(rng.normal(0, 0.1))))), height)
    frame = np.array([[0, 0], [size[0], 0], [size[0], height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(target, frame)
    moved = cv2.warpPerspective(image, warp, size, borderMode=cv2.BORDER_REPLICATE)
    out: npt.NDArray[Any] = moved.astype(np.float32)
    if rng.random() < 0.15:
        out = out.mean(axis=2, keepdims=True).repeat(3, axis=2)
    if rng.random() < 0.15:
        out = 255 - out
    out = out[:, :, rng.permutation(3)] if rng.random() < 0.2 else out
    out = (out - 128) * rng.uniform(0.5, 1.3) + 128 + rng.uniform(-35, 35)
    out = out + rng.normal(0, rng.uniform(0, 8), out.shape)
    if rng.random() < 0.3:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.3, height / 40))))
    if rng.random() < 0.3:
        low = rng.uniform(14, max(15, min(40, height)))
        small = cv2.resize(out, (max(4, round(size[0] * low / height)), round(low)))
        out = np.asarray(cv2.resize(small, size))
    return np.clip(out, 0, 255).astype(np.uint8)
