"""What the renderer draws and how often: the dials that training may turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lipiyana.rendering.fonts.families import Split

Style = Literal["sign", "print", "plate"]


@dataclass(frozen=True, slots=True)
class RenderRecipe:
    """Shares and probabilities, each in [0, 1] unless said otherwise.

    Attributes:
        sign, print, plate: shares of the three styles, where the caller asks for none.
        split: which font families.
        same_face_latin: Latin beside another script comes from the same font, if it can.
        bold: strokes widened.
        slant: letters leaned.
        stretch: letters condensed or widened.
        tracking: space added between letters.
        outline: a contour in another colour.
        shadow: a drop shadow.
        extrude: letters with a side, as cut from a board.
        gradient: two colours in the letters, one above the other.
        glow: lit letters.
        two_colours: a word or letter in another colour, or the upper half of the line.
        pen: strokes of two thicknesses: a thin headline over thick stems, or a slanted nib.
        hand_painted: letters bent and their strokes uneven; doubled where fonts are few.
        curve: the baseline is an arc.
        perspective: the sign is seen a little from a side.
        side_view: it is seen from far to the side: narrow letters on a baseline that climbs.
        neighbours: strokes of other text at an edge.
        tight: the crop cuts into the ink.
        low_contrast: colours near each other.
        textured: the ground is more than a colour or gradient.
        wires: a wire, pole or crack lies across the letters.
        far: a small, soft piece of a large picture.
        blur, motion, low_resolution, noise, jpeg, uneven_light, shadow_edge, glare, night,
        stains, scratches, sharpen, cast: degradations of the picture.
        strength: factor on the strength of every degradation, not a probability.
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
