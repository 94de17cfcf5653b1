from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.errors import InvalidImage
from lipiyana.stream.tracks import StreamTracks
from lipiyana.types import Box, Layout, Plate, Recognition, Registration, Vehicle


@dataclass(frozen=True)
class Simulated:
    """A car with a plate that drives straight on."""

    plate: str
    x: float
    y: float
    dx: float
    dy: float = 0.0

    def box(self, time: float) -> Box:
        x, y = self.x + self.dx * time, self.y + self.dy * time
        return Box(x, y, x + 90, y + 60)

    def plate_box(self, time: float) -> Box:
        box = self.box(time)
        return Box(box.x_min + 30, box.y_max - 15, box.x_min + 60, box.y_max - 5)


def plate(canonical: str, box: Box, vehicle: int | None, sure: float = 0.95) -> Plate:
    registration = Registration(
        canonical, True, country="IN", character_confidences=(sure,) * len(canonical)
    )
    return Plate(canonical, sure, box, registration=registration, vehicle_index=vehicle)


def frame(cars: Sequence[Simulated], time: float, *, label: str = "car") -> Recognition:
    return Recognition(
        1280,
        720,
        vehicles=tuple(
            Vehicle(label, 0.9, car.box(time), plate_indices=(index,))
            for index, car in enumerate(cars)
        ),
        plates=tuple(
            plate(car.plate, car.plate_box(time), index) for index, car in enumerate(cars)
        ),
    )


def updated(tracks: StreamTracks, found: Recognition, dropped: int = 0) -> Recognition:
    outcome = tracks.update(found, dropped)
    assert isinstance(outcome, Recognition)
    return outcome


def tracks_and_plates(found: Recognition) -> list[tuple[int | None, str]]:
    return [
        (vehicle.track_id, found.plates[vehicle.plate_indices[0]].registration.canonical)
        for vehicle in found.vehicles
    ]


def test_vehicles_get_ids_and_keep_everything_else() -> None:
    tracks = StreamTracks()
    found = frame([Simulated("KA01AB1234", 100, 100, 5)], 0)
    followed = updated(tracks, found)
    assert followed.vehicles[0].track_id == 1
    assert replace(followed, vehicles=found.vehicles) == found
    assert found.vehicles[0].track_id is None


def test_the_plate_of_a_vehicle_is_voted() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 5)
    for time in range(3):
        updated(tracks, frame([car], time))
    misread = replace(frame([car], 3), plates=(plate("KA01A81234", car.plate_box(3), 0, 0.6),))
    assert tracks_and_plates(updated(tracks, misread)) == [(1, "KA01AB1234")]


def test_a_plate_without_a_vehicle_is_voted_too() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 3)
    for time in range(3):
        alone = Recognition(1280, 720, plates=(plate(car.plate, car.plate_box(time), None),))
        updated(tracks, alone)
    misread = Recognition(1280, 720, plates=(plate("KA01A81234", car.plate_box(3), None, 0.6),))
    followed = updated(tracks, misread)
    assert followed.plates[0].registration.canonical == "KA01AB1234"
    assert followed.vehicles == ()


@pytest.mark.parametrize("found_in_blur", [True, False])
def test_blurred_frames_between_do_not_change_an_established_registration(
    found_in_blur: bool,
) -> None:
    """Whether the vehicle is found in the blurred frames or its plate alone."""
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 3)
    told_of = []
    for time in range(16):
        found = frame([car], time)
        if time in (5, 6, 9, 10, 11):
            vehicle = 0 if found_in_blur else None
            misread = plate("KA01AB0294", car.plate_box(time), vehicle, 0.99)
            found = replace(found, plates=(misread,))
            if not found_in_blur:
                found = replace(found, vehicles=())
        told_of.append(updated(tracks, found).plates[0].registration.canonical)
    assert told_of == ["KA01AB1234"] * 16


def test_a_plate_keeps_its_vote_when_its_vehicle_is_found() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 3)
    for time in range(5):
        alone = Recognition(1280, 720, plates=(plate(car.plate, car.plate_box(time), None),))
        updated(tracks, alone)
    misread = replace(frame([car], 5), plates=(plate("KA01AB1294", car.plate_box(5), 0, 0.99),))
    assert tracks_and_plates(updated(tracks, misread)) == [(1, "KA01AB1234")]


