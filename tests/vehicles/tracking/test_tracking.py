from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.types import Box
from lipiyana.vehicles.detection.detector import Detection
from lipiyana.vehicles.tracking.motion import Motion
from lipiyana.vehicles.tracking.settings import TrackingSettings
from lipiyana.vehicles.tracking.tracker import Tracked, Tracker

Path = Callable[[float], tuple[float, float]]


def vehicle(
    x: float,
    y: float,
    *,
    width: float = 80,
    height: float = 60,
    label: str = "car",
    sure: float = 0.9,
) -> Detection:
    box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Detection(label, sure, box)


def ids(tracked: Iterable[Tracked | None]) -> list[int | None]:
    return [one and one.track_id for one in tracked]


def test_other_settings_decide_otherwise() -> None:
    faint = [vehicle(100, 100, sure=0.2)]
    assert ids(Tracker().update(faint, 0)) == [None]
    assert ids(Tracker(TrackingSettings(new_confidence=0.1)).update(faint, 0)) == [1]


def follow(paths: list[Path], times: Iterable[float], **kind: object) -> list[list[int | None]]:
    """Ids of vehicles on their paths, a row a frame."""
    tracker = Tracker()
    rows = []
    for time in times:
        seen = [vehicle(*path(time), **kind) for path in paths]  # type: ignore[arg-type]
        rows.append(ids(tracker.update(seen, time)))
    return rows


def straight(x: float, y: float, dx: float, dy: float) -> Path:
    return lambda time: (x + dx * time, y + dy * time)


def test_ids_come_in_the_order_of_appearance() -> None:
    tracker = Tracker()
    assert ids(tracker.update([vehicle(100, 100), vehicle(400, 100)], 1)) == [1, 2]
    assert ids(tracker.update([vehicle(405, 100), vehicle(900, 100), vehicle(104, 100)], 2)) == [
        2,
        3,
        1,
    ]
    assert tracker.known == {1, 2, 3}
    assert tracker.update([], 3) == []


def test_unsure_detections_start_no_track_but_continue_one() -> None:
    tracker = Tracker()
    assert tracker.update([vehicle(100, 100, sure=0.2)], 1) == [None]
    assert ids(tracker.update([vehicle(100, 100)], 2)) == [1]
    assert ids(tracker.update([vehicle(102, 100, sure=0.2)], 3)) == [1]


def test_a_strong_detection_is_matched_before_a_weak_one() -> None:
    tracker = Tracker()
    tracker.update([vehicle(100, 100)], 1)
    assert ids(tracker.update([vehicle(100, 100, sure=0.2), vehicle(120, 100)], 2)) == [None, 1]


def test_the_label_is_that_of_most_frames() -> None:
    tracker = Tracker()
    labels = ["auto_rickshaw", "auto_rickshaw", "e_rickshaw", "auto_rickshaw"]
    seen = []
    for time, label in enumerate(labels):
        (tracked,) = tracker.update([vehicle(100 + time, 100, label=label)], time)
        assert tracked is not None
        seen.append((tracked.track_id, tracked.label))
    assert seen == [(1, "auto_rickshaw")] * 4


def test_crossing_vehicles_keep_their_ids() -> None:
    paths = [straight(0, 100, 12, 0), straight(600, 130, -12, 0), straight(300, -200, 0, 12)]
    assert follow(paths, range(1, 50)) == [[1, 2, 3]] * 49


def test_similar_vehicles_side_by_side() -> None:
    paths = [straight(100, 100 + 62 * lane, 9 + lane / 4, 0) for lane in range(4)]
    assert follow(paths, range(1, 60)) == [[1, 2, 3, 4]] * 59


def test_a_platoon_at_one_speed() -> None:
    paths = [straight(90 * place, 100, 20, 0) for place in range(5)]
    assert follow(paths, range(1, 30)) == [[1, 2, 3, 4, 5]] * 29


@given(st.integers(0, 10**6), st.integers(2, 5))
@settings(max_examples=25)
def test_frames_dropped_at_random(seed: int, vehicles: int) -> None:
    dice = random.Random(seed)
    paths = [
        straight(dice.uniform(0, 200), 150 * lane, dice.uniform(4, 9), dice.uniform(-1, 1))
        for lane in range(vehicles)
    ]
    times = sorted(dice.sample(range(3, 90), 30))
    rows = follow(paths, [0, 1, 2, *times])
    assert rows == [list(range(1, vehicles + 1))] * len(rows)


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_wavering_boxes(seed: int) -> None:
    dice = random.Random(seed)
    tracker = Tracker()
    for time in range(40):

        def at(lane: int, time: int = time) -> Detection:
            x, y = 8 * time + dice.gauss(0, 2), 130 * lane + dice.gauss(0, 2)
            width, height = 80 * dice.gauss(1, 0.05), 60 * dice.gauss(1, 0.05)
            return vehicle(x, y, width=width, height=height, sure=dice.uniform(0.35, 0.95))

        assert ids(tracker.update([at(0), at(1), at(2)], time)) == [1, 2, 3]


