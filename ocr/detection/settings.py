"""Tuned constants of detecting text.

Where no figure stands beside a value, none was recorded: measure with
`benchmarks/reader/detection.py` before and after you change it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the ink of a long line extends beyond its core, as shares of the core's height.

    Attributes:
        least: never less.
        usual: where the picture does not tell.
        most: never more.
    """

    least: float
    usual: float
    most: float


_ABOVE = Reach(0.42, 0.55, 0.8)
_BELOW = Reach(0.45, 0.65, 1.35)


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How pictures are scaled and lines are made of the detector's map.

    A core is what the network draws of a line, a little more than half as high as its ink.
    """

    # size of the network's input

    min_long_side: int = 736
    """A smaller picture is enlarged until its longer side has this many pixels, by
    `max_enlargement` at most: text of six pixels is not found.
    """
    max_long_side: int = 960
    """A larger picture is reduced to this."""
    largest_long_side: int = 0
    """Where that is less than half of its size, it is reduced to half of its size instead, but to
    this at most: small text on a large photo is text too.
    """
    max_enlargement: float = 2.0
    """Factor."""

    # from the map to cores

    pixel_threshold: float = 0.2
    """Probability above which a pixel is text."""
    box_threshold: float = 0.5
    """Mean probability above which a region is a line."""
    unclip_ratio: float | None = 1.6
    """How far a region, which the network is taught to draw shrunk, is widened on every side: by
    this many times its area by its circumference, as PP-OCR does. None joins the pieces of lines,
    and widens each to its ink.
    """
    min_core_side: float = 3.0
    """Pixels of the map; smaller regions are noise."""
    most_cores: int = 1000
    """Regions of one picture."""
    own_direction_aspect: float = 2.0
    """A core shorter than this many heights has no direction of its own."""
    tilt_aspect: float = 3.0
    """A core longer than this many heights has a say in the tilt of the picture's text."""

    # joining pieces, in heights of a core

    near_gap: float = 1.1
    """Gap between the cores of letters that touch or nearly do."""
    same_height: float = 0.6
    """Least ratio of the heights of two pieces of one line."""
    same_row_offset: float = 0.3
    """How far off the row a piece may be."""
    same_angle: float = 0.14
    """Radians between two pieces of one line."""
    mark_heights: tuple[float, float] = (0.3, 0.95)
    """Least and greatest height of a mark that was found apart from its line."""
    mark_aspect: float = 3.0
    """Greatest width of such a mark, in heights of its own."""
    mark_gap: float = 1.2
    """Greatest distance of a mark from its line, in heights of its own."""
    mark_gap_of_line: float = 0.6
    """Likewise, in heights of the line."""
    mark_ink: float = 0.3
    """How far a mark's ink extends beyond its core, in heights of its own."""

    same_row_overlap: float = 0.5
    """How far two lines of one row overlap across the text, by the height of the lower one."""

    # widening cores to the ink, in heights of a core

    above: Reach = _ABOVE
    """Matras stand above the core."""
    below: Reach = _BELOW
    """Vowel signs hang below it."""
    beside: float = 0.52
    """How far a line is widened on the left and right."""
    neighbour_share: float = 0.6
    """Share of what the next line has at least above or below its core that is left to it."""
    ink_change: float = 0.3
    """Change along a row of pixels, by the core's, from which the row still has ink."""
    ink_room: float = 0.06
    """Room that is left beyond the ink."""
    clear_rows: float = 0.14
    """Height without ink at which a line ends."""
    shrink_ratio: float = 0.21
    """By how much of its area by its circumference the detector was taught to shrink a line,
    twice.
    """


SCENE_DETECTION = DetectionSettings(largest_long_side=1280, box_threshold=0.3, unclip_ratio=None)
"""For whole photos of signs in any script."""