def test_labels_are_voted() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 5)
    labels = ["auto_rickshaw", "auto_rickshaw", "e_rickshaw"]
    found = [updated(tracks, frame([car], t, label=label)) for t, label in enumerate(labels)]
    assert [one.vehicles[0].label for one in found] == ["auto_rickshaw"] * 3


@pytest.mark.parametrize("in_vehicle", [True, False])
def test_a_repeated_frame_votes_once(in_vehicle: bool) -> None:
    """A parked car whose frame is reused a hundred times, and was misread in it."""
    car = Simulated("KA01AB1234", 100, 100, 0)

    def seen(canonical: str, sure: float, label: str) -> Recognition:
        read = plate(canonical, car.plate_box(0), 0 if in_vehicle else None, sure)
        found = frame([car], 0, label=label) if in_vehicle else Recognition(1280, 720)
        return replace(found, plates=(read,))

    tracks = StreamTracks()
    misread = seen("KA01A81234", 0.6, "e_rickshaw")
    for _ in range(100):
        # as a cache gives it: other objects, equal to the last bit
        followed = updated(tracks, replace(misread, timings={"compare_frames": 0.01}))
        assert followed.plates[0].registration.canonical == "KA01A81234"
        assert [vehicle.track_id for vehicle in followed.vehicles] == [1] * in_vehicle
    for sure in (0.95, 0.94):
        followed = updated(tracks, seen("KA01AB1234", sure, "auto_rickshaw"))
    assert followed.plates[0].registration.canonical == "KA01AB1234"
    assert [vehicle.label for vehicle in followed.vehicles] == ["auto_rickshaw"] * in_vehicle
    # and once more as it was misread, which now counts for what it is
    assert updated(tracks, misread).plates[0].registration.canonical == "KA01AB1234"


def test_errors_pass_and_their_time_counts() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 30)
    for time in range(4):
        updated(tracks, frame([car], time))
    error = InvalidImage("cut off")
    assert all(tracks.update(error) is error for _ in range(4))
    assert updated(tracks, frame([car], 8)).vehicles[0].track_id == 1
    assert updated(tracks, frame([car], 13), dropped=4).vehicles[0].track_id == 1


@pytest.mark.parametrize("layout", [Layout.LINE, Layout.PLATE])
def test_crops_are_not_followed(layout: Layout) -> None:
    tracks = StreamTracks(layout)
    for canonical in ("KA01AB1234", "KA01AB1235", "KA01AB1234"):
        found = Recognition(90, 20, plates=(plate(canonical, Box(0, 0, 90, 20), None, 0.5),))
        assert tracks.update(found) is found


def test_an_empty_picture() -> None:
    tracks = StreamTracks()
    assert tracks.update(Recognition(9, 9)) == Recognition(9, 9)


def test_votes_of_vehicles_that_are_gone_are_forgotten() -> None:
    tracks = StreamTracks()
    car = Simulated("KA01AB1234", 100, 100, 0)
    for _ in range(20):
        updated(tracks, frame([car], 0))
        for _ in range(4):
            updated(tracks, Recognition(9, 9), dropped=20)
        assert len(tracks._votes) <= 1
    assert (
        updated(tracks, frame([Simulated("KA01AB1234", 100, 100, 0)], 0)).vehicles[0].track_id == 21
    )


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_no_vehicle_gets_the_plate_of_another(seed: int) -> None:
    """Cars cross, vanish and come back, and frames are dropped: each shows its own plate."""
    dice = random.Random(seed)
    cars = [
        Simulated(
            f"KA{dice.randint(1, 60):02}M{dice.randint(1000, 9999)}",
            dice.uniform(0, 500),
            dice.uniform(0, 300),
            dice.uniform(-25, 25),
            dice.uniform(-15, 15),
        )
        for _ in range(dice.randint(1, 5))
    ]
    tracks, time = StreamTracks(), 0
    for _ in range(25):
        dropped = dice.choice([0, 0, 0, 3, 12])
        time += 1 + dropped
        seen = [car for car in cars if dice.random() < 0.8]
        followed = tracks_and_plates(updated(tracks, frame(seen, time), dropped))
        assert [canonical for _, canonical in followed] == [car.plate for car in seen]
        numbers = [number for number, _ in followed]
        assert len(set(numbers)) == len(numbers)
