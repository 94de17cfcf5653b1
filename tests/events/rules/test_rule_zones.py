from __future__ import annotations

import random

import pytest

from lipiyana.events.rules.ruleset import Seen
from lipiyana.events.rules.zones import Place, ZoneShape


def zone(value: object) -> ZoneShape:
    shape: ZoneShape = Seen.model_validate({"name": "a", "kind": "seen", "zone": value}).zone
    return shape


BOX = zone([0.2, 0.2, 0.6, 0.8])
ARROW = zone([[0.2, 0.2], [0.8, 0.2], [0.5, 0.5], [0.8, 0.8], [0.2, 0.8]])


def test_points() -> None:
    assert [BOX.contains(x, y) for x, y in [(0.2, 0.2), (0.6, 0.8), (0.4, 0.5)]] == [True] * 3
    assert not any(BOX.contains(x, y) for x, y in [(0.19, 0.5), (0.61, 0.5), (0.4, 0.81)])
    assert [ARROW.contains(x, 0.5) for x in (0.1, 0.3, 0.6, 0.7)] == [False, True, False, False]
    assert ARROW.contains(0.7, 0.25)


@pytest.mark.parametrize(
    ("places", "seconds"),
    [
        ([(0, 0.0, 0.5), (10, 1.0, 0.5)], 4.0),
        ([(0, 1.0, 0.5), (10, 0.0, 0.5)], 4.0),
        ([(0, 0.3, 0.5), (10, 0.3, 0.5)], 10.0),
        ([(0, 0.1, 0.5), (10, 0.1, 0.9)], 0.0),
        ([(0, 0.1, 0.9), (10, 0.5, 0.9)], 0.0),
        ([(0, 0.4, 0.0), (10, 0.4, 1.0), (20, 0.4, 0.5)], 6.0 + 6.0),
        ([(10, 0.3, 0.5), (0, 0.3, 0.5)], 0.0),
        ([(0, 0.3, 0.5)], 0.0),
        ([(None, 0.3, 0.5), (10, 0.3, 0.5)], 0.0),
    ],
)
def test_time_in_a_box(places: list[tuple[float | None, float, float]], seconds: float) -> None:
    assert BOX.seconds_inside(Place(*one) for one in places) == pytest.approx(seconds)


def test_time_in_a_polygon() -> None:
    # into the notch and out of it again
    path = [Place(0, 0.7, 0.0), Place(10, 0.7, 1.0)]
    assert ARROW.seconds_inside(path) == pytest.approx(2.0, abs=0.4)


def test_a_box_and_its_polygon_agree() -> None:
    # a corner more makes the same box a polygon
    polygon = zone([[0.2, 0.2], [0.4, 0.2], [0.6, 0.2], [0.6, 0.8], [0.2, 0.8]])
    generator = random.Random(3)
    for _ in range(300):
        one, other = (Place(t, generator.random(), generator.random()) for t in (0, 1))
        box, sampled = BOX.seconds_inside((one, other)), polygon.seconds_inside((one, other))
        assert box == pytest.approx(sampled, abs=1e-9)
        assert 0 <= box <= 1
