"""`Hours`: the counts of each hour, and the newest ones against what is expected of these hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from lipiyana.drift.comparison import NOTHING_USUAL, Difference, compare
from lipiyana.drift.counting.signals import LIGHT, SIGNALS
from lipiyana.drift.counting.sketch import Sketch
from lipiyana.drift.profile import Profile
from lipiyana.drift.settings import DRIFT

HOUR = 3600
"""Seconds."""

WEEK = 7 * 24
_BETWEEN = range(2, 7)  # days


@dataclass(frozen=True, slots=True)
class Window:
    """The newest pictures, and as many of what is expected at their hours.

    Attributes:
        now: the pictures.
        expected: counts before, weighted as the hours of the window are.
        pictures: how many pictures `expected` is worth.
        left_out: signals that are not compared.
    """

    now: Sketch
    expected: Sketch
    pictures: float
    left_out: frozenset[str] = frozenset()

    def differences(
        self, usual: Mapping[str, float] = NOTHING_USUAL, least_psi: float = DRIFT.psi
    ) -> tuple[Difference, ...]:
        """Compare them; see `compare`."""
        return compare(
            self.expected,
            self.now,
            names=[name for name in SIGNALS if name not in self.left_out],
            p=DRIFT.window_p,
            least_psi=least_psi,
            usual=usual,
            reference_pictures=self.pictures,
        )


class Hours:
    """Sketches by the hour, counted from 1970 in UTC.

    A clock may jump: pictures count for the hour that it shows, hours to come are not looked at,
    and of too many hours the one that is farthest from now is dropped.
    """

    def __init__(self) -> None:
        """Start without pictures."""
        self.sketches: dict[int, Sketch] = {}

    def at(self, hour: int) -> Sketch:
        """The sketch of the present hour, to add to."""
        sketch = self.sketches.setdefault(hour, Sketch())
        while len(self.sketches) > DRIFT.kept_hours:
            farthest = max(self.sketches, key=lambda one: (abs(one - hour), one))
            del self.sketches[farthest]
        return sketch

    def window(self, hour: int) -> list[int]:
        """The newest hours that together have `DRIFT.window_pictures`, or all of a day."""
        found: list[int] = []
        pictures = 0
        for one in range(hour, hour - DRIFT.window_hours, -1):
            if pictures >= DRIFT.window_pictures:
                break
            if one in self.sketches:
                found.append(one)
                pictures += self.sketches[one].pictures
        return found

    def against(self, profile: Profile, hour: int) -> Window | None:
        """The window against a profile, at the same hours of the day; None for too few pictures."""
        return self._against(self.window(hour), profile.at)

    def against_last_week(self, hour: int) -> Window | None:
        """The window against the same hours of the week before.

        The light is not compared: there is but one day, which may have been cloudy.
        """
        found = self._against(self._known(hour), lambda one: self.sketches[one - WEEK])
        return None if found is None else replace(found, left_out=LIGHT)

    def usual_since_last_week(self, hour: int) -> dict[str, float]:
        """The largest PSI by signal of the days between, at these hours, against the week before.

        Yesterday is left out, so that what began there stays flagged for a day at least.
        """
        usual: dict[str, float] = {}
        for days in _BETWEEN:
            there = [one - days * 24 for one in self._known(hour)]
            before = partial(self._week_before, days)
            window = self._against([one for one in there if one in self.sketches], before)
            for one in () if window is None else window.differences():
                usual[one.signal] = max(usual.get(one.signal, 0.0), one.psi)
        return usual

    def _week_before(self, days: int, hour: int) -> Sketch:
        """What is a week before the window, for an hour that is `days` before it."""
        return self.sketches[hour + days * 24 - WEEK]

    def _known(self, hour: int) -> list[int]:
        return [one for one in self.window(hour) if one - WEEK in self.sketches]

    def _against(self, hours: Iterable[int], before: Callable[[int], Sketch]) -> Window | None:
        now, expected, spread = Sketch(), Sketch(), 0.0
        for hour in hours:
            here, there = self.sketches[hour], before(hour)
            if not here.pictures or not there.pictures:
                continue
            now.merge(here)
            # each hour is expected to weigh as much as it does in the window
            expected.merge(there.scaled(here.pictures / there.pictures))
            spread += here.pictures**2 / there.pictures
        if now.pictures < DRIFT.least_pictures:
            return None
        worth = now.pictures**2 / spread
        return Window(now, expected.scaled(worth / max(1, expected.pictures)), worth)


def profile_of(cameras: Iterable[Hours], models: Mapping[str, str]) -> Profile:
    """Make the profile of what cameras counted, and of how much their windows differ from it."""
    cameras = list(cameras)
    profile = Profile(models=dict(models))
    for hours in cameras:
        for hour, sketch in hours.sketches.items():
            profile.add_hour(hour, sketch)
    for hours in cameras:
        for hour in hours.sketches:
            window = hours.against(profile, hour)
            for one in () if window is None else window.differences():
                profile.usual[one.signal] = max(profile.usual.get(one.signal, 0.0), one.psi)
    return profile
