"""Motion before any model: frames that show what the last one showed are not read again."""

from __future__ import annotations

import math

import numpy as np

from lipiyana.watch.inputs.frames import GreyArray
from lipiyana.watch.settings import WATCH, WatchSettings


class MotionGate:
    """Compares small grey frames with the last one that was read.

    Since the reference is what was read, and not the frame before, slow changes add up until they
    are seen. A change of light on the whole picture is no motion.
    """

    def __init__(self, settings: WatchSettings = WATCH) -> None:
        self._settings = settings
        self._reference: GreyArray | None = None
        self._read_at = -math.inf

    def passes(self, grey: GreyArray, elapsed: float) -> bool:
        """Whether a frame must be read; the next ones are then compared with it.

        Args:
            grey: of `motion_width`; the caller keeps it unchanged.
            elapsed: seconds since the source began.
        """
        if (
            self._reference is not None
            and self._reference.shape == grey.shape
            and elapsed - self._read_at < self._settings.motion_refresh
            and not self._differs(self._reference, grey)
        ):
            return False
        self._reference, self._read_at = grey, elapsed
        return True

    def forget(self) -> None:
        """Let the next frame pass: the last one could not be read."""
        self._reference = None

    def _differs(self, one: GreyArray, other: GreyArray) -> bool:
        difference = other.astype(np.float32) - one
        size = np.abs(difference - np.median(difference))
        # most of the picture stands still, so this is its noise
        noise = float(np.median(size))
        if noise >= self._settings.motion_difference:
            return True  # unless something fills it
        limit = max(self._settings.motion_difference, self._settings.motion_noise * noise)
        return int(np.count_nonzero(size >= limit)) >= self._settings.motion_pixels
