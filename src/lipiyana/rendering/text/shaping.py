"""Splits a line of text into runs, shapes them and draws them on one baseline as a mask of ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

from lipiyana.ocr.scripts.label_order import LEFT_TO_RIGHT, swap_order
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of_char
from lipiyana.rendering.fonts.faces import NO_GLYPH, Face, Glyphs

Mask = npt.NDArray[np.uint8]

MIN_HARFBUZZ = (4, 0, 0)
# scripts with a headline that joins the letters; tracking would break it
HEADLINE_SCRIPTS = frozenset({"Deva", "Beng", "Guru"})
_MAX_ASPECT = 400


@dataclass(frozen=True, slots=True)
class Run:
    """Text in logical order, of one script and one direction."""

    text: str
    script: str
    direction: Literal["ltr", "rtl"] = "ltr"


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """The face and the style of a run.

    Attributes:
        face: an open font.
        scale: size relative to the line's body height.
        bold: widening of all strokes, as a fraction of the body height.
        tracking: extra space after each cluster, as a fraction of the body height.
        language: BCP 47 code for the letter forms, or "".
    """

    face: Face
    scale: float = 1.0
    bold: float = 0.0
    tracking: float = 0.0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Raster:
    """A rasterized line.

    Attributes:
        alpha: (H, W) uint8, cropped to the ink.
        baseline: y of the baseline, from the top.
        body: body height in pixels.
    """

    alpha: Mask
    baseline: float
    body: float


class MissingGlyphError(ValueError):
    """A face has no glyph for a character of the text."""


def check_shaping(face: Face) -> None:
    """Check that HarfBuzz is recent enough and shapes Indic text.

    Args:
        face: any face that supports Devanagari.

    Raises:
        RuntimeError: HarfBuzz is too old, or क्ष is shaped as three glyphs.
    """
    version = tuple(int(part) for part in hb.version_string().split("."))
    if version < MIN_HARFBUZZ:
        raise RuntimeError(f"HarfBuzz {hb.version_string()} is too old to shape Indic scripts")
    conjunct = "क्ष"
    if len(face.shape(conjunct, "Deva").ids) >= len(conjunct):
        raise RuntimeError("HarfBuzz does not shape Indic text: क्ष is not one conjunct")


def shape_runs(text: str, script: str) -> list[Run]:
    """Split a line into runs in visual order, left to right.

    Characters without a script (digits, punctuation, ₹, danda) join the run before them, or the
    run after them at the start of a line. Perso-Arabic lines have the order of the reader's labels.

    Args:
        text: in logical order.
        script: ISO 15924 code for text whose characters have no script.
    """
    if SCRIPTS[script].direction == "ltr" and swap_order(text) == text:
        return _by_script(text, script, "ltr")
    runs: list[Run] = []
    position = 0
    for match in LEFT_TO_RIGHT.finditer(text):
        runs += _by_script(text[position : match.start()], script, "rtl")
        # reversed twice: the parts of a left-to-right run stay in order when the line is reversed
        runs += reversed(_by_script(match.group(), script, "ltr"))
        position = match.end()
    runs += _by_script(text[position:], script, "rtl")
    return runs[::-1]


def set_line(runs: Sequence[Run], choices: Sequence[FaceChoice], body: float) -> Raster:
    """Shape the runs and draw them one after the other on one baseline.

    Args:
        runs: in visual order.
        choices: one per run.
        body: body height of the line in pixels.

    Raises:
        MissingGlyphError: a face lacks a character.
        ValueError: there is no ink, or the line is absurdly long.
    """
    placed: list[tuple[Mask, int, int]] = []
    pen = 0.0
    for run, choice in zip(runs, choices, strict=True):
        pen = _set_run(run, choice, body, pen, placed)
    if not placed:
        raise ValueError("the text has no ink to draw")
    left = min(x for _, x, _ in placed)
    right = max(x + image.shape[1] for image, x, _ in placed)
    top = min(y for _, _, y in placed)
    bottom = max(y + image.shape[0] for image, _, y in placed)
    if right - left > _MAX_ASPECT * body:
        raise ValueError("the line is too long to draw")
    alpha = np.zeros((bottom - top, right - left), np.uint8)
    for image, x, y in placed:
        part = alpha[y - top : y - top + image.shape[0], x - left : x - left + image.shape[1]]
        np.maximum(part, image, out=part)
    return Raster(alpha, -top, body)


def rasterize(text: str, choice: FaceChoice, body: float, script: str) -> Raster:
    """Draw a line in one face: see `set_line`."""
    runs = shape_runs(text, script)
    return set_line(runs, [choice] * len(runs), body)


def _set_run(
    run: Run, choice: FaceChoice, body: float, pen: float, placed: list[tuple[Mask, int, int]]
) -> float:
    face = choice.face
    glyphs = face.shape(run.text, run.script, run.direction, choice.language)
    if NO_GLYPH in glyphs.ids:
        raise MissingGlyphError(
            f"the font {face.file.family} lacks characters of a run in {run.script}"
        )
    em = body * choice.scale / face.body(run.script)
    pixel = em / face.units_per_em
    bold = round(choice.bold * body * 64)
    space = np.zeros(len(glyphs.ids), np.float32)
    if choice.tracking and run.script != "Arab":
        space[_cluster_ends(glyphs)] = choice.tracking * body
    advances = glyphs.advances * pixel + space + (glyphs.advances > 0) * bold / 64
    pens = pen + np.concatenate([[0.0], np.cumsum(advances)])
    xs = np.rint(pens[:-1] + glyphs.offsets[:, 0] * pixel).astype(int)
    ys = np.rint(glyphs.offsets[:, 1] * pixel).astype(int)
    size = round(em * 64)
    for glyph, x, y in zip(glyphs.ids.tolist(), xs.tolist(), ys.tolist(), strict=True):
        image = face.image(glyph, size, bold)
        if image is not None:
            placed.append((image.alpha, x + image.left, -y - image.top))
    return float(pens[-1])


def _cluster_ends(glyphs: Glyphs) -> npt.NDArray[np.bool_]:
    return np.append(glyphs.clusters[1:] != glyphs.clusters[:-1], True)


def _by_script(text: str, default: str, direction: Literal["ltr", "rtl"]) -> list[Run]:
    codes = [script_of_char(c) for c in text]
    known = next((code for code in codes if code != COMMON), default)
    for i, code in enumerate(codes):
        known = codes[i] = known if code == COMMON else code
    pieces = groupby(zip(codes, text, strict=True), key=lambda pair: pair[0])
    return [Run("".join(c for _, c in group), code, direction) for code, group in pieces]
