"""Draws the characters of a plate: pressed, printed, stencilled or painted by hand.

Pressed letters are strokes of constant width, similar to those of high-security plates. A glyph is
a set of strokes on a grid 4 wide and 8 high, y down: points `x,y` joined by straight lines. A
stroke that begins with ~ has rounded corners.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.contents.registration_drafts import ARROW
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.fonts.faces import Face
from lipiyana.rendering.fonts.families import FontLibrary, Split
from lipiyana.rendering.text.shaping import FaceChoice, Mask, MissingGlyphError, rasterize

_GRID_WIDTH, _GRID_HEIGHT = 4.0, 8.0
_STROKES = {
    "0": "~2,0 4,0 4,8 0,8 0,0 2,0",
    "1": "0.7,2 2.5,0 2.5,8",
    "2": "~0,2 0,0 4,0 4,3.6 0,8|0,8 4,8",
    "3": "~0,1.8 0,0 3.8,0 3.8,3.8 1.4,3.8|~1.4,3.8 4,3.8 4,8 0,8 0,6.2",
    "4": "2.4,0 0,5.9 4,5.9|3,3.8 3,8",
    "5": "3.7,0 0.4,0 0.2,3.6|~0.2,3.8 0.8,3 4,3 4,8 0,8 0,6.4",
    "6": "~4,1.6 4,0 0,0 0,8 4,8 4,3.4 0,3.4 0,5.4",
    "7": "0,0 4,0 1.4,8",
    "8": "~2,0 3.8,0 3.8,3.8 0.2,3.8 0.2,0 2,0|~2,3.8 4,3.8 4,8 0,8 0,3.8 2,3.8",
    "9": "~0,6.4 0,8 4,8 4,0 0,0 0,4.6 4,4.6 4,2.6",
    "A": "0,8 1.7,0 2.3,0 4,8|0.6,5.6 3.4,5.6",
    "B": "0,0 0,8|~0,0 3.7,0 3.7,3.8 0,3.8|~0,3.8 4,3.8 4,8 0,8",
    "C": "~4,2 4,0 0,0 0,8 4,8 4,6",
    "D": "0,0 0,8|~0,0 4,0 4,8 0,8",
    "E": "4,0 0,0 0,8 4,8|0,3.8 3.2,3.8",
    "F": "4,0 0,0 0,8|0,3.8 3.2,3.8",
    "G": "~4,2 4,0 0,0 0,8 4,8 4,4.4|4,4.4 2.3,4.4",
    "H": "0,0 0,8|4,0 4,8|0,3.9 4,3.9",
    "I": "2,0 2,8",
    "J": "~3.6,0 3.6,8 0,8 0,6",
    "K": "0,0 0,8|4,0 0,4.8|1.4,3.2 4,8",
    "L": "0,0 0,8 4,8",
    "M": "0,8 0,0 2,4.8 4,0 4,8",
    "N": "0,8 0,0 4,8 4,0",
    "O": "~2,0 4,0 4,8 0,8 0,0 2,0",
    "P": "0,8 0,0|~0,0 4,0 4,4.2 0,4.2",
    "Q": "~2,0 4,0 4,8 0,8 0,0 2,0|2.4,6 4.3,8.3",
    "R": "0,8 0,0|~0,0 4,0 4,4.2 0,4.2|2,4.2 4,8",
    "S": "~4,1.8 4,0 0,0 0,3.8 4,3.8 4,8 0,8 0,6.2",
    "T": "0,0 4,0|2,0 2,8",
    "U": "~0,0 0,8 4,8 4,0",
    "V": "0,0 2,8 4,0",
    "W": "0,0 0.9,8 2,2.6 3.1,8 4,0",
    "X": "0,0 4,8|4,0 0,8",
    "Y": "0,0 2,4 4,0|2,4 2,8",
    "Z": "0,0 4,0 0,8 4,8",
    "-": "0.8,4 3.2,4",
    ".": "2,7.8 2,8",
    "·": "2,4 2,4.2",
    "↑": "2,0.4 2,8|0.3,3 2,0.2 3.7,3",
}
_NARROW = frozenset("I.·")


@lru_cache(maxsize=2048)
def draw_glyph(character: str, height: int, stroke: float, width: float, radius: float) -> Mask:
    """Draw one character.

    Args:
        character: one for which `has_glyph` is true.
        height: height of a capital in pixels.
        stroke: width of the strokes as a fraction of the height.
        width: width of a glyph as a fraction of the height.
        radius: corner radius as a fraction of the width: 0 for square corners, 0.5 for half
            circles.

    Returns:
        (height, glyph width) uint8; the caller must not write to it.
    """
    scale = 4 if height < 60 else 2
    tall, pen = height * scale, max(1, round(stroke * height * scale))
    wide = max(pen + 2, round(width * tall * (0.45 if character in _NARROW else 1.0)))
    canvas = np.zeros((tall, wide), np.uint8)
    span = np.array([wide - pen, tall - pen], np.float64) / (_GRID_WIDTH, _GRID_HEIGHT)
    if character in _NARROW:
        span[0] = (wide - pen) / _GRID_WIDTH
    for part in _STROKES[character].split("|"):
        points = np.array([p.split(",") for p in part.lstrip("~").split()], np.float64)
        points = points * span + pen / 2
        if part[0] == "~":
            points = _rounded(points, radius * span[0] * _GRID_WIDTH)
        fixed = np.rint(points * 16).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, 255, pen, cv2.LINE_AA, shift=4)
    mask = cv2.resize(canvas, (max(1, wide // scale), height), interpolation=cv2.INTER_AREA)
    mask.flags.writeable = False
    return np.asarray(mask, np.uint8)


def has_glyph(character: str) -> bool:
    """Return whether a character has a stroke glyph."""
    return character in _STROKES


def _rounded(points: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    """Replace every inner corner of a polyline by an arc (a quadratic curve)."""
    out = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        legs = [before - corner, after - corner]
        lengths = [float(np.hypot(*leg)) for leg in legs]
        reach = min(radius, *(length / 2 for length in lengths))
        start, end = (
            corner + leg * (reach / length) for leg, length in zip(legs, lengths, strict=True)
        )
        for t in np.linspace(0, 1, 7):
            # quadratic Bézier curve with the corner as control point: nearly a circular arc
            out.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    out.append(points[-1])
    return np.array(out)


LetteringKind = Literal["strokes", "printed", "stencil", "painted"]

# characters with a counter, which need a bridge in a stencil
_BRIDGED = frozenset("0468OAQ9DRPBGCSU3")

_MAX_TRIES = 30


@dataclass(frozen=True, slots=True)
class Lettering:
    """Style of the characters.

    Attributes:
        kind: `strokes` draws the letters of high-security plates; the other kinds use `face`.
        face: an open font, or None for strokes.
        bold: widening of all strokes, as a fraction of the body height.
        tracking: space between characters, as a fraction of the body height.
        stroke: width of strokes, as a fraction of the body height.
        width: width of stroke glyphs, as a fraction of the body height.
        radius: corner radius of stroke glyphs, as a fraction of the width.
        stretch: factor on the width of all characters.
        slant: tangent of the slant to the right.
        unrest: irregularity of hand-painted letters, 0 to 1.
    """

    kind: LetteringKind
    face: Face | None = None
    bold: float = 0.0
    tracking: float = 0.12
    stroke: float = 0.154
    width: float = 0.5
    radius: float = 0.42
    stretch: float = 1.0
    slant: float = 0.0
    unrest: float = 0.0


def pick_face(
    rng: np.random.Generator,
    library: FontLibrary,
    script: str,
    text: str,
    *,
    split: Split,
    families: Sequence[str] = (),
    weight: float | None = None,
) -> Face:
    """Draw a face that can set `text`, from `families` if one of them can.

    Raises:
        LookupError: no installed font can set the text.
    """
    installed = library.families(script, split)
    present = [f for f in families if f in installed and library.draws_digits(f)]
    order = rng.permutation(len(present))
    for index in order:
        files = [f for f in library.faces(script, present[index]) if not f.italic]
        if weight is not None and files:
            least = min(abs(f.weight - weight) for f in files)
            files = [f for f in files if abs(f.weight - weight) == least]
        if files:
            face = library.open(files[int(rng.integers(len(files)))])
            if _can_set(face, text):
                return face
    plate = not families and script == "Latn"
    for _ in range(_MAX_TRIES):
        chosen = library.pick(rng, script, text, split, plate=plate, near_weight=weight)
        if chosen is not None and _can_set(chosen, text):
            return chosen
    raise LookupError(f"no installed font can set plates in {script}: run scripts/install_fonts.sh")


def _can_set(face: Face, text: str) -> bool:
    """Return whether a face has every character, including digits and the hyphen."""
    return face.covers(text.replace(ARROW, ""))


def set_row(
    rng: np.random.Generator, text: str, script: str, lettering: Lettering, body: int
) -> Mask:
    """Draw one row as a mask, cropped to its ink.

    Args:
        rng: random generator.
        text: as painted.
        script: ISO 15924 code.
        lettering: style of the characters.
        body: height of a capital, or of the script's body letter, in pixels.
    """
    if (
        (lettering.kind == "strokes" and all(has_glyph(c) or c == " " for c in text))
        or lettering.kind == "stencil"
        or ARROW in text
        or (lettering.kind == "painted" and script == "Latn")
    ):
        mask = _by_glyph(rng, text, lettering, body)
    else:
        mask = _with_face(text, script, lettering, body)
    if lettering.stretch != 1:
        size = (max(2, round(mask.shape[1] * lettering.stretch)), mask.shape[0])
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    if lettering.slant:
        mask = _slanted(mask, lettering.slant)
    if lettering.unrest > 0:
        mask = _shaken(rng, mask, body, lettering.unrest)
    return trimmed(mask)


def trimmed(mask: Mask) -> Mask:
    """Crop a mask to its ink."""
    columns, rows = np.flatnonzero(mask.max(axis=0)), np.flatnonzero(mask.max(axis=1))
    if not len(rows):
        return mask
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _with_face(text: str, script: str, lettering: Lettering, body: int) -> Mask:
    if lettering.face is None:
        raise ValueError(f"{lettering.kind} lettering needs a face")
    choice = FaceChoice(lettering.face, bold=lettering.bold, tracking=lettering.tracking)
    return rasterize(text, choice, body, script).alpha


def _by_glyph(rng: np.random.Generator, text: str, lettering: Lettering, body: int) -> Mask:
    """Set the characters one by one on the baseline, slightly displaced if hand-painted."""
    pieces: list[tuple[Mask, int, int]] = []
    pen = 0.0
    gap = lettering.tracking * body
    for character in text:
        if character == " ":
            pen += body * 0.28
            continue
        mask, above = _glyph(character, lettering, body)
        if lettering.kind == "stencil" and character in _BRIDGED:
            mask = _bridged(mask, body)
        if lettering.kind == "painted":
            size = 1 + rng.normal(0, 0.05) * lettering.unrest
            height, width = mask.shape
            new = (max(1, round(width * size)), max(1, round(height * size)))
            mask = np.asarray(cv2.resize(mask, new, interpolation=cv2.INTER_AREA), np.uint8)
            above = round(above * size + rng.normal(0, 0.03) * body * lettering.unrest)
        pieces.append((mask, round(pen), -above))
        pen += mask.shape[1] + gap
    top = min(y for _, _, y in pieces)
    bottom = max(y + mask.shape[0] for mask, _, y in pieces)
    right = max(x + mask.shape[1] for mask, x, _ in pieces)
    row = np.zeros((bottom - top, right), np.uint8)
    for mask, x, y in pieces:
        part = row[y - top : y - top + mask.shape[0], x : x + mask.shape[1]]
        np.maximum(part, mask, out=part)
    return row


def _glyph(character: str, lettering: Lettering, body: int) -> tuple[Mask, int]:
    """Draw one character; return its ink and its height above the baseline."""
    if lettering.face is not None and character != ARROW:
        choice = FaceChoice(lettering.face, bold=lettering.bold)
        try:
            raster = rasterize(character, choice, body, "Latn")
        except MissingGlyphError:
            pass
        else:
            return raster.alpha, round(raster.baseline)
    stroke = lettering.stroke if lettering.face is None else 0.15
    mask = draw_glyph(character, body, stroke, lettering.width, lettering.radius)
    return mask, body


def _bridged(mask: Mask, body: int) -> Mask:
    """Erase the bridge that holds the inner part of a stencil."""
    width = mask.shape[1]
    half = max(1, round(body * 0.028))
    middle = width // 2
    out = mask.copy()
    out[:, middle - half : middle + half] = 0
    return out


def _slanted(mask: Mask, slant: float) -> Mask:
    height, width = mask.shape
    extra = int(np.ceil(abs(slant) * height))
    shift = slant * height if slant > 0 else 0.0
    matrix = np.array([[1, -slant, shift], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(mask, matrix, (width + extra, height)), np.uint8)


def _shaken(rng: np.random.Generator, mask: Mask, body: int, unrest: float) -> Mask:
    """Displace every point slightly, which gives the edges of brush strokes."""
    pad = max(2, round(body * 0.12))
    wide = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    height, width = wide.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    amount = np.float32(body * 0.05 * unrest)
    x += smooth_noise(rng, height, width, body * 0.35, octaves=2) * amount
    y += smooth_noise(rng, height, width, body * 0.35, octaves=2) * amount
    return np.asarray(cv2.remap(wide, x, y, cv2.INTER_LINEAR), np.uint8)


_SERIES_AND_NUMBER = re.compile(r"^(\D+?)[ .-]*(\d{3,})$")


def squeezed_row(
    rng: np.random.Generator, text: str, script: str, lettering: Lettering, body: int
) -> Mask:
    """Draw a row with a narrow series before the number, as on auto-rickshaws."""
    match = _SERIES_AND_NUMBER.match(text)
    if not match:
        return set_row(rng, text, script, lettering, body)
    letters = set_row(rng, match[1], script, lettering, body)
    digits = set_row(rng, match[2], script, lettering, body)
    narrow = max(2, round(letters.shape[1] * rng.uniform(0.24, 0.55)))
    letters = np.asarray(cv2.resize(letters, (narrow, digits.shape[0])), np.uint8)
    space = np.zeros((digits.shape[0], max(1, round(body * rng.uniform(0.02, 0.09)))), np.uint8)
    return np.hstack([letters, space, digits])
