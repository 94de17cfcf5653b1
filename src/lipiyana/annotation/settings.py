"""Tuned constants of drawing results.

The sizes were chosen by looking at drawn copies of `samples/` and of real pictures of streets and
signs; no measured figure stands behind them where none is given.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """Where labels go. Distances are in heights of the label where nothing else is said."""

    shrinking: tuple[float, ...] = (1.0, 0.8, 0.64)
    """Factors of the font's size that are tried, the largest first."""
    crowded: float = 0.3
    """Share of the picture's free area that all labels may fill before all of them shrink."""
    cells: int = 32_000
    """Of the grid in which free room is searched: 4 pixels a side at 640 x 480."""
    slices: int = 8
    """Rectangles that a tilted outline is cut into."""
    level: float = 1.25
    """Area of an outline's bounds by its own up to which it is one rectangle."""
    reach: float = 6.0
    """Distance within which a larger font is preferred; beyond it, the whole picture is searched
    with each size.
    """
    touching: float = 0.25
    """Distance up to which a label needs no leader line."""
    sectors: int = 8
    """Directions around a mark in which the nearest room is compared."""

    compared: int = 500
    """Nearest places that are sorted by direction: thousands cost milliseconds a label."""

    # costs of a place; the lowest is taken

    order_cost: float = 0.04
    """Of each place further down the list of those beside a mark: above, below, ..."""
    cover_cost: float = 1.5
    """Of covering another mark's inside, where that is allowed, by the share of the label."""
    ambiguous_cost: float = 0.5
    """Of touching a foreign mark too, so that a reader may take the label for the other's."""
    distance_cost: float = 1.0
    """Of each height of distance."""
    crossing_cost: float = 3.0
    """Of each plate, text or label that the leader line runs through."""


@dataclass(frozen=True, slots=True)
class DrawingSettings:
    """How marks and labels look. `side` is the square root of the picture's area."""

    font_share: float = 1 / 46
    """Size of the font by `side`: 12 pixels at 640 x 480, 150 at 8000 x 6000."""
    font_min: int = 11
    """Pixels; Indic letters are illegible below 10."""
    font_least: int = 10
    """Pixels that shrinking stops at."""
    line_share: float = 1 / 300
    """Width of outlines by `side`."""
    casing_share: float = 1 / 1000
    """Width of the casing on both sides of a line, which shows it on a ground of its own colour."""
    casing_mix: float = 0.5
    """Share of the label's ink in the colour of the casing; the rest is the line's own colour."""
    leader_share: float = 1 / 900
    """Width of leader lines by `side`."""
    pad_share: float = 0.2
    """Room around the text of a label, by the size of the font."""
    on_plate: float = 0.7
    """Share of a line's area on a plate from which its text is what the plate's label says."""
    legend_share: float = 1.0
    """Height of the legend by the picture's, at most."""
    legend_least: int = 6
    """Width of a picture that gets a legend, by the size of its font."""
    plate: Colour = (255, 200, 0)
    """Light, so that plates differ from vehicles for colour-blind people too."""
    text: Colour = (17, 24, 39)
    """Dark for the same reason. Vehicles have the colours of their classes, in between."""


LAYOUT = LayoutSettings()
"""What the package uses."""
DRAWING = DrawingSettings()
"""What the package uses."""
