"""`Camera`: watches the pictures of one camera, or of one caller's key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lipiyana.drift.comparison import Difference
from lipiyana.drift.counting.signals import SIGNALS, Observation
from lipiyana.drift.profile import Profile
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.windows import HOUR, Hours, Window

if TYPE_CHECKING:
    from lipiyana.drift.watching.stream import StreamChanges

REFERENCE, LAST_WEEK, STREAM, LAST = "reference", "week", "stream", "last_pictures"
"""What pictures are compared with."""

REPEATED = "repeated"
"""The signal of a camera that is frozen, against its last pictures."""

_REMEMBERED = 64


class Repeats:
    """Knows a picture that was just there: a camera that stands still says one thing once."""

    def __init__(self) -> None:
        """Start without pictures."""
        self._seen: OrderedDict[int, None] = OrderedDict()

    def is_repeat(self, observation: Observation | bytes) -> bool:
        """Whether one of the last pictures had the same values, or the same key of a cache."""
        if isinstance(observation, bytes):
            key = hash(observation)
        else:
            key = hash(
                tuple((name, *map(_rounded, observation[name])) for name in sorted(observation))
            )
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return known


def _rounded(value: float | str) -> float | str:
    """Drop what differs between two looks at one picture: sums depend on where arrays begin."""
    return value if isinstance(value, str) else float(f"{value:.5g}")


@dataclass(slots=True)
class Camera:
    """One camera.

    Attributes:
        profile: what is expected; None compares with the week before alone.
        stream: finds changes within the stream; None without river, or without hours in the
            profile.
        hours: the counts.
        differences: of the last comparison, by what was compared with.
        repeated: the newest pictures in a row of which an equal one was just there.
    """

    profile: Profile | None
    stream: StreamChanges | None = None
    hours: Hours = field(default_factory=Hours)
    differences: dict[str, tuple[Difference, ...]] = field(default_factory=dict)
    repeated: int = 0
    _windows: dict[str, Window] = field(default_factory=dict)
    _new: int = 0
    _repeats: Repeats = field(default_factory=Repeats)

    def expect(self, profile: Profile | None, stream: StreamChanges | None) -> None:
        """Take another profile; the counts stay."""
        self.profile, self.stream = profile, stream
        self.differences.clear()
        self._windows.clear()

    @property
    def frozen(self) -> bool:
        """Whether nothing but repeats came lately."""
        return self.repeated >= DRIFT.repeats

    def add(self, observation: Observation | bytes, seconds: float) -> bool:
        """Count a picture; True if the window was compared anew, or `frozen` has changed.

        Args:
            observation: of the picture; its key for one that a cache answered, which is not
                counted, but may be a repeat.
            seconds: when it came, since 1970.
        """
        if self._repeats.is_repeat(observation):
            self.repeated += 1
            return self.repeated == DRIFT.repeats
        moves, self.repeated = self.frozen, 0
        if isinstance(observation, bytes):
            return moves
        hour = int(seconds // HOUR)
        self.hours.at(hour).add(observation)
        if self.stream is not None:
            self.stream.add(observation, hour)
        self._new += 1
        if self._new < DRIFT.window_step:
            return moves
        self._new = 0
        self.compare(hour)
        return True

    def compare(self, hour: int) -> None:
        """Compare the window that ends with an hour."""
        windows = {
            REFERENCE: None if self.profile is None else self.hours.against(self.profile, hour),
            LAST_WEEK: self.hours.against_last_week(hour),
        }
        self._windows = {name: one for name, one in windows.items() if one is not None}
        self.differences = {}
        if self.profile is not None and (window := self._windows.get(REFERENCE)):
            self.differences[REFERENCE] = window.differences(self.profile.usual)
        if window := self._windows.get(LAST_WEEK):
            found = window.differences()
            if any(one.drifted for one in found):
                usual = self.hours.usual_since_last_week(hour)
                found = window.differences(usual, DRIFT.psi if usual else DRIFT.week_psi)
            self.differences[LAST_WEEK] = found

    @property
    def flagged(self) -> Mapping[str, tuple[str, ...]]:
        """The signals that have drifted, by what they were compared with."""
        found = {
            name: tuple(one.signal for one in differences if one.drifted)
            for name, differences in self.differences.items()
        }
        found[LAST] = (REPEATED,) if self.frozen else ()
        found[STREAM] = () if self.stream is None else tuple(sorted(self.stream.flagged))
        return {name: signals for name, signals in found.items() if signals}

    def strangeness(self, observation: Observation) -> float:
        """How much a picture is of the kind that is new, from 0 to 1.

        It is the greatest share, over the signals that have drifted, of the pictures in its bin
        that are more than expected there.
        """
        greatest = 0.0
        for against, name in self._drifted():
            window = self._windows.get(REFERENCE if against == STREAM else against)
            if window is not None:
                greatest = max(greatest, _surplus(window, name, observation.get(name, ())))
        return greatest

    def _drifted(self) -> Iterator[tuple[str, str]]:
        """Yield what the pictures were compared with, and the signal; not its family."""
        for against, differences in self.differences.items():
            yield from ((against, one.part) for one in differences if one.drifted)
        for name in () if self.stream is None else self.stream.flagged:
            yield STREAM, name


def _surplus(window: Window, name: str, values: tuple[float | str, ...]) -> float:
    now, before = window.now.counts(name), window.expected.counts(name)
    n, m = sum(now.values()), sum(before.values())
    if not values or not n or not m:
        return 0.0
    found = []
    for value in values:
        key = value if isinstance(value, str) else SIGNALS[name].bin_of(value)
        share = now.get(key, 0.0) / n
        found.append(max(0.0, 1 - before.get(key, 0.0) / m / share) if share else 0.0)
    return max(found)
