"""Labels in the sizes that the layout chooses from, and how they are painted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from lipiyana.annotation.colours import ink_on
from lipiyana.annotation.geometry import Rectangle
from lipiyana.annotation.lettering import Lettering
from lipiyana.annotation.settings import Colour, DrawingSettings
from lipiyana.ocr.scripts.clusters import clusters

_CUT = "..."


def font_sizes(
    picture: tuple[int, int], shrinking: Sequence[float], settings: DrawingSettings
) -> list[int]:
    """Give the font sizes for a picture, in pixels, the largest first."""
    side = math.sqrt(picture[0] * picture[1])
    largest = max(settings.font_min, round(settings.font_share * side))
    sizes = (max(settings.font_least, round(largest * factor)) for factor in shrinking)
    return sorted(set(sizes), reverse=True)


class Label:
    """The text of a label, which fits into a width by being cut at its end if need be."""

    def __init__(self, text: str, widest: int, settings: DrawingSettings) -> None:
        self._text = text
        self._widest = widest
        self._settings = settings
        self._letterings: dict[int, Lettering] = {}

    def size(self, font: int) -> tuple[int, int]:
        """Give width and height in pixels."""
        lettering, pad = self._lettering(font), self._pad(font)
        return lettering.width + 2 * pad, lettering.height + 2 * pad

    def paint(self, canvas: Image.Image, box: Rectangle, font: int, ground: Colour) -> None:
        """Paint the label on its rectangle."""
        left, top, right, bottom = box
        pad = self._pad(font)
        # the edge shows a label on a ground of its own colour
        edge = (left, top, right - 1, bottom - 1)
        ImageDraw.Draw(canvas).rectangle(edge, ground, ink_on(ground), width=max(1, pad // 3))
        self._lettering(font).draw(canvas, (left + pad, top + pad), ink_on(ground))

    def _pad(self, font: int) -> int:
        return max(1, round(font * self._settings.pad_share))

    def _lettering(self, font: int) -> Lettering:
        if font not in self._letterings:
            self._letterings[font] = self._fitted(font)
        return self._letterings[font]

    def _fitted(self, font: int) -> Lettering:
        room = self._widest - 2 * self._pad(font)
        lettering = Lettering(self._text, font)
        if lettering.width <= room:
            return lettering
        # halving finds the longest start that fits: letters with their signs stay whole
        parts = clusters(self._text)
        fits, fails = 0, len(parts)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if Lettering("".join(parts[:middle]) + _CUT, font).width <= room:
                fits = middle
            else:
                fails = middle
        return Lettering("".join(parts[:fits]) + _CUT, font)
