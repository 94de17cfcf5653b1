from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.detection.tiles import Tile, cut_off, near_edge, parts, tiles

SIZE = 64


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_tiles_cover_a_large_picture(height: int, width: int) -> None:
    found = tiles(height, width, SIZE)
    assert len(found) <= VEHICLE_DETECTION.most_tiles
    if max(height, width) <= VEHICLE_DETECTION.tiled_from * SIZE:
        assert found == []
        return
    for low, high, length in (("x_min", "x_max", width), ("y_min", "y_max", height)):
        spans = sorted({(getattr(tile, low), getattr(tile, high)) for tile in found})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        for (_, end), (start, _) in pairwise(spans):
            assert start < end
    sides = [max(tile.x_max - tile.x_min, tile.y_max - tile.y_min) for tile in found]
    assert max(sides) < max(height, width)


@given(st.integers(130, 3000), st.integers(130, 3000), st.data())
def test_each_small_object_lies_whole_in_a_tile(
    height: int, width: int, data: st.DataObject
) -> None:
    found = tiles(height, width, SIZE)
    side = max(max(t.x_max - t.x_min, t.y_max - t.y_min) for t in found)
    small = max(1, int(0.15 * side))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = np.array([[x, y, min(width, x + small), min(height, y + small)]], float)
    holds = [
        t.x_min <= box[0, 0]
        and t.y_min <= box[0, 1]
        and box[0, 2] <= t.x_max
        and box[0, 3] <= t.y_max
        for t in found
    ]
    assert any(holds)
    assert any(
        not cut_off(box, tile, height, width)[0]
        for tile, held in zip(found, holds, strict=True)
        if held
    )


def test_only_edges_within_the_picture_cut() -> None:
    tile = Tile(100, 0, 200, 100)
    boxes = np.array(
        [
            [101, 40, 130, 60],  # at the tile's left edge
            [90, 40, 130, 60],  # beyond it
            [107, 40, 130, 60],  # near it
            [140, 0, 160, 20],  # at the picture's upper edge
            [140, 80, 160, 100],  # at the tile's lower edge
            [140, 40, 160, 60],
        ],
        float,
    )
    assert cut_off(boxes, tile, 300, 300).tolist() == [True, True, False, False, True, False]
    assert near_edge(boxes, tile, 300, 300).tolist() == [True, True, True, False, True, False]
    assert not cut_off(boxes, Tile(0, 0, 300, 300), 300, 300).any()


def test_parts_of_what_was_seen_whole() -> None:
    boxes = np.array([[0, 0, 100, 50], [50, 0, 98, 50], [60, 0, 99, 50], [0, 60, 40, 90]], float)
    sure = np.array([0.6, 0.9, 0.9, 0.9])
    doubtful = np.array([False, True, False, True])
    assert parts(boxes, sure, doubtful).tolist() == [False, True, False, False]
    # a whole that is hardly believed has no parts
    assert not parts(boxes, np.array([0.1, 0.9, 0.9, 0.9]), doubtful).any()
    assert parts(np.empty((0, 4)), np.empty(0), np.empty(0, bool)).tolist() == []
