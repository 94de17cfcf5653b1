"""Tuned constants of tracking vehicles.

Where no figure stands beside a value, none was recorded: `tests/vehicles/tracking` holds the cases
that tracking must get right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Deviations = tuple[float, float, float, float]
"""Standard deviations of x, y, width and height, as shares of the box's width (x, width) and height
(y, height).
"""


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """What tracking decides by. Frames are those of a camera of some 25 frames a second."""

    # motion

    measured: Deviations = (0.05, 0.05, 0.08, 0.08)
    """Of a detected box."""
    first_speed: Deviations = (0.15, 0.15, 0.03, 0.03)
    """Of the change a frame of a vehicle that is seen for the first time."""
    speeding: Deviations = (0.02, 0.02, 0.005, 0.005)
    """Of that change, a frame and square root of a frame."""
    most_growth: float = 2.0
    """Factor by which the size of an unseen vehicle may change."""

    # matching detections with tracks

    strong_confidence: float = 0.5
    """Of detections that are matched first, with all tracks."""
    new_confidence: float = 0.3
    """From which a detection may be a vehicle that was not seen before: the operating point."""
    min_iou: float = 0.2
    """IoU from which a strong detection is matched with a track."""
    min_iou_weak: float = 0.3
    """Likewise of a weak detection."""
    other_label_cost: float = 0.15
    """In IoU, where the labels differ: detectors waver between similar classes."""
    reach: float = 9.21
    """Squared Mahalanobis distance within which a vehicle reappears with 99 % (chi-squared, two
    degrees of freedom).
    """
    size_change: float = math.log(1.5)
    """Logarithm of the factor by which its sides may have changed meanwhile."""
    forgotten_frames: float = 30.0
    """Frames after which an unseen track ends, about a second."""
    forgotten_updates: int = 3
    """Updates without it that must have passed as well, since frames are dropped."""


TRACKING = TrackingSettings()
"""What the package uses."""
