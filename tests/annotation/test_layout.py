"""Labels keep off plates, text and one another, and find room wherever there is some."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.annotation import room
from lipiyana.annotation.geometry import bounds, clip, crossed, slices, touched
from lipiyana.annotation.layout import Item, Layout, Place
from lipiyana.types import Point

Pixels = npt.NDArray[np.bool_]


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def tilted(x: float, y: float, width: float, height: float, angle: float) -> tuple[Point, ...]:
    c, s = math.cos(angle), math.sin(angle)
    return tuple((x + u * c - v * s, y + u * s + v * c) for u, v in box(0, 0, width, height))


@st.composite
def pictures(draw: st.DrawFn) -> tuple[tuple[int, int], list[Item]]:
    size = draw(st.sampled_from([(320, 240), (100, 250), (60, 40), (1, 1)]))
    items = []
    for _ in range(draw(st.integers(1, 25))):
        x, y = draw(st.floats(-20, size[0])), draw(st.floats(-20, size[1]))
        width, height = draw(st.floats(0, 150)), draw(st.floats(0, 40))
        angle = draw(st.sampled_from([0.0, 0.0, 0.1, 0.8, 1.6]))
        outline = clip(tilted(x, y, width, height, angle), (0, 0, size[0] - 1, size[1] - 1))
        if outline:
            wide = draw(st.integers(1, 120))
            sizes = ((wide, 18), (round(wide * 0.8), 15), (round(wide * 0.64), 12))
            solid = draw(st.booleans())
            items.append(Item(outline, draw(st.sampled_from([sizes, ()])), solid, int(not solid)))
    return size, items


def placed(size: tuple[int, int], items: list[Item]) -> list[Place | None]:
    layout = Layout(size)
    layout.occupy(items)
    return layout.place(items)


def covered(size: tuple[int, int], items: list[Item]) -> Pixels:
    """Paint the solid marks by another way than the layout's."""
    canvas = np.zeros((size[1], size[0]), bool)
    ys, xs = np.mgrid[: size[1], : size[0]]
    for item in items:
        hull = cv2.convexHull(np.array(item.outline, np.float32))[:, 0].astype(float)
        if not item.solid or len(hull) < 3:
            continue
        for part in (0.0, 0.5):  # corners and middles of pixels
            sides = [
                (bx - ax) * (ys + part - ay) - (by - ay) * (xs + part - ax)
                for (ax, ay), (bx, by) in zip(hull, np.roll(hull, -1, axis=0), strict=True)
            ]
            canvas |= (np.array(sides) > 1e-3).all(axis=0) | (np.array(sides) < -1e-3).all(axis=0)
    return canvas


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_labels_cover_nothing_and_are_missing_only_without_room(
    picture: tuple[tuple[int, int], list[Item]],
) -> None:
    size, items = picture
    places = placed(size, items)
    taken = covered(size, items)
    for item, place in zip(items, places, strict=True):
        if place is None:
            continue
        left, top, right, bottom = place.box
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        assert (right - left, bottom - top) == item.sizes[place.size]
        assert not taken[top:bottom, left:right].any()
        taken[top:bottom, left:right] = True
    # room is what the slices of the marks leave, and the labels
    for item in items:
        for left, top, right, bottom in slices(item.outline, 8, 1.25) if item.solid else ():
            taken[top:bottom, left:right] = True
    cell = room.Room(size, 32_000).cell
    for item, place in zip(items, places, strict=True):
        if item.sizes and place is None:
            # the grid is coarse: what is free must be larger by a cell and its rounding, twice
            wide, high = (side + 2 * cell + 2 for side in item.sizes[-1])
            sums = cv2.integral(taken.astype(np.uint8))
            windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide]
            assert (windows + sums[:-high, :-wide] > 0).all()
    assert placed(size, items) == places


def test_a_label_stands_above_its_mark() -> None:
    (place,) = placed((640, 480), [Item(box(100, 100, 200, 130), ((80, 20),))])
    assert place == Place((100, 79, 180, 99), 0)


def test_a_plates_label_may_cover_its_vehicle_but_not_the_next_one() -> None:
    vehicle = Item(box(0, 0, 300, 400), solid=False)
    other = Item(box(300, 0, 639, 400), solid=False)
    plate = Item(box(250, 300, 299, 320), ((80, 20),))
    place = placed((640, 480), [vehicle, other, plate])[2]
    assert place is not None
    assert place.box[2] <= 301
    assert place.leader is None


def test_a_label_goes_below_where_above_it_touches_another_mark() -> None:
    lines = [Item(box(100, y, 300, y + 30)) for y in (100, 152)]
    lines[1] = Item(lines[1].outline, ((80, 20),))
    place = placed((640, 480), lines)[1]
    assert place is not None
    assert place.box[1] > 152


