"""Draws the marks of a result and their labels on a copy of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from lipiyana.annotation.colours import ink_on
from lipiyana.annotation.geometry import clip
from lipiyana.annotation.labels import Label, font_sizes
from lipiyana.annotation.layout import Item, Layout, Place
from lipiyana.annotation.legend import with_legend
from lipiyana.annotation.marks import Kind, Mark, marks_of
from lipiyana.annotation.settings import DRAWING, LAYOUT
from lipiyana.types import Recognition

_RANKS: dict[Kind, int] = {"plate": 0, "text": 1, "vehicle": 2}
"""Labels of plates say most and choose first."""


def draw(
    image: npt.NDArray[np.uint8], recognition: Recognition, *, legend: bool = True
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

    Returns:
        A new array, higher than `image` if it has a legend, else of the same shape.
    """
    canvas = Image.fromarray(np.array(image))
    line = max(1, round(DRAWING.line_share * math.sqrt(canvas.width * canvas.height)))
    sizes = font_sizes(canvas.size, LAYOUT.shrinking, DRAWING)
    marks = marks_of(recognition, canvas.size, 2 * line, DRAWING)
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
    numbers = _numbers(homeless, layout, sizes[-1], canvas.width) if legend else []
    for mark in marks:
        _outline(canvas, mark, line)
    for one in (*written, *numbers):
        _leader(canvas, one)
    for one in (*written, *numbers):
        one.label.paint(canvas, one.place.box, one.font, one.mark.colour)
    entries = [
        (f"{number}  {one.mark.label}", one.mark.colour) for number, one in enumerate(numbers, 1)
    ]
    if legend:
        canvas = with_legend(canvas, entries, len(homeless), sizes[-1], DRAWING)
    return np.asarray(canvas).copy()


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
) -> list[_Written]:
    """Number the labels without room, where there is room for a number."""
    written: list[_Written] = []
    for mark, item in homeless:
        label = Label(str(len(written) + 1), widest, DRAWING)
        (place,) = layout.place([replace(item, sizes=(label.size(font),))])
        if place:
            written.append(_Written(mark, label, place, font))
    return written


def _outline(canvas: Image.Image, mark: Mark, width: int) -> None:
    pen = ImageDraw.Draw(canvas)
    closed = [*mark.outline, mark.outline[0]]
    pen.line(closed, fill=ink_on(mark.colour), width=width + 2, joint="curve")
    pen.line(closed, fill=mark.colour, width=width, joint="curve")


def _leader(canvas: Image.Image, written: _Written) -> None:
    if written.place.leader is None:
        return
    pen = ImageDraw.Draw(canvas)
    width = max(1, round(DRAWING.leader_share * math.sqrt(canvas.width * canvas.height)))
    x, y = written.place.leader[1]
    dot = width + 1
    around = ink_on(written.mark.colour)
    pen.line(written.place.leader, fill=around, width=width + 2)
    pen.ellipse((x - dot - 1, y - dot - 1, x + dot + 1, y + dot + 1), fill=around)
    pen.line(written.place.leader, fill=written.mark.colour, width=width)
    pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=written.mark.colour)
