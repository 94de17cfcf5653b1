"""Draws results on copies of their pictures: boxes, outlines and text in its own script.

In: an RGB picture (height, width, 3) and a `Recognition`. Out: an RGB picture of the same size.
Labels are drawn with the fonts of this system.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, features

from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char
from lipiyana.types import Box, Plate, Point, Recognition, TextLine, Vehicle

Colour = tuple[int, int, int]

# of the palette of Okabe and Ito, which colour-blind people can tell apart
VEHICLE_COLOUR: Colour = (0, 114, 178)
PLATE_COLOUR: Colour = (213, 94, 0)
TEXT_COLOUR: Colour = (0, 128, 92)

_FULL = 1.0
_VEHICLE_WEIGHT = 0.1  # hiding part of a vehicle is better than hiding what can be read
_ON_PLATE = 0.7  # of a line: its text is what the label of the plate says already

_Rectangle = tuple[int, int, int, int]
_Taken = tuple[_Rectangle, float]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# families that are drawn for labels: plain, legible, and what systems usually have
_FAMILIES = {
    "Deva": ("NotoSansDevanagari", "Lohit-Devanagari", "Nirmala", "Mangal", "Kohinoor"),
    "Beng": ("NotoSansBengali", "Lohit-Bengali", "Nirmala", "Vrinda", "KohinoorBangla"),
    "Guru": ("NotoSansGurmukhi", "Lohit-Gurmukhi", "Lohit-Punjabi", "Nirmala", "Raavi"),
    "Gujr": ("NotoSansGujarati", "Lohit-Gujarati", "Nirmala", "Shruti", "KohinoorGujarati"),
    "Orya": ("NotoSansOriya", "Lohit-Odia", "Lohit-Oriya", "Nirmala", "Kalinga"),
    "Taml": ("NotoSansTamil", "Lohit-Tamil", "Nirmala", "Latha", "InaiMathi"),
    "Telu": ("NotoSansTelugu", "Lohit-Telugu", "Nirmala", "Gautami", "KohinoorTelugu"),
    "Knda": ("NotoSansKannada", "Lohit-Kannada", "Nirmala", "Tunga"),
    "Mlym": ("NotoSansMalayalam", "Lohit-Malayalam", "Nirmala", "Kartika"),
    "Arab": ("NotoSansArabic", "NotoNaskhArabic", "Scheherazade", "DejaVuSans", "Tahoma"),
    "Olck": ("NotoSansOlChiki", "Nirmala"),
    "Mtei": ("NotoSansMeeteiMayek", "Nirmala"),
    "Latn": ("DejaVuSans", "NotoSans", "LiberationSans", "Arial", "Helvetica"),
}
_SUFFIXES = (".ttf", ".otf", ".ttc")

FONTS_VARIABLE = "LIPIYANA_FONTS"
"""Names the variable with the folders to look for fonts in, in place of the system's."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """An outline and its label."""

    outline: tuple[Point, ...]
    label: str
    colour: Colour

    @property
    def bounds(self) -> _Rectangle:
        xs, ys = [x for x, _ in self.outline], [y for _, y in self.outline]
        return round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys))