def test_a_vehicle_that_is_hidden_for_a_while_keeps_its_track() -> None:
    tracker, path = Tracker(), straight(0, 100, 10, 0)
    other = vehicle(300, 400)
    for time in range(10):
        tracker.update([vehicle(*path(time)), other], time)
    for time in range(10, 22):
        tracker.update([other], time)
    back, still = tracker.update([vehicle(*path(22)), other], 22)
    assert back == Tracked(1, "car", resumed=True)
    assert still == Tracked(2, "car", resumed=False)
    again, _ = tracker.update([vehicle(*path(23)), other], 23)
    assert again == Tracked(1, "car", resumed=False)


def test_a_vehicle_that_is_gone_too_long_gets_a_new_track() -> None:
    tracker = Tracker()
    tracker.update([vehicle(100, 100)], 0)
    for time in (10, 20, 30, 40):
        tracker.update([], time)
    assert tracker.known == frozenset()
    assert ids(tracker.update([vehicle(100, 100)], 41)) == [2]


def test_a_slow_reader_of_a_fast_camera_forgets_nothing() -> None:
    assert follow([straight(0, 100, 0.5, 0)], range(0, 400, 40)) == [[1]] * 10


def test_a_vehicle_that_left_its_box_between_two_frames() -> None:
    tracker = Tracker()
    tracker.update([vehicle(100, 100)], 1)
    assert ids(tracker.update([vehicle(190, 100)], 11)) == [1]
    # of two it could be either
    tracker = Tracker()
    tracker.update([vehicle(100, 100)], 1)
    assert ids(tracker.update([vehicle(190, 100), vehicle(10, 100)], 11)) == [2, 3]
    # and it is no vehicle of another size or class
    for other in (vehicle(190, 100, width=160, height=120), vehicle(190, 100, label="bus")):
        tracker = Tracker()
        tracker.update([vehicle(100, 100)], 1)
        assert ids(tracker.update([other], 11)) == [2]


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_no_id_is_used_twice(seed: int) -> None:
    dice = random.Random(seed)
    tracker, highest = Tracker(), 0
    time = 0.0
    for _ in range(30):
        time += dice.choice([1, 1, 2, 40])
        seen = [
            vehicle(
                dice.uniform(0, 900),
                dice.uniform(0, 500),
                label=dice.choice(["car", "bus"]),
                sure=dice.uniform(0.05, 1),
            )
            for _ in range(dice.randint(0, 6))
        ]
        known = tracker.known
        given_out = [number for number in ids(tracker.update(seen, time)) if number is not None]
        assert len(set(given_out)) == len(given_out)
        new = set(given_out) - known
        assert all(number > highest for number in new)
        highest = max([highest, *given_out])


@pytest.mark.parametrize("frames", [1, 3, 10])
def test_motion_learns_its_speed(frames: int) -> None:
    motion = Motion.of(vehicle(0, 0).box)
    for time in range(1, 20):
        motion = motion.later(1).corrected(vehicle(6 * time, -3 * time).box)
    ahead = motion.later(frames)
    x, y = ahead.state[:2, 0]
    assert math.dist((x, y), (6 * (19 + frames), -3 * (19 + frames))) < 1 + frames / 2
    assert ahead.covariance[0, 0, 0] > motion.covariance[0, 0, 0]
    assert ahead.distance(vehicle(x, y).box) == pytest.approx(0)


def test_motion_in_two_steps_is_motion_in_one() -> None:
    motion = Motion.of(vehicle(0, 0).box).later(1).corrected(vehicle(5, 5).box)
    one, two = motion.later(5), motion.later(2).later(3)
    assert one.state == pytest.approx(two.state)
    assert one.covariance == pytest.approx(two.covariance)


def test_no_time_no_motion() -> None:
    motion = Motion.of(vehicle(7, 9).box)
    assert motion.later(0).state == pytest.approx(motion.state)
    assert motion.box == vehicle(7, 9).box


def test_one_that_the_detector_wavers_about_keeps_its_id() -> None:
    tracker, beside = Tracker(), vehicle(300, 100)
    seen = []
    for time in range(30):
        found = [beside] if time % 3 == 1 else [beside, vehicle(100 + time, 100, sure=0.35)]
        seen += ids(tracker.update(found, time))[1:]
    assert set(seen) == {2}
