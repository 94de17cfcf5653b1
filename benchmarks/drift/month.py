"""A month of one camera, drawn from measured pictures, with a change put into it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from observations import DAY, NIGHT, USUAL, Observations

from lipiyana.drift.counting.signals import LIGHT, SIGNALS, Observation
from lipiyana.drift.counting.sketch import Sketch
from lipiyana.drift.profile import Profile
from lipiyana.drift.watching.camera import Camera
from lipiyana.drift.watching.windows import HOUR, Hours, profile_of

HOURS = 24
WEEK = 7 * HOURS
FIRST = 20_000 * HOURS  # an hour since 1970
BY_DAY, BY_NIGHT = 32, 12  # pictures an hour
DAYLIGHT = range(6, 19)
_SENSOR = 0.02  # relative deviation of one picture from another of the same scene
_WEATHER = 0.05  # of one day's light from another's


@dataclass(slots=True)
class Outcome:
    """When an injected change was flagged, in pictures since it began.

    Attributes:
        first: by what the pictures were compared with; what is absent was never flagged.
        dim: when another signal than brightness was flagged; None if none was.
        signals: those that were flagged first.
    """

    first: dict[str, int] = field(default_factory=dict)
    dim: int | None = None
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Month:
    """Draws pictures.

    Attributes:
        pool: measured pictures by condition and light.
        seed: of the draws.
    """

    pool: Observations
    seed: int

    def hour(self, hour: int, condition: str = USUAL) -> Iterator[Observation]:
        """The pictures of an hour, counted from the beginning."""
        # an hour has the same random numbers in every condition
        rng = np.random.default_rng([self.seed, hour])
        light = DAY if hour % HOURS in DAYLIGHT else NIGHT
        day = np.random.default_rng([self.seed, 7, hour // HOURS])
        weather = {name: float(day.normal(1, _WEATHER)) for name in sorted(LIGHT)}
        pool = self.pool[condition, light]
        for _ in range(BY_DAY if light == DAY else BY_NIGHT):
            yield _seen(pool[int(rng.integers(len(pool)))], weather, rng)

    def profile(self, hours: range) -> Profile:
        """The profile of usual hours."""
        counted = Hours()
        for hour in hours:
            for observation in self.hour(hour):
                counted.sketches.setdefault(FIRST + hour, Sketch()).add(observation)
        return profile_of([counted], {})


def inject(month: Month, camera: Camera, condition: str, hours: range) -> Outcome:
    """Show a camera, which has seen usual pictures, those of a condition.

    What was flagged before does not count.
    """
    outcome = Outcome()
    before = {name: set(signals) for name, signals in camera.flagged.items()}
    count = 0
    for hour in hours:
        for observation in month.hour(hour, condition):
            count += 1
            camera.add(observation, (FIRST + hour) * HOUR + count % HOUR)
            new = {name: set(s) - before.get(name, set()) for name, s in camera.flagged.items()}
            signals = set().union(*new.values()) if new else set()
            for name in (name for name in new if new[name]):
                outcome.first.setdefault(name, count)
            outcome.signals = outcome.signals or tuple(sorted(signals))
            if outcome.dim is None and signals - {"brightness"}:
                outcome.dim = count
    return outcome


def false_alarms(month: Month, camera: Camera, hours: range) -> list[tuple[str, tuple[str, ...]]]:
    """Show usual pictures; give what was flagged, each time that something began to be."""
    alarms: list[tuple[str, tuple[str, ...]]] = []
    before: set[str] = set()
    for hour in hours:
        for index, observation in enumerate(month.hour(hour)):
            camera.add(observation, (FIRST + hour) * HOUR + index)
            now = camera.flagged
            alarms += [(against, now[against]) for against in now.keys() - before]
            before = set(now)
    return alarms


def usual(month: Month, camera: Camera, hours: range) -> Camera:
    """Show a copy of a camera usual pictures."""
    copied = copy.deepcopy(camera)
    false_alarms(month, copied, hours)
    return copied


def _seen(
    observation: Observation, weather: Mapping[str, float], rng: np.random.Generator
) -> Observation:
    """One more picture of the same scene: every number differs a little."""
    found: dict[str, tuple[float | str, ...]] = {}
    for name, values in observation.items():
        light = weather.get(name, 1.0)
        exact = not SIGNALS[name].bins or name in {"vehicles", "lines"}
        found[name] = values if exact else tuple(
            float(value) * light * float(rng.normal(1, _SENSOR)) for value in values
        )  # fmt: skip
    return found
