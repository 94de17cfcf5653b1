"""The style of a plate: size, colours, lettering, fittings and wear.

Sizes follow rule 51 of the Central Motor Vehicles Rules, in millimetres; colours follow
S.O.2339(E) of 2020, with the variation of real sheets and paints.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lipiyana.rendering.contents.plate_texts import PlateText
from lipiyana.rendering.effects.palettes import Colour
from lipiyana.rendering.fonts.families import FontLibrary, Split
from lipiyana.rendering.plates.lettering import Lettering
from lipiyana.rendering.plates.paints import (
    BANGLADESHI_PAINTS,
    auto_lettering,
    colours,
    free_lettering,
    native_lettering,
    paint,
    stencil_lettering,
)
from lipiyana.types import RegistrationFormat

# three-wheelers have old plates for longest
_HIGH_SECURITY = {"car": 0.5, "two_wheeler": 0.5, "heavy": 0.5, "three_wheeler": 0.25}

Strip = Literal["none", "mark", "blue"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rim:
    """A line around the plate: distance from the edge in mm, width in mm, and colour."""

    inset: float
    width: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class PlateStyle:
    """The style of one plate.

    Attributes:
        width: in mm.
        height: in mm.
        corner: corner radius in mm.
        ground: RGB of the sheet.
        ink: RGB of the characters.
        lettering: how the characters are made.
        glyphs: height of the characters of each row, in mm.
        fill: rows are stretched over the whole width.
        squeezed: series letters are narrower than the number after them.
        embossed: strength of the relief of the characters, 0 to 1.
        strip: nothing, the hologram with IND below it, or the blue band of stickers and of
            newer plates.
        rims: lines around the plate.
        red_line: a red line between the rows.
        bolts: positions as fractions of width and height.
        frame: width of a dark frame in mm, 0 for none.
        caption: words that are not part of the registration, "" for none.
        flag: the flag of Nepal at the left.
        seal: the disc of the Bangladeshi authority in the lower row.
        wear: chipped and faded paint, 0 to 1.
        dirt: mud and dust, 0 to 1.
        rust: patches of rust, 0 to 1.
        bend: displacement of the middle up (down if negative), as a fraction of the height.
    """

    width: float
    height: float
    corner: float
    ground: Colour
    ink: Colour
    lettering: Lettering
    glyphs: tuple[float, ...]
    fill: bool = False
    squeezed: bool = False
    embossed: float = 0.0
    strip: Strip = "none"
    rims: tuple[Rim, ...] = ()
    red_line: bool = False
    bolts: tuple[Point, ...] = ()
    frame: float = 0.0
    caption: str = ""
    flag: bool = False
    seal: bool = False
    wear: float = 0.0
    dirt: float = 0.0
    rust: float = 0.0
    bend: float = 0.0


def random_style(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split = "train"
) -> PlateStyle:
    """Draw a style that fits a registration.

    Raises:
        LookupError: no installed font of the split has its characters.
    """
    if text.format is RegistrationFormat.NEPAL:
        style = _nepali(rng, text, library, split)
    elif text.format is RegistrationFormat.BANGLADESH:
        style = _bangladeshi(rng, text, library, split)
    elif text.script != "Latn":
        style = _sheet(rng, text, native_lettering(rng, text, library, split, 0.5))
    elif _may_be_high_security(text) and rng.random() < _HIGH_SECURITY[text.vehicle]:
        style = _high_security(rng, text)
    elif text.vehicle == "three_wheeler" and len(text.rows) == 2 and rng.random() < 0.8:
        kind = _stencilled if rng.random() < 0.55 else _pressed
        style = kind(rng, text, library, split)
    else:
        style = _sheet(rng, text, free_lettering(rng, text, library, split))
    return _aged(rng, style)


def _may_be_high_security(text: PlateText) -> bool:
    return text.format in (
        RegistrationFormat.STANDARD,
        RegistrationFormat.DELHI,
        RegistrationFormat.BHARAT,
    )


def _size(rng: np.random.Generator, text: PlateText) -> tuple[float, float]:
    if len(text.rows) == 1:
        return (285.0, 45.0) if text.vehicle == "two_wheeler" else (500.0, 120.0)
    if text.vehicle in ("two_wheeler", "three_wheeler"):
        return (200.0, 100.0)
    return (340.0, 200.0) if rng.random() < 0.85 else (500.0, 120.0)


def _glyphs(width: float, rows: int) -> tuple[float, ...]:
    if rows == 1:
        return (30.0,) if width < 300 else (65.0,)
    if width < 300:
        return (35.0, 40.0)
    return (45.0, 45.0) if width > 400 else (65.0, 65.0)


def _high_security(rng: np.random.Generator, text: PlateText) -> PlateStyle:
    width, height = _size(rng, text)
    ink, ground = colours(rng, text.colour)
    lettering = Lettering(
        "strokes",
        tracking=float(rng.uniform(0.12, 0.2)),
        stroke=float(rng.uniform(0.13, 0.165)),
        width=float(rng.uniform(0.46, 0.56)),
        radius=float(rng.uniform(0.34, 0.5)),
    )
    return PlateStyle(
        width,
        height,
        float(rng.uniform(4, 10)),
        ground,
        ink,
        lettering,
        _glyphs(width, len(text.rows)),
        embossed=float(rng.uniform(0.5, 1)),
        strip="mark" if rng.random() < 0.75 else "blue",
        rims=(Rim(float(rng.uniform(2, 4)), float(rng.uniform(1.5, 3)), ink),),
        bolts=_two_bolts(rng),
        frame=float(rng.uniform(6, 14)) if rng.random() < 0.45 else 0.0,
    )


def _sheet(rng: np.random.Generator, text: PlateText, lettering: Lettering) -> PlateStyle:
    width, height = _size(rng, text)
    width *= float(rng.uniform(0.9, 1.04))
    height *= float(rng.uniform(0.9, 1.1))
    ink, ground = colours(rng, text.colour)
    rims: tuple[Rim, ...] = ()
    if rng.random() < 0.4:
        inset = float(rng.uniform(1, 6))
        light = np.full(3, rng.uniform(170, 235), np.float32)
        rims = (Rim(inset, float(rng.uniform(1.5, 3.5)), ink if rng.random() < 0.7 else light),)
    glyphs = tuple(size * float(rng.uniform(0.85, 1.12)) for size in _glyphs(width, len(text.rows)))
    wide = text.vehicle in ("car", "heavy")
    return PlateStyle(
        width,
        height,
        float(rng.choice([rng.uniform(0, 3), rng.uniform(6, 18)])),
        ground,
        ink,
        lettering,
        glyphs,
        embossed=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.3 else 0.0,
        strip="blue" if wide and rng.random() < 0.2 else "none",
        rims=rims,
        red_line=len(text.rows) == 2 and rng.random() < 0.15,
        bolts=_two_bolts(rng) if rng.random() < 0.7 else (),
        frame=float(rng.uniform(6, 16)) if wide and rng.random() < 0.35 else 0.0,
        caption=_caption(rng),
    )


def _stencilled(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> PlateStyle:
    ink, ground = colours(rng, text.colour)
    rows = 0.43 * (height := float(rng.uniform(180, 260)))
    return PlateStyle(
        float(rng.uniform(225, 290)),
        height,
        float(rng.uniform(0, 5)),
        ground,
        ink,
        stencil_lettering(rng, text, library, split),
        (rows, rows),
        fill=True,
        squeezed=rng.random() < 0.85,
        rims=(Rim(0, float(rng.uniform(2, 5)), ink),) if rng.random() < 0.8 else (),
        red_line=rng.random() < 0.9,
        bolts=((0.5, 0.5),) if rng.random() < 0.7 else (),
    )


def _pressed(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> PlateStyle:
    """Draw the style of an auto-rickshaw's small plate, with bolts at mid-height of the rows."""
    style = _sheet(rng, text, auto_lettering(rng, text, library, split))
    upper, lower = float(rng.uniform(0.1, 0.33)), float(rng.uniform(0.76, 0.92))
    middle = 0.5 + float(rng.normal(0, 0.02))
    large = style.height / 100 * float(rng.uniform(0.85, 1.1))
    return replace(
        style,
        corner=float(rng.uniform(6, 18)),
        glyphs=(29.0 * large, 33.0 * large),
        embossed=float(rng.uniform(0.2, 0.8)),
        red_line=False,
        bolts=((middle, upper), (middle, lower))[: int(rng.choice([0, 1, 2], p=[0.2, 0.3, 0.5]))],
        caption="",
    )