def test_a_smaller_size_beside_the_mark_comes_before_a_leader_line() -> None:
    # a gap of 16 pixels above, and nothing else beside the mark
    walls = [box(0, 0, 639, 83), box(0, 131, 639, 300)]
    mark = Item(box(0, 101, 639, 130), ((80, 20), (64, 15)))
    place = placed((640, 480), [*(Item(wall) for wall in walls), mark])[2]
    assert place is not None
    assert (place.size, place.leader) == (1, None)


def test_a_leader_line_leads_to_the_mark_and_crosses_nothing_if_it_can() -> None:
    # a mark in a cage of text that is open on the right, further away than the room on the left
    cage = [box(150, 100, 395, 124), box(150, 150, 395, 200), box(150, 126, 198, 148)]
    mark = Item(box(200, 130, 390, 145), ((100, 30),))
    place = placed((640, 300), [*(Item(bar) for bar in cage), mark])[3]
    assert place is not None
    if place.leader:
        label, end = place.leader
        assert place.box[0] <= label[0] < place.box[2]
        assert place.box[1] <= label[1] < place.box[3]
        assert 200 <= end[0] <= 390
        assert 130 <= end[1] <= 145
    others = np.array([bounds(bar) for bar in cage], np.int32)
    assert place.box[0] >= 390 or not place.leader
    assert not (place.leader and crossed(*place.leader, others).any())


def test_room_far_away_is_found() -> None:
    wall = Item(box(0, 0, 639, 449))
    mark = Item(box(300, 10, 340, 30), ((100, 24),))
    place = placed((640, 480), [wall, mark])[1]
    assert place is not None
    assert place.box[1] >= 450
    assert place.leader is not None
    layout = Layout((640, 480))
    layout.occupy([wall, mark])
    assert layout.place([mark], anywhere=False) == [None]


def test_all_labels_are_smaller_in_a_full_picture() -> None:
    items = [
        Item(box(x, y, x + 10, y + 10), ((90, 24), (60, 16)), solid=False)
        for x in range(0, 600, 60)
        for y in range(0, 460, 40)
    ]
    assert {place.size for place in placed((640, 480), items) if place} == {1}


def test_a_thousand_marks_in_a_full_picture_need_few_scans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scans: list[int] = []

    def counted(cells: npt.NDArray[np.generic], rows: int, columns: int) -> room.Floats:
        scans.append(cells.size)
        return scan(cells, rows, columns)

    scan = room._window_sums
    monkeypatch.setattr(room, "_window_sums", counted)
    rng = np.random.default_rng(0)
    items = []
    for x, y in rng.uniform(0, (620, 470), (1000, 2)):
        wide = int(rng.integers(30, 120))
        sizes = ((wide, 18), (wide * 4 // 5, 14), (wide * 3 // 5, 11))
        items.append(Item(box(x, y, x + 12, y + 6), sizes))
    places = placed((640, 480), items)
    assert None in places
    # a scan of the whole picture for each label would read 19 million cells
    assert sum(scans) < 5_000_000


@pytest.mark.parametrize(
    "outline",
    [
        ((5.0, 5.0),) * 4,
        ((0.0, 0.0), (30.0, 30.0), (0.0, 0.0), (30.0, 30.0)),
        ((0.0, 0.0), (30.0, 30.0), (30.0, 0.0), (0.0, 30.0)),
    ],
)
def test_degenerate_outlines_take_their_room(outline: tuple[Point, ...]) -> None:
    place = placed((100, 100), [Item(outline, ((20, 10),))])[0]
    assert place is not None
    pieces = np.array(slices(outline, 8, 1.25), np.int32)
    assert not touched(np.array([place.box], np.int32), pieces, 0).any()


def test_clipping() -> None:
    frame = (0.0, 0.0, 99.0, 49.0)
    assert clip(box(10, 10, 20, 20), frame) == box(10, 10, 20, 20)
    assert bounds(clip(box(-1e300, -1e300, 1e300, 1e300), frame)) == (0, 0, 100, 50)
    assert clip(box(200, 0, 300, 40), frame) == ()
    assert clip(box(0, math.nan, 30, 40), frame) == ()
    assert clip(box(0, 0, math.inf, 40), frame) == ()
    corner = clip(((-10.0, 10.0), (10.0, -10.0), (10.0, 10.0)), frame)
    assert set(corner) == {(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)}


def test_slices_of_a_tilted_line_are_less_than_half_of_its_bounds() -> None:
    outline = tilted(50, 10, 200, 12, 0.7)
    pieces = slices(outline, 8, 1.25)
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in pieces)
    left, top, right, bottom = bounds(outline)
    assert len(pieces) == 8
    assert area < 0.5 * (right - left) * (bottom - top)
    assert slices(box(0, 0, 50, 20), 8, 1.25) == [(0, 0, 51, 21)]
