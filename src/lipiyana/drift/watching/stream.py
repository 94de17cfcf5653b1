"""Changes within a stream of pictures, found by ADWIN of river (extra `drift`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lipiyana.drift.counting.signals import SIGNALS, Observation, mean_of
from lipiyana.drift.profile import Profile
from lipiyana.drift.settings import DRIFT
from lipiyana.errors import MissingExtra

try:
    from river.drift import ADWIN
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("drift", "watching for changes within a stream") from error

_ADWIN: Any = ADWIN  # river is not typed


class StreamChanges:
    """One ADWIN for each signal of numbers that is in no family.

    It sees ranks: the share of the profile's pictures at this hour of the day that have less. Where
    nothing changes they are spread evenly at any hour, so that neither dusk nor dawn is a change.
    """

    def __init__(self, profile: Profile) -> None:
        """Take ranks in a profile, which must know the hours of the day."""
        self._profile = profile
        self._detectors: dict[str, Any] = {}
        self._left: dict[str, int] = {}

    def add(self, observation: Observation, hour: int) -> None:
        """Take one picture."""
        for name in list(self._left):
            self._left[name] -= 1
            if not self._left[name]:
                del self._left[name]
        before = self._profile.at(hour)
        for name, values in observation.items():
            # families have too many members for a detector each
            is_one = SIGNALS[name].bins and not SIGNALS[name].family
            mean = mean_of(values) if is_one else None
            rank = None if mean is None else before.rank(name, mean)
            if rank is None:
                continue
            if name not in self._detectors:
                self._detectors[name] = _ADWIN(delta=DRIFT.stream_delta)
            detector = self._detectors[name]
            detector.update(rank)
            moved = abs(detector.estimation - 0.5) >= DRIFT.stream_shift
            if detector.drift_detected and moved:
                self._left[name] = DRIFT.stream_hold

    @property
    def flagged(self) -> Mapping[str, int]:
        """The signals that changed, with the pictures for which they stay flagged."""
        return self._left
