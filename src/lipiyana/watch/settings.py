"""Tuned constants of watching cameras.

Where no figure stands beside a value, none was recorded: `tests/watch` holds the cases that it must
get right, and `benchmarks/cameras` measures what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What watching decides by."""

    # motion

    motion_width: int = 160
    """Width of the grey copies that are compared: a pixel stands for 8x8 of 1280x720, over which
    the noise of a sensor averages out.
    """
    motion_difference: float = 10.0
    """Difference in grey levels, of 255, from which such a pixel has changed."""
    motion_noise: float = 10.0
    """Likewise, in medians of all differences, where there is more noise: some six standard
    deviations.
    """
    motion_pixels: int = 4
    """Changed pixels from which something moves: a vehicle whose plate can be read has some 80."""
    motion_refresh: float = 60.0
    """Seconds after which a still picture is read again nevertheless."""

    # tracks

    tracker_rate: float = 25.0
    """Frames a second that the tracker's constants stand for."""
    lost_seconds: float = 5.0
    """Gap between frames after which no vehicle is the same as before: all tracks end."""
    lost_frames: int = 3
    """Likewise, in frames at the chosen rate: for rates below one a second."""
    most_points: int = 20
    """Points of the path of a row."""
    most_texts: int = 10
    """Texts of a row: those that were read most often."""
    most_tallied: int = 50
    """Different registrations, and different texts, of one track that are counted."""

    # direction; places are shares of the picture's sides

    edge: float = 0.01
    """Within this distance of the edge, a vehicle may be cut off and its size says nothing."""
    least_shift: float = 0.05
    """Shift of the centre from which a vehicle has moved."""
    least_growth: float = 0.3
    """Natural logarithm of the factor of its size from which a vehicle comes or goes (1.35)."""
    growth_weight: float = 0.5
    """Shift that a growth of 1 (in logarithms) is compared with."""

    # live sources

    idle_seconds: float = 1.0
    """Seconds after which a source without a frame is looked at: to stop, and to end tracks."""
    timeout: float = 10.0
    """Seconds that a camera may take to answer, and that may pass between two frames."""
    first_delay: float = 0.5
    """Seconds before the first attempt to connect again; doubles with each failure."""
    most_delay: float = 30.0
    """Greatest delay."""
    healthy_seconds: float = 30.0
    """That a connection lasts before the delays begin anew."""
    most_damaged: int = 100
    """Packets in a row that cannot be decoded, after which a stream is opened again."""
    poll_seconds: float = 0.5
    """Seconds between two looks at a folder."""
    finish_seconds: float = 10.0
    """Seconds that frames under way may take when watching is stopped."""
    rows_waiting: int = 1000
    """Rows that may wait to be written; then sources wait."""


WATCH = WatchSettings()
"""What the package uses."""
