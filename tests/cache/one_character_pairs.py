"""Frames that show the same plate except for one character, each degraded in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText, random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.rendering.plates.styles import PlateStyle, random_style
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text.shaping import MissingGlyphError
from lipiyana.types import Box, Plate, Recognition, TextLine

CLEAN = RenderRecipe(
    blur=0, motion=0, low_resolution=0, noise=0, jpeg=0, uneven_light=0, shadow_edge=0, glare=0,
    night=0, stains=0, scratches=0, sharpen=0, cast=0, split="all",
)  # fmt: skip
NEAR = {"0": "8", "1": "7", "2": "Z7", "3": "8", "5": "6", "6": "58", "7": "1", "8": "360",
        "9": "8", "B": "8E", "C": "G", "E": "F", "F": "E", "G": "C", "M": "N", "N": "M",
        "O": "Q", "P": "R", "Q": "O", "R": "P", "U": "V", "V": "UY", "Y": "V", "K": "X",
        "X": "K", "H": "N", "D": "B", "S": "5"}  # fmt: skip
"""Characters that look like each other: half of the changes are among these."""

MARGIN = 24


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two clean frames, (height, width, 3) RGB, and what is found in the first."""

    first: RgbArray
    second: RgbArray
    recognition: Recognition


@dataclass(frozen=True, slots=True, eq=False)
class _Site:
    """Where a plate hangs and how it is made; it is drawn alike whatever stands on it."""

    street: RgbArray
    style: PlateStyle
    height: int
    state: int
    library: FontLibrary

    def frame(self, text: PlateText) -> tuple[RgbArray, npt.NDArray[np.float32]]:
        """The picture, and the (rows, 4, 2) corners of its rows.

        Raises:
            LookupError, MissingGlyphError: the fonts have not all of it.
        """
        rng = np.random.default_rng(self.state)
        plate = render_plate(
            rng, self.library, text, style=self.style, height=self.height, recipe=CLEAN
        )
        shown = self.street[:, : plate.image.shape[1] + 2 * MARGIN].copy()
        shown[MARGIN : MARGIN + self.height, MARGIN:-MARGIN] = plate.image
        return shown, plate.quads + MARGIN


def pairs(seed: int, count: int, library: FontLibrary, *, changes: int = 8) -> Iterator[Pair]:
    """Draw plates, `changes` times each with another character changed."""
    rng = np.random.default_rng(seed)
    while count > 0:
        text = random_registration(rng)
        try:
            style = replace(random_style(rng, text, library, "all"), dirt=0.0, wear=0.0, rust=0.0)
        except LookupError:
            continue
        height = int(rng.integers(16, 90)) * len(text.rows)
        street = _street(rng, height + 2 * MARGIN)
        site = _Site(street, style, height, int(rng.integers(2**32)), library)
        changed = [text] + [_changed(rng, text) for _ in range(min(changes, count))]
        try:
            (first, quads), *others = [site.frame(one) for one in changed]
        except (LookupError, MissingGlyphError):
            continue
        for second, _ in others:
            # not another picture altogether, nor a font with one glyph for both characters
            if second.shape == first.shape and not np.array_equal(first, second):
                yield Pair(first, second, found(text, quads, first.shape))
                count -= 1


def degraded(rng: np.random.Generator, picture: RgbArray) -> RgbArray:
    """JPEG 50 to 95, noise, another light, blur and a shift of a pixel at most."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, rng.uniform(-1, 1)], [0, 1, rng.uniform(-1, 1)]])
    moved = cv2.warpAffine(
        picture, shift, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        moved = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.3, 1.2))
    lit = moved * np.float32(rng.uniform(0.8, 1.2)) + np.float32(rng.uniform(-15, 15))
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 8))
    noisy = np.clip(lit + noise, 0, 255).astype(np.uint8)
    return jpeg(noisy, int(rng.integers(50, 96)))


def through_camera(rng: np.random.Generator, picture: RgbArray, quality: int) -> RgbArray:
    """One more frame of a camera: noise, a little shaking and flickering, JPEG."""
    height, width = picture.shape[:2]
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(1, 5))
    lit = np.clip(picture * np.float32(rng.uniform(0.93, 1.07)) + noise, 0, 255).astype(np.uint8)
    shift = np.array([[1, 0, rng.normal(0, 0.3)], [0, 1, rng.normal(0, 0.3)]])
    moved = cv2.warpAffine(
        lit, shift, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return jpeg(np.asarray(moved, np.uint8), quality)


def jpeg(picture: RgbArray, quality: int) -> RgbArray:
    """Encode and decode."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def found(text: PlateText, quads: npt.NDArray[np.float32], shape: tuple[int, ...]) -> Recognition:
    """What a perfect reader finds in a frame."""
    lines = tuple(
        TextLine(row, text.script, 1.0, tuple((float(x), float(y)) for x, y in quad))  # type: ignore[arg-type]
        for row, quad in zip(text.rows, quads, strict=True)
    )
    (x0, y0), (x1, y1) = quads.reshape(-1, 2).min(axis=0), quads.reshape(-1, 2).max(axis=0)
    box = Box(float(x0), float(y0), float(x1), float(y1))
    return Recognition(
        shape[1], shape[0], plates=(Plate("\n".join(text.rows), 1.0, box, lines),),
        text_lines=lines,
    )  # fmt: skip


def _changed(rng: np.random.Generator, text: PlateText) -> PlateText:
    """Put another character of the same kind in one place."""
    places = [
        (row, at)
        for row, written in enumerate(text.rows)
        for at, character in enumerate(written)
        if character.isdigit() or (character.isascii() and character.isalpha())
    ]
    row, at = places[int(rng.integers(len(places)))]
    old = text.rows[row][at]
    if old in NEAR and rng.random() < 0.5:
        others = NEAR[old]
    elif old.isdigit():
        zero = ord(old) - int(old)
        others = "".join(chr(zero + digit) for digit in range(10))
    else:
        others = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    others = others.replace(old, "")
    new = others[int(rng.integers(len(others)))]
    written = text.rows[row]
    rows = (*text.rows[:row], written[:at] + new + written[at + 1 :], *text.rows[row + 1 :])
    return replace(text, rows=rows)


def _street(rng: np.random.Generator, height: int) -> RgbArray:
    """Something with edges to stand around the plate, (height, 2000, 3)."""
    grid = rng.uniform(60, 190, (height // 12 + 2, 2000 // 12, 3)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (2000, height), interpolation=cv2.INTER_LINEAR), np.uint8)
