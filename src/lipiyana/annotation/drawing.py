"""Draws the marks of a result and their labels on a copy of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from lipiyana.annotation.colours import casing_of
from lipiyana.annotation.geometry import clip
from lipiyana.annotation.labels import Label, font_sizes
from lipiyana.annotation.layout import Item, Layout, Place
from lipiyana.annotation.legend import Entry, with_legend
from lipiyana.annotation.marks import Kind, Mark, marks_of
from lipiyana.annotation.settings import DRAWING, LAYOUT, Colour
from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.types import Point, RawImage, Recognition
from lipiyana.words import shown

_RANKS: dict[Kind, int] = {"plate": 0, "text": 1, "vehicle": 2}
"""Labels of plates say most and choose first."""


def draw(
    image: npt.NDArray[np.uint8],
    recognition: Recognition,
    *,
    legend: bool = True,
    romanized: bool = False,
) -> npt.NDArray[np.uint8]:
    """Draw vehicles (in the colours of their classes), plates (yellow) and text (dark).

    A label covers neither plates nor text nor another label. It stands beside its outline if there
    is room, in a smaller font if need be, else in the nearest room, with a line that leads to the
    outline. Where the picture has no room left, a number stands for it, and a legend below the
    picture tells the label.

    Text whose script this system has no font for, or no shaping, is labelled in Latin letters if
    the result has them, else with the script's code.

    Args:
        image: the picture that the result is of: (height, width, 3), RGB, upright.
        recognition: what was found in it.
        legend: whether the picture may become higher, for a legend. Without one, labels that have
            no room are left out.
        romanized: whether labels are in Latin letters where the result has them.

    Returns:
        A new array, higher than `image` if it has a legend, else of the same shape.

    Raises:
        InvalidImage: `image` is no array of that kind.
        InvalidRequest: `recognition` is not a `Recognition`.
    """
    canvas = _canvas(image)
    if not isinstance(recognition, Recognition):
        raise InvalidRequest(
            f"draw takes the result of one picture, a Recognition, not {shown(recognition)}",
            field="recognition",
        )
    pen = _Pen(canvas)
    line = pen.width(DRAWING.line_share)
    sizes = font_sizes(canvas.size, LAYOUT.shrinking, DRAWING)
    marks = marks_of(recognition, canvas.size, 2 * line, DRAWING, romanized=romanized)
    labels = [Label(mark.label, canvas.width, DRAWING) for mark in marks]
    items = [
        _item(mark, label, canvas.size, sizes) for mark, label in zip(marks, labels, strict=True)
    ]
    layout = Layout(canvas.size, gap=1 + line // 2)
    layout.occupy(items)
    places = layout.place(items)
    written = [
        _Written(mark, label, place, sizes[place.size])
        for mark, label, place in zip(marks, labels, places, strict=True)
        if place
    ]
    homeless = [
        (mark, item)
        for mark, item, place in zip(marks, items, places, strict=True)
        if item.sizes and not place
    ]
    numbers, entries = _numbers(homeless, layout, sizes[-1], canvas.width)
    for mark in marks:
        pen.outline(mark)
    written += numbers if legend else []
    for one in written:
        if one.place.leader:
            pen.leader(one.place.leader, one.mark.colour)
    for one in written:
        one.label.paint(canvas, one.place.box, one.font, one.mark.colour)
    if legend:
        canvas = with_legend(canvas, entries, sizes[-1], DRAWING)
    return np.asarray(canvas).copy()


def _canvas(image: object) -> Image.Image:
    """Copy a picture; what gives its pixels as an array, such as one of Pillow, is taken too."""
    if not any(hasattr(image, name) for name in ("__array__", "__array_interface__")):
        raise InvalidImage(
            f"draw takes an array of pixels, not {type(image).__name__}; write "
            'draw(numpy.asarray(PIL.Image.open(path).convert("RGB")), found)',
            reason="NOT_AN_IMAGE",
        )
    array = np.asarray(image)
    if array.ndim == 2 and array.dtype == np.uint8:
        raise InvalidImage(
            f"draw takes RGB, and an array of shape {array.shape} is grey; write "
            "draw(numpy.stack([image] * 3, axis=-1), found)",
            reason="BAD_RAW_IMAGE",
        )
    raw = RawImage.from_array(array, "rgb8")
    if not raw.data:
        raise InvalidImage(f"an array of shape {array.shape} has no pixels", reason="BAD_RAW_IMAGE")
    return Image.frombytes("RGB", (raw.width, raw.height), raw.data)


@dataclass(frozen=True, slots=True)
class _Written:
    """A label with its place."""

    mark: Mark
    label: Label
    place: Place
    font: int


def _item(mark: Mark, label: Label, picture: tuple[int, int], sizes: list[int]) -> Item:
    outline = clip(mark.outline, (0, 0, picture[0] - 1, picture[1] - 1))
    label_sizes = tuple(map(label.size, sizes)) if mark.label.strip() else ()
    return Item(outline, label_sizes, mark.kind != "vehicle", _RANKS[mark.kind])


def _numbers(
    homeless: list[tuple[Mark, Item]], layout: Layout, font: int, widest: int
) -> tuple[list[_Written], list[Entry]]:
    """Number the labels without room; give the entries of the legend too.

    Where there is no room for a number nearby either, the entry has none, and comes after the
    others: lines across the whole picture would hide more than they tell.
    """
    written: list[_Written] = []
    entries: list[Entry] = []
    others: list[Entry] = []
    for mark, item in homeless:
        label = Label(str(len(written) + 1), widest, DRAWING)
        (place,) = layout.place([replace(item, sizes=(label.size(font),))], anywhere=False)
        if place:
            written.append(_Written(mark, label, place, font))
            entries.append((f"{len(written)}  {mark.label}", mark.colour))
        else:
            others.append((mark.label, mark.colour))
    return written, entries + others


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws lines with a casing on a canvas."""

    canvas: Image.Image

    def width(self, share: float) -> int:
        """Give a width in pixels, at least 1."""
        return max(1, round(share * math.sqrt(self.canvas.width * self.canvas.height)))

    def outline(self, mark: Mark) -> None:
        """Draw a mark's outline."""
        width, pen = self.width(DRAWING.line_share), ImageDraw.Draw(self.canvas)
        around = casing_of(mark.colour, DRAWING.casing_mix)
        cased = width + 2 * self.width(DRAWING.casing_share)
        for colour, wide in ((around, cased), (mark.colour, width)):
            pen.line([*mark.outline, mark.outline[0]], fill=colour, width=wide, joint="curve")

    def leader(self, ends: tuple[Point, Point], colour: Colour) -> None:
        """Draw a leader line, with a dot at the mark."""
        width, pen = self.width(DRAWING.leader_share), ImageDraw.Draw(self.canvas)
        casing = self.width(DRAWING.casing_share)
        around = casing_of(colour, DRAWING.casing_mix)
        x, y = ends[1]
        for fill, more in ((around, casing), (colour, 0)):
            dot = width + 1 + more
            pen.line(ends, fill=fill, width=width + 2 * more)
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=fill)
