"""Measures and draws one line of text in any script that this system has fonts for."""

from __future__ import annotations

import math
from functools import lru_cache

from PIL import Image, ImageDraw

from lipiyana.annotation import harfbuzz
from lipiyana.annotation.fonts import open_font, shaper
from lipiyana.annotation.settings import Colour
from lipiyana.annotation.text_runs import Run, runs

Ink = tuple[int, int, int, int]


class Lettering:
    """A line of text at one size.

    Attributes:
        width: of its ink and advances, in pixels.
        above: height over the baseline, at least that of Latin capitals.
        below: depth under the baseline, at least that of Latin small letters.
    """

    def __init__(self, text: str, size: int) -> None:
        self._size = size
        self._runs = [(run, *_measured(run, size)) for run in runs(text)]
        usual = [_measured(run, size)[1] for run in runs("Hg")]
        inks = [ink for _, _, ink in self._runs] + usual
        self.above = -min(top for _, top, _, _ in inks)
        self.below = max(bottom for _, _, _, bottom in inks)
        x = left = right = 0
        for _, advance, ink in self._runs:
            left, right = min(left, x + ink[0]), max(right, x + ink[2], x + advance)
            x += advance
        self._start, self.width = -left, right - left

    @property
    def height(self) -> int:
        """Of the line."""
        return self.above + self.below

    def draw(self, canvas: Image.Image, place: tuple[int, int], colour: Colour) -> None:
        """Draw the line; `place` is the left upper corner of its ink."""
        x, baseline = place[0] + self._start, place[1] + self.above
        for run, advance, _ in self._runs:
            _draw(canvas, (x, baseline), run, self._size, colour)
            x += advance


def _by_harfbuzz(run: Run) -> bool:
    return run.font is not None and shaper() == "harfbuzz"


def _direction(run: Run) -> str | None:
    # Pillow takes directions only where it has Raqm, and for its own font never
    if run.font is None or shaper() != "raqm":
        return None
    return "rtl" if run.rtl else "ltr"


@lru_cache(maxsize=4096)
def _measured(run: Run, size: int) -> tuple[int, Ink]:
    """Give the advance and the box of the ink around the start of the baseline."""
    if run.font is not None and _by_harfbuzz(run):
        _, length = harfbuzz.shape(run.text, run.font, size, rtl=run.rtl)
        mask, left, top = harfbuzz.ink(run.text, run.font, size, rtl=run.rtl)
        wide, high = mask.size if mask else (0, 0)
        return round(length), (left, top, left + wide, top + high)
    font, direction = open_font(run.font, size), _direction(run)
    box = font.getbbox(run.text, direction=direction, anchor="ls")
    length = font.getlength(run.text, direction=direction)
    ink = math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])
    return round(length), ink


def _draw(canvas: Image.Image, start: tuple[int, int], run: Run, size: int, colour: Colour) -> None:
    """Draw a run from the start of the baseline."""
    if run.font is not None and _by_harfbuzz(run):
        mask, left, top = harfbuzz.ink(run.text, run.font, size, rtl=run.rtl)
        if mask:
            canvas.paste(colour, (start[0] + left, start[1] + top), mask)
        return
    pen = ImageDraw.Draw(canvas)
    font = open_font(run.font, size)
    pen.text(start, run.text, font=font, fill=colour, anchor="ls", direction=_direction(run))
