"""The renderer's settings: how often each style, effect and degradation is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lipiyana.rendering.fonts.families import Split

Style = Literal["sign", "print", "plate"]


@dataclass(frozen=True, slots=True)
class RenderRecipe:
    """Shares and probabilities, each in [0, 1] unless noted otherwise.

    Attributes:
        sign, print, plate: shares of the three styles, used when the caller names no style.
        split: the split from which font families are drawn.
        same_face_latin: Latin text beside another script uses the same font, if possible.
        bold: wider strokes.
        slant: slanted letters.
        stretch: condensed or expanded letters.
        tracking: extra space between letters.
        outline: a contour in another colour.
        shadow: a drop shadow.
        extrude: letters with visible sides, as if cut from a board.
        gradient: a vertical gradient between two colours in the letters.
        glow: glowing letters.
        two_colours: a word, a letter or the upper half of the line in another colour.
        pen: strokes of two thicknesses: a thin headline over thick stems, or a slanted nib.
        hand_painted: bent letters with uneven strokes; doubled for scripts with few fonts.
        curve: the baseline is an arc.
        perspective: the sign is seen slightly from the side.
        side_view: it is seen far from the side: narrow letters on a rising baseline.
        neighbours: strokes of other text at an edge of the crop.
        tight: the crop cuts into the ink.
        low_contrast: similar colours for letters and ground.
        textured: the ground has a texture, beyond a colour or gradient.
        wires: a wire, pole or crack crosses the letters.
        far: a small, blurred part of a large picture.
        blur, motion, low_resolution, noise, jpeg, uneven_light, shadow_edge, glare, night,
        stains, scratches, sharpen, cast: degradations of the picture.
        strength: multiplies the strength of every degradation; not a probability.
    """

    sign: float = 0.78
    print: float = 0.14
    plate: float = 0.08
    split: Split = "train"
    same_face_latin: float = 0.3
    bold: float = 0.4
    slant: float = 0.15
    stretch: float = 0.5
    tracking: float = 0.15
    outline: float = 0.16
    shadow: float = 0.12
    extrude: float = 0.11
    gradient: float = 0.06
    glow: float = 0.05
    two_colours: float = 0.07
    pen: float = 0.22
    hand_painted: float = 0.15
    curve: float = 0.06
    perspective: float = 0.6
    side_view: float = 0.14
    neighbours: float = 0.3
    tight: float = 0.15
    low_contrast: float = 0.22
    textured: float = 0.35
    wires: float = 0.05
    far: float = 0.08
    blur: float = 0.34
    motion: float = 0.08
    low_resolution: float = 0.28
    noise: float = 0.35
    jpeg: float = 0.5
    uneven_light: float = 0.3
    shadow_edge: float = 0.08
    glare: float = 0.06
    night: float = 0.05
    stains: float = 0.07
    scratches: float = 0.06
    sharpen: float = 0.12
    cast: float = 0.65
    strength: float = 0.75
