from __future__ import annotations

import dataclasses

from lipiyana.scene.vehicle_plates import assign_plates
from lipiyana.types import Box, Category, Plate, Registration, Vehicle

BUS = Vehicle("bus", 0.9, Box(0, 0, 300, 200))
BIKE = Vehicle("two_wheeler", 0.8, Box(50, 100, 110, 200))
CAR = Vehicle("car", 0.7, Box(400, 50, 560, 170))


def plate(*box: float) -> Plate:
    return Plate("", 0.9, Box(*box))


def test_the_smallest_vehicle_that_has_most_of_a_plate() -> None:
    plates = (
        plate(130, 170, 190, 185),  # on the bus alone
        plate(60, 150, 100, 165),  # on the motorcycle before the bus
        plate(420, 160, 480, 172),  # sticks out of the car's box
        plate(540, 140, 600, 155),  # mostly beside it
        plate(430, 60, 480, 75),  # a second one
    )
    vehicles, owned = assign_plates((BUS, BIKE, CAR), plates)
    assert [one.vehicle_index for one in owned] == [0, 1, 2, None, 2]
    assert [one.plate_indices for one in vehicles] == [(0,), (1,), (2, 4)]


def test_of_two_names_of_one_vehicle_the_surer_has_the_plate() -> None:
    lorry = Vehicle("truck", 0.2, Box(401, 51, 559, 170))
    vehicles, owned = assign_plates((CAR, lorry), (plate(430, 60, 480, 75),))
    assert [one.vehicle_index for one in owned] == [0]
    assert [one.plate_indices for one in vehicles] == [(0,), ()]


def test_nothing_to_join() -> None:
    assert assign_plates((), ()) == ((), ())
    assert assign_plates((CAR,), ()) == ((CAR,), ())
    assert assign_plates((), (plate(0, 0, 9, 9),)) == ((), (plate(0, 0, 9, 9),))
    empty = plate(420, 60, 420, 60)
    assert assign_plates((CAR,), (empty,))[1][0].vehicle_index is None


def test_a_private_plate_on_a_bus_is_a_conflict() -> None:
    private = Registration("KA01AB1234", valid=True, country="IN", category=Category.PRIVATE)
    on_bus = dataclasses.replace(plate(130, 170, 190, 185), registration=private)
    on_car = dataclasses.replace(plate(430, 60, 480, 75), registration=private)
    _, owned = assign_plates((BUS, CAR), (on_bus, on_car))
    assert [one.category_conflict for one in owned] == [True, False]
