"""Tuned constants of comparing frames.

Where no figure stands beside a value, none was recorded: `tests/cache/test_repeated_frames.py` and
`test_one_character.py` have pictures that must count as the same, and pictures that must not.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrameComparisonSettings:
    """What two pictures that show the same may differ by."""

    # text

    least_text_height: float = 10.0
    """Pixels. Strokes of smaller text are as fine as what JPEG and a shift of half a pixel do."""
    full_text_height: float = 24.0
    """Pixels. In smaller text a changed stroke changes less than its contrast, so less is
    tolerated."""

    # contrast

    share_in_text: float = 0.2
    """How much of the contrast of its surroundings (5x5) the mean of 3x3 pixels of text may differ
    by. A stroke that is there or is not makes half of the contrast or more."""
    share_elsewhere: float = 0.3
    """The same outside of text."""

    # noise

    noise_factor: float = 6.0
    """Standard deviations that no pixel among millions reaches by noise."""
    least_noise: float = 4.0
    """Grey levels that are tolerated in any picture."""
    most_noise: float = 20.0
    """Grey levels beyond which pictures cannot be compared."""
    noise_share: float = 0.15
    """The most that the tolerance for noise may be of the contrast of any text."""

    # light and movement

    max_shift: float = 2.0
    """Pixels by which the camera may have moved."""
    max_gain: float = 1.5
    """Factor of the light."""
    max_light: float = 40.0
    """Grey levels of the whole picture."""
    max_local_light: float = 16.0
    """Grey levels of a cell."""
    cell: int = 128
    """Side of a cell in pixels."""
    max_colour: float = 8.0
    """Steps of Cr and Cb over a block of 8 x 8 pixels."""

    # the quick check

    max_hash_distance: int = 16
    """Bits of 64 of the hash of a line. A quick no; it never says yes."""
    flat: int = 3
    """Grey levels between neighbours of the hash that do not count: noise would decide them."""

    # how the movement is found

    points: int = 3000
    """Steep pixels by which it is found."""
    steps: int = 4
    """Iterations."""


FRAMES = FrameComparisonSettings()
"""As used by `repeated_frames`."""
