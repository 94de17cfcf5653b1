"""Draws the paints and the lettering of a plate at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lipiyana.rendering.contents.plate_texts import PlateText
from lipiyana.rendering.effects.palettes import Colour
from lipiyana.rendering.fonts.families import FontLibrary, Split
from lipiyana.rendering.plates.lettering import Lettering, pick_face
from lipiyana.types import PlateColour

Shades = Mapping[str, Sequence[tuple[int, int, int]]]

_PAINTS: Shades = {
    "black": ((28, 28, 30), (38, 36, 36), (30, 34, 52)),
    "white": ((240, 241, 238), (226, 229, 230), (212, 214, 214), (244, 240, 226)),
    "yellow": ((250, 214, 30), (242, 184, 20), (232, 160, 34), (236, 228, 60)),
    "green": ((20, 138, 74), (12, 110, 62), (46, 158, 92)),
    "red": ((206, 24, 36), (176, 22, 44), (222, 52, 40)),
    "blue": ((22, 66, 158), (18, 88, 176), (14, 44, 116)),
}
BANGLADESHI_PAINTS: Shades = {"white": ((206, 208, 206), (190, 194, 196), (216, 212, 202)),
                "green": ((64, 150, 96), (98, 168, 110), (38, 128, 84))}  # fmt: skip
_NARROW_FACES: Sequence[str] = (
    "Roadgeek 2014 Series C",
    "Roadgeek 2014 Series D",
    "Nimbus Sans Narrow",
    "Liberation Sans Narrow",
    "Roboto Condensed",
    "Bebas Neue",
    "Open Sans Condensed",
    "PT Sans Narrow",
    "osifont",
)
_WIDE_FACES: Sequence[str] = (
    "Nimbus Sans",
    "Liberation Sans",
    "Roadgeek 2014 Series E",
    "Gillius ADF",
    "Tuffy",
    "DejaVu Sans",
    "Switzera ADF",
    "Inter",
)
_STENCIL_FACES: Sequence[str] = (
    "Nimbus Sans",
    "Liberation Sans",
    "Roboto Condensed",
    "Inter",
    "Universalis ADF Std",
)
_PAINTED_FACES: Sequence[str] = (
    "URW Bookman",
    "C059",
    "Nimbus Sans",
    "Liberation Sans",
    "Roboto Slab",
    "PT Serif",
    "Lobster Two",
    "Tuffy",
    "Verana",
    "Jura",
    "Comfortaa",
    "Nimbus Roman",
    "Carlito",
)
_SERIF_FACES: Sequence[str] = ("Nimbus Roman", "C059", "URW Bookman", "PT Serif")
_NATIVE_FACES = {
    "Beng": ("Noto Sans Bengali", "Hind Siliguri", "Anek Bangla", "Lohit Bengali", "Mukti"),
    "Deva": (
        "Kalimati",
        "Samanata",
        "Noto Sans Devanagari",
        "Mukta",
        "Sarai",
        "Baloo 2",
        "Aksharyogini2",
        "Lohit Devanagari",
        "Yatra One",
    ),
}


def paint(rng: np.random.Generator, name: str, table: Shades = _PAINTS) -> Colour:
    """Draw a shade of a named colour."""
    shades = np.array(table.get(name, _PAINTS.get(name)), np.float32)
    shade = shades[int(rng.integers(len(shades)))] + rng.normal(0, 7, 3) + rng.normal(0, 6)
    return np.asarray(np.clip(shade, 0, 255), np.float32)


def colours(
    rng: np.random.Generator, colour: PlateColour, table: Shades = _PAINTS
) -> tuple[Colour, Colour]:
    """Draw the shades of the characters and of the sheet."""
    ink, ground = colour.value.split("_on_")
    return paint(rng, ink), paint(rng, ground, table)


def free_lettering(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> Lettering:
    """Draw a lettering of sticker and painted plates, as used before high-security plates."""
    kind = rng.random()
    row = "".join(text.rows)
    slant = float(rng.uniform(0.1, 0.25)) if rng.random() < 0.08 else 0.0
    if kind < 0.12:
        return Lettering("strokes", tracking=0.14, stroke=float(rng.uniform(0.1, 0.18)),
                         width=float(rng.uniform(0.45, 0.7)), slant=slant,
                         radius=float(rng.choice([0.0, 0.12, 0.5])))  # fmt: skip
    tracking = float(rng.uniform(0.0, 0.22))
    if kind < 0.68:
        extended = rng.random() < 0.25
        families = _WIDE_FACES if extended or rng.random() < 0.4 else _NARROW_FACES
        weight = float(rng.choice([400, 700]))
        face = pick_face(rng, library, "Latn", row, split=split, families=families, weight=weight)
        stretch = rng.uniform(1.25, 1.75) if extended else np.exp(rng.normal(0, 0.1))
        return Lettering("printed", face, float(rng.choice([0, 0, 0.03, 0.06])), tracking,
                         stretch=float(stretch), slant=slant)  # fmt: skip
    families = _PAINTED_FACES if rng.random() < 0.6 else ()
    face = pick_face(rng, library, "Latn", row, split=split, families=families)
    return Lettering("painted", face, float(rng.uniform(0, 0.08)), tracking, slant=slant,
                     unrest=float(rng.uniform(0, 1)))  # fmt: skip


def auto_lettering(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> Lettering:
    """Draw a lettering of the pressed plates of auto-rickshaws: bold, wide or with serifs."""
    serifs = rng.random() < 0.2
    families = _SERIF_FACES if serifs else _WIDE_FACES
    row = "".join(text.rows)
    face = pick_face(rng, library, "Latn", row, split=split, families=families, weight=700)
    return Lettering("printed", face, float(rng.choice([0, 0, 0.03])),
                     tracking=float(rng.uniform(0.02, 0.14)),
                     stretch=float(rng.uniform(0.85, 1.1 if serifs else 1.4)))  # fmt: skip


def stencil_lettering(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> Lettering:
    """Draw a stencil lettering: letters of constant strokes, or of a bold face."""
    tracking = float(rng.uniform(0.03, 0.1))
    if rng.random() < 0.5:
        return Lettering("stencil", tracking=tracking, stroke=float(rng.uniform(0.14, 0.2)),
                         width=float(rng.uniform(0.5, 0.68)),
                         radius=float(rng.uniform(0.1, 0.4)))  # fmt: skip
    face = pick_face(
        rng, library, "Latn", "".join(text.rows), split=split, families=_STENCIL_FACES, weight=700
    )
    return Lettering("stencil", face, float(rng.uniform(0, 0.05)), tracking)


def native_lettering(
    rng: np.random.Generator,
    text: PlateText,
    library: FontLibrary,
    split: Split,
    painted: float,
) -> Lettering:
    """Draw a lettering in an Indic script; `painted` is the probability of hand painting."""
    families = _NATIVE_FACES.get(text.script, ()) if rng.random() < 0.7 else ()
    row = "".join(text.rows)
    face = pick_face(rng, library, text.script, row, split=split, families=families)
    bold = float(rng.choice([0, 0.03, 0.06, 0.1]))
    unrest = float(rng.uniform(0.1, 0.9)) if rng.random() < painted else 0.0
    return Lettering("painted" if unrest else "printed", face, bold, tracking=0.0, unrest=unrest)
