"""Tuned constants of detecting vehicles and plates.

"Selection part" is the part of the labelled pictures that choices are made on, see
`models/vehicles.md`.
Where no figure stands beside a value, none was recorded: measure with `benchmarks/vehicles` before
and after you change it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VehicleDetectionSettings:
    """What detection decides by. "IoU" is intersection over union."""

    # candidates

    min_confidence: float = 0.01
    """Below this nothing is a detection."""
    most_candidates_a_view: int = 1000
    """Candidates of one run of the network on one picture or tile: the most confident ones."""
    most_candidates: int = 3000
    """Candidates of all views of a picture: what is compared pair by pair must have a bound."""

    # non-maximum suppression

    same_class_iou: float = 0.5
    """Above this, two boxes of one class are one object."""
    agreeing_iou: float = 0.55
    """Above this IoU with a box that stays, a box of its class has a vote on its place."""
    same_object_iou: float = 0.6
    """Above this, two boxes are one object whatever their classes: a van is no car as well. On the
    selection part 0.6 gives a fiftieth fewer wrong names than 0.85, and mean AP50 is the same.
    """
    part_inside: float = 0.9
    """Share of a box in a more confident one of its class from which on it may be a part of it: a
    mirror is no car of its own.
    """
    part_area: float = 0.4
    """Greatest area of such a part, as a share of the other's. Of 400 labelled vehicles one lies so
    in another one.
    """
    second_class_cap: float = 0.2
    """Cap on the confidence of an object's second-best class and of parts of an object. It lies
    below the operating point: only callers who ask for all that was considered see them.
    """
    most_detections: int = 1000
    """Detections of one picture: the most confident stay, so comparing takes bounded time."""

    # second look in a smaller input

    overview_scale: float = 0.41
    """Side of the second input, as a share of the first one's (288 for 704). Chosen on
    the selection part for the class of vehicles that fill their picture; `models/vehicles.md` has
    the figures with the second look and without. It takes a sixth more time.
    """
    overview_from: float = 0.3
    """Longer side of a box, as a share of the picture's, from which on the second look counts."""
    overview_alone_from: float = 0.5
    """Likewise, from which on the first look no longer counts. Both count between."""

    # tiles of large pictures

    tiled_from: float = 2.0
    """A picture whose longer side is more than this many inputs is cut into tiles."""
    most_tiles: int = 6
    """Tiles of one picture; each is one more run of the network."""
    tile_min_side: float = 1.75
    """Of a tile, in inputs: smaller ones see little more and cost much."""
    tile_overlap: float = 0.2
    """Of a tile's side: what is larger than that is seen in the whole picture."""
    tile_growth: float = 1.02
    """Step by which tiles grow until there are at most `most_tiles`."""
    cut_off_margin: float = 0.02
    """Of a tile's side: a box that ends so near to a tile's edge is cut off there."""
    doubtful_margin: float = 0.1
    """Likewise: a box that ends so near may be cut off."""
    doubtful_inside: float = 0.8
    """Share of a doubtful box in a larger one from which on it is a part of it."""
    doubtful_confidence: float = 0.5
    """Least confidence of the larger box, as a share of the doubtful one's."""


VEHICLE_DETECTION = VehicleDetectionSettings()
"""What the package uses."""