def _nepali(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> PlateStyle:
    ink, ground = colours(rng, text.colour)
    two = len(text.rows) == 2
    width, height = (float(rng.uniform(190, 235)), 112.0) if two else (460.0, 115.0)
    lettering = native_lettering(rng, text, library, split, 0.8)
    light = paint(rng, "white")
    rims = [Rim(0, float(rng.uniform(2, 6)), light)] if rng.random() < 0.75 else []
    if rng.random() < 0.25:
        rims.append(Rim(float(rng.uniform(8, 11)), 1.5, paint(rng, "yellow")))
    return PlateStyle(
        width,
        height,
        float(rng.uniform(7, 14)),
        ground,
        ink,
        replace(lettering, bold=float(rng.choice([0.03, 0.06, 0.1, 0.14]))),
        (float(rng.uniform(22, 28)), float(rng.uniform(36, 46))) if two else (48.0,),
        embossed=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.3 else 0.0,
        rims=tuple(rims),
        bolts=((0.08, 0.14), (0.92, 0.14)) if rng.random() < 0.85 else (),
        flag=two and rng.random() < 0.06,
    )


def _bangladeshi(
    rng: np.random.Generator, text: PlateText, library: FontLibrary, split: Split
) -> PlateStyle:
    ink, ground = colours(rng, text.colour, BANGLADESHI_PAINTS)
    lettering = native_lettering(rng, text, library, split, 0.0)
    dark = np.full(3, rng.uniform(40, 130), np.float32)
    return PlateStyle(
        float(rng.uniform(330, 350)),
        float(rng.uniform(155, 172)),
        float(rng.uniform(8, 14)),
        ground,
        ink,
        replace(lettering, bold=float(rng.choice([0, 0, 0.03, 0.06]))),
        (float(rng.uniform(28, 33)), float(rng.uniform(48, 56))),
        embossed=float(rng.uniform(0.4, 1)),
        rims=(Rim(2, 1.5, dark),) if rng.random() < 0.5 else (),
        bolts=((0.13, 0.07), (0.85, 0.07)),
        seal=rng.random() < 0.8,
    )


def _two_bolts(rng: np.random.Generator) -> tuple[Point, ...]:
    y = float(rng.choice([0.1, 0.14, 0.5], p=[0.4, 0.35, 0.25]))
    x = float(rng.uniform(0.2, 0.35)) if y < 0.5 else 0.035
    return ((x, y), (1 - x, y))


def _caption(rng: np.random.Generator) -> str:
    if rng.random() < 0.9:
        return ""
    return str(rng.choice(["JAI HIND", "SHREE MOTORS", "CITY WHEELS", "OM SAI", "ALL INDIA PERMIT",
                           "GOVT. OF INDIA", "POWER", "NAVBHARAT AUTO", "ON DUTY"]))  # fmt: skip


def _aged(rng: np.random.Generator, style: PlateStyle) -> PlateStyle:
    wear, dirt = (float(rng.beta(1, 2.2)) if rng.random() < 0.6 else 0.0 for _ in range(2))
    return replace(
        style,
        wear=wear * (0.5 if style.lettering.kind == "strokes" else 1.0),
        dirt=dirt,
        rust=float(rng.beta(1, 2)) if rng.random() < 0.15 else 0.0,
        bend=float(rng.normal(0, 0.035)) if rng.random() < 0.4 else 0.0,
    )
