"""Windows: the same hours are compared, clocks may jump, still cameras say one thing once."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from drift_pictures import Street
from needs import RIVER

from lipiyana.drift.counting.signals import Observation
from lipiyana.drift.counting.sketch import Sketch
from lipiyana.drift.profile import Profile
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.camera import LAST_WEEK, REFERENCE, Camera, Repeats
from lipiyana.drift.watching.watch import ALL, DriftWatch
from lipiyana.drift.watching.windows import HOUR, WEEK, Hours
from lipiyana.types import RecognitionConfig

START = 24 * 20_000
DAY, NIGHT = Street(confidence=0.9), Street(confidence=0.6, label="truck")


def _light(hour: int) -> Observation:
    return {"brightness": (30.0 if hour % 24 < 6 else 150.0,)}


def _of(hour: int, rng: np.random.Generator, street: Street | None = None) -> Observation:
    usual = NIGHT if hour % 24 < 6 else DAY
    noise = float(rng.normal(0, 12))
    ((bright,),) = _light(hour).values()
    assert not isinstance(bright, str)
    return (street or usual).observation(rng) | {"brightness": (bright + noise,)}


@pytest.fixture(scope="module")
def week() -> Profile:
    """A week of day and night, 12 pictures an hour."""
    rng = np.random.default_rng(1)
    profile = Profile()
    for hour in range(WEEK):
        sketch = Sketch()
        for _ in range(12):
            sketch.add(_of(hour, rng))
        profile.add_hour(hour, sketch)
    return profile


def _run(camera: Camera, hours: range, seed: int, street: Street | None = None) -> list[int]:
    """Add 12 pictures an hour; give the hours in which something was flagged."""
    rng = np.random.default_rng(seed)
    found = []
    for hour in hours:
        for index in range(12):
            camera.add(_of(hour, rng, street), hour * HOUR + 300 * index)
        if camera.flagged:
            found.append(hour)
    return found


def test_night_is_no_drift(week: Profile) -> None:
    camera = Camera(week)
    assert _run(camera, range(START, START + 48), 2) == []
    assert camera.differences[REFERENCE]


def test_without_hours_in_the_profile_night_is_drift(week: Profile) -> None:
    camera = Camera(Profile(total=week.total))
    assert _run(camera, range(START, START + 48), 2)


def test_a_change_is_flagged_against_the_reference(week: Profile) -> None:
    camera = Camera(week)
    hours = _run(camera, range(START, START + 40), 3, Street(region="Kerala", script="Mlym"))
    assert hours
    assert hours[0] <= START + 12
    assert {"plate_region", "script"} <= set(camera.flagged[REFERENCE])


def test_a_change_is_flagged_against_the_week_before() -> None:
    camera = Camera(None)
    assert _run(camera, range(START, START + WEEK + 12), 4) == []
    assert _run(camera, range(START + WEEK + 12, START + WEEK + 36), 5, Street(script="Taml"))
    assert camera.flagged == {LAST_WEEK: camera.flagged[LAST_WEEK]}
    assert "script" in camera.flagged[LAST_WEEK]


def test_pictures_of_the_new_kind_are_strange(week: Profile) -> None:
    camera = Camera(week)
    changed = Street(label="tractor")
    _run(camera, range(START, START + 24), 6, changed)
    rng = np.random.default_rng(7)
    new = {"vehicle_class": ("tractor",)}
    old = {"vehicle_class": ("car",)}
    assert camera.strangeness(new) > 0.8
    assert camera.strangeness(old) < 0.1
    assert Camera(week).strangeness(_of(12, rng)) == 0


def test_a_clock_that_jumps_loses_no_hour_near_now() -> None:
    hours = Hours()
    for hour in range(START, START + 30):
        hours.at(hour).add(_light(hour))
    hours.at(START + 87_600).add(_light(0))  # ten years ahead
    hours.at(0).add(_light(0))
    for hour in range(START + 29, START + 29 + DRIFT.kept_hours):
        hours.at(hour).add(_light(hour))
    assert len(hours.sketches) == DRIFT.kept_hours
    newest = START + 28 + DRIFT.kept_hours
    assert set(hours.sketches) == set(range(newest - DRIFT.kept_hours + 1, newest + 1))


def test_hours_to_come_are_not_compared(week: Profile) -> None:
    camera = Camera(week)
    _run(camera, range(START + 100, START + 124), 8, Street(script="Taml"))
    assert camera.flagged
    # the clock was wrong: it is four days earlier
    assert _run(camera, range(START, START + 24), 9)[12:] == []
    assert not camera.flagged


def test_constant_frames_count_once(week: Profile) -> None:
    camera = Camera(week)
    one = _of(12, np.random.default_rng(1), Street(script="Taml"))
    for second in range(500):
        camera.add(one, (START + 12) * HOUR + second)
    assert camera.repeated == 499
    assert camera.hours.at(START + 12).pictures == 1
    assert not camera.differences


def test_a_picture_whose_sums_were_rounded_otherwise_is_the_same() -> None:
    repeats, one = Repeats(), _of(12, np.random.default_rng(1), Street())
    assert not repeats.is_repeat(one)
    other = {
        name: tuple(v if isinstance(v, str) else v * (1 + 1e-9) for v in values)
        for name, values in one.items()
    }
    assert repeats.is_repeat(other)
    assert not repeats.is_repeat(one | {"brightness": (17.0,)})


def test_an_empty_window_says_nothing(week: Profile) -> None:
    hours = Hours()
    assert hours.against(week, START) is None
    assert hours.against_last_week(START) is None
    hours.at(START)
    assert hours.against(week, START) is None
    assert hours.against(Profile(), START) is None
    camera = Camera(Profile())
    assert _run(camera, range(START, START + 12), 2) == []


def test_without_river_the_windows_are_compared_alone(
    week: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "river.drift", None)
    monkeypatch.delitem(sys.modules, "lipiyana.drift.watching.stream", raising=False)
    watch = DriftWatch({}, week, clock=lambda: START * HOUR)
    watch.observe(
        np.zeros((9, 9, 3), np.uint8), RecognitionConfig(), DAY.answer(np.random.default_rng(1))
    )
    watch.take_notes()
    assert watch._cameras[ALL].stream is None


def test_a_change_within_a_stream_is_found(week: Profile) -> None:
    pytest.importorskip("river", reason=RIVER)
    from lipiyana.drift.watching.stream import StreamChanges

    stream = StreamChanges(week)
    rng = np.random.default_rng(10)
    for hour in range(START, START + 96):
        for _ in range(12):
            stream.add(_of(hour, rng), hour)
        assert not stream.flagged, "night is no change"
    for hour in range(START + 96, START + 108):
        for _ in range(12):
            bright = {"brightness": (_of(hour, rng)["brightness"][0],)}
            stream.add(bright | {"contrast": (1.0,), "vehicle_height": (0.9,)}, hour)
    assert set(stream.flagged) == {"vehicle_height"}
    for _ in range(DRIFT.stream_hold + 32):
        stream.add(_light(START), START)
    assert not stream.flagged
