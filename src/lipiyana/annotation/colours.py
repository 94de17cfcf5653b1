"""Colours of marks, and of the letters on their labels."""

from __future__ import annotations

import zlib

from lipiyana.annotation.settings import Colour
from lipiyana.vehicles.taxonomy import CLASSES, TAXONOMY

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def of_vehicle(label: str) -> Colour:
    """Give the colour of a class: that of the taxonomy, else one of its colours by the name."""
    known = CLASSES.get(label)
    row = known or TAXONOMY[zlib.crc32(label.encode()) % len(TAXONOMY)]
    return int(row.colour[1:3], 16), int(row.colour[3:5], 16), int(row.colour[5:7], 16)


def ink_on(ground: Colour) -> Colour:
    """Choose white or black, whichever is more legible: a contrast of 4.58 or more by WCAG 2."""
    return WHITE if contrast(ground, WHITE) >= contrast(ground, BLACK) else BLACK


def casing_of(line: Colour, share: float) -> Colour:
    """Mix a line's colour with what is legible on it."""
    red, green, blue = (
        round(own + share * (ink - own)) for own, ink in zip(line, ink_on(line), strict=True)
    )
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Give the contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = (value / 255 for value in colour)
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