def draw(image: npt.NDArray[np.uint8], recognition: Recognition) -> npt.NDArray[np.uint8]:
    """Draw vehicles (blue), plates (orange) and lines of text (green) with their labels.

    A label stands where it hides neither plate nor text nor another label, and little of other
    vehicles; above its own outline if there is room. Text whose script this system has no font
    for is labelled in Latin letters, if the result has them, or by the script's code.

    Args:
        image: the picture that the result is of: (height, width, 3), RGB, upright.
        recognition: what was found in it.

    Returns:
        A new array of the same shape; `image` is left as it is.
    """
    canvas = Image.fromarray(np.array(image))
    marks = list(_marks(recognition))
    side = min(canvas.size)
    size = max(11, min(36, side // 32))
    width = max(1, side // 300)
    pen = ImageDraw.Draw(canvas)
    for mark in marks:
        pen.line([*mark.outline, mark.outline[0]], fill=mark.colour, width=width)
    taken = [(mark.bounds, _weight(mark)) for mark in marks]
    # plates come last in `marks` and choose first: their labels say most
    for mark in reversed(marks):
        if mark.label:
            taken.append((_draw_label(canvas, mark, size, taken), _FULL))
    return np.asarray(canvas).copy()


def _weight(mark: _Mark) -> float:
    return _VEHICLE_WEIGHT if mark.colour == VEHICLE_COLOUR else _FULL


def _marks(recognition: Recognition) -> Iterator[_Mark]:
    for vehicle in recognition.vehicles:
        yield _Mark(_corners(vehicle.box), _vehicle_label(vehicle), VEHICLE_COLOUR)
    plates = [
        _Mark(_corners(plate.box), _plate_label(plate), PLATE_COLOUR)
        for plate in recognition.plates
    ]
    for line in recognition.text_lines:
        mark = _Mark(line.polygon, _line_label(line), TEXT_COLOUR)
        on_a_plate = max((_overlap(mark.bounds, plate.bounds) for plate in plates), default=0)
        if on_a_plate <= _ON_PLATE * _overlap(mark.bounds, mark.bounds):
            yield mark
    yield from plates


def _corners(box: Box) -> tuple[Point, ...]:
    return (
        (box.x_min, box.y_min),
        (box.x_max, box.y_min),
        (box.x_max, box.y_max),
        (box.x_min, box.y_max),
    )


def _vehicle_label(vehicle: Vehicle) -> str:
    track = "" if vehicle.track_id is None else f" #{vehicle.track_id}"
    return f"{vehicle.label}{track} {vehicle.confidence:.2f}"


def _line_label(line: TextLine) -> str:
    return line.text if can_draw(line.text) else line.romanized or f"[{line.script}]"


def _plate_label(plate: Plate) -> str:
    text = plate.registration.canonical or plate.text.replace("\n", " / ")
    if can_draw(text):
        return text
    return plate.registration.romanized or " / ".join(_line_label(line) for line in plate.lines)


def _draw_label(canvas: Image.Image, mark: _Mark, size: int, taken: list[_Taken]) -> _Rectangle:
    """Draw a label where it fits best, and give the rectangle that it takes."""
    pieces = [(font_for(script, size), piece) for script, piece in runs(mark.label)]
    pad = max(1, size // 6)
    widths = [round(font.getlength(piece)) for font, piece in pieces]
    boxes = [font.getbbox(piece, anchor="ls") for font, piece in pieces]
    above = round(-min(top for _, top, _, _ in boxes)) + pad
    below = round(max(bottom for _, _, _, bottom in boxes)) + pad
    label_size = (sum(widths) + 2 * pad, above + below)
    place = _place(mark.bounds, label_size, canvas.size, taken)
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=mark.colour)
    x = place[0] + pad
    for (font, piece), width in zip(pieces, widths, strict=True):
        pen.text((x, place[1] + above), piece, font=font, fill="white", anchor="ls")
        x += width
    return place


def _place(
    bounds: _Rectangle, size: tuple[int, int], picture: tuple[int, int], taken: list[_Taken]
) -> _Rectangle:
    """Choose the place of a label (around or inside `bounds`) that hides least."""
    x_min, y_min, x_max, y_max = bounds
    width, height = size
    above, below, right = y_min - height, y_max + 1, x_max - width + 1
    corners = (
        (x_min, above),
        (x_min, below),
        (right, above),
        (right, below),
        (x_max + 1, y_min),
        (x_min - width, y_min),
        (x_min, y_min),
    )
    candidates = []
    for x, y in corners:
        left = max(0, min(x, picture[0] - width))
        top = max(0, min(y, picture[1] - height))
        candidates.append((left, top, left + width, top + height))
    # min gives the first of equals, which is the most usual place
    return min(
        candidates,
        key=lambda place: sum(weight * _overlap(place, other) for other, weight in taken),
    )


def _overlap(one: _Rectangle, other: _Rectangle) -> int:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def font_folders() -> tuple[Path, ...]:
    """List the folders of fonts: those of `LIPIYANA_FONTS` where it is set, else the system's.

    Folders are joined as in `PATH`. They need not exist: an empty one hides all fonts.
    """
    if named := os.environ.get(FONTS_VARIABLE):
        return tuple(Path(folder).expanduser() for folder in named.split(os.pathsep) if folder)
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path("~/.local/share/fonts").expanduser(),
        Path("~/.fonts").expanduser(),
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    )


def runs(text: str) -> list[tuple[str, str]]:
    """Cut text into pieces of (script, piece) that one font can draw, from left to right.

    What belongs to no script goes with the Latin letters; spaces and joiners stay with what
    they follow. A line that begins in a script from right to left runs so as a whole.
    """
    scripts: list[str] = []
    for character in text:
        follows = scripts and character in " \u200c\u200d"
        scripts.append(scripts[-1] if follows else _drawn_as(character))
    pairs = zip(scripts, text, strict=True)
    pieces = [
        (script, "".join(character for _, character in piece))
        for script, piece in groupby(pairs, key=lambda pair: pair[0])
    ]
    if pieces and SCRIPTS[pieces[0][0]].direction == "rtl":
        pieces.reverse()
    return pieces


def can_draw(text: str) -> bool:
    """Say whether this system can draw `text` so that it can be read."""
    return {_drawn_as(character) for character in text} <= drawable_scripts()


@lru_cache(maxsize=1)
def drawable_scripts() -> frozenset[str]:
    """List the scripts that this system has a font for, and the shaping where it must have it.

    Latin is always there; without shaping, lines from right to left would be drawn backwards.
    """
    return frozenset(
        code
        for code in _FAMILIES
        if code == "Latn"
        or (
            (_shapes() or SCRIPTS[code].direction == "ltr")
            and any(family in _files() for family in _wanted(code))
        )
    )


@lru_cache(maxsize=64)
def font_for(script: str, size: int) -> Font:
    """Open a font for a script; if there is none, Pillow's own, which has only Latin."""
    engine = ImageFont.Layout.RAQM if _shapes() else ImageFont.Layout.BASIC
    for family in _wanted(script):
        if path := _files().get(family):
            return ImageFont.truetype(str(path), size, layout_engine=engine)
    return ImageFont.load_default(size)


def _drawn_as(character: str) -> str:
    script = script_of_char(character)
    return script if script in _FAMILIES else "Latn"


def _wanted(script: str) -> list[str]:
    return [family.lower() for family in _FAMILIES[script]]


@lru_cache(maxsize=1)
def _shapes() -> bool:
    """Whether conjuncts are joined, matras reordered and lines run from right to left."""
    return bool(features.check("raqm"))


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """Map file names, without style and in lower case, to the regular style's files."""
    found: dict[str, Path] = {}
    for folder in font_folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                stem = path.stem.partition("[")[0].removesuffix("-Regular")
                found.setdefault(stem.lower(), path)
    return found
