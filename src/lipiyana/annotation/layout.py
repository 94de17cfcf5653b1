"""Chooses where labels stand, so that they cover neither plates, text nor one another.

In: outlines with the sizes of their labels, in pixels. Out: a rectangle for each label, and a
leader line where it is away from its mark. Nothing here draws or knows of fonts.

1. All labels start smaller where the picture is too full for them.
2. Each label takes the best free place that touches its mark: above, below, beside; plates choose
   first, then text, then vehicles. Where there is none, smaller sizes are tried.
3. The others are moved away from their marks: to the nearest room within reach, then to the nearest
   in the whole picture, each with smaller sizes too. Of several directions the one is preferred
   whose leader line crosses nothing.
4. A label that fits nowhere has no place. The caller may place a number for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lipiyana.annotation.geometry import (
    Rectangle,
    Rectangles,
    bounds,
    crossed,
    nearest_on,
    slices,
    touched,
)
from lipiyana.annotation.room import Floats, Room
from lipiyana.annotation.settings import LAYOUT, LayoutSettings
from lipiyana.types import Point

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Item:
    """A mark as the layout sees it.

    Attributes:
        outline: its polygon, inside the picture.
        sizes: width and height of its label, the largest first; `()` for none.
        solid: whether labels must not cover it.
        rank: items of a lower rank choose first.
    """

    outline: tuple[Point, ...]
    sizes: tuple[Size, ...] = ()
    solid: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a label stands.

    Attributes:
        box: its rectangle.
        size: which of `Item.sizes` it has.
        leader: ends of the leader line, at the label and at the mark; None if the label touches it.
    """

    box: Rectangle
    size: int
    leader: tuple[Point, Point] | None = None


class Layout:
    """The layout of one picture.

    Args:
        picture: width and height in pixels.
        gap: pixels between a mark and its label, such as half of the outline's width.
        settings: tuned constants.
    """

    def __init__(
        self, picture: tuple[int, int], gap: int = 1, settings: LayoutSettings = LAYOUT
    ) -> None:
        self._gap = gap
        self._settings = settings
        self._room = Room(picture, settings.cells)
        self._marks = 0
        self._sliced: dict[tuple[Point, ...], list[Rectangle]] = {}

    def occupy(self, items: Sequence[Item]) -> None:
        """Take the room of marks, with and without labels: covered never, or at a cost."""
        for item in items:
            for rectangle in self._slices(item.outline):
                if item.solid:
                    self._room.block(rectangle)
                else:
                    self._room.shade(rectangle, self._settings.cover_cost)
        self._marks = len(self._room.solid)

    def place(self, items: Sequence[Item], *, anywhere: bool = True) -> list[Place | None]:
        """Place the labels of some items; None for one that has none or fits nowhere.

        What is taken stays so: `occupy` comes first, and places of earlier calls remain.

        Args:
            items: what to place labels for.
            anywhere: whether labels may be further than within reach of their marks.
        """
        pieces = [self._slices(item.outline) for item in items]
        places: list[Place | None] = [None] * len(items)
        order = sorted(
            (index for index, item in enumerate(items) if item.sizes),
            key=lambda index: items[index].rank,
        )
        start = self._first_size([items[index].sizes for index in order])
        for from_, to in ((start, start + 1), (start + 1, None)):
            for index in order:
                if places[index] is None:
                    places[index] = self._beside(items[index], pieces[index], from_, to)
        for near in (True, False) if anywhere else (True,):
            for index in order:
                if places[index] is None:
                    places[index] = self._away(items[index], start, near=near)
        return places

    def _first_size(self, sizes: Sequence[Sequence[Size]]) -> int:
        limit = self._settings.crowded * self._room.free_area()
        count = max(map(len, sizes), default=1)
        for index in range(count - 1):
            if sum(w * h for w, h in (of[min(index, len(of) - 1)] for of in sizes)) <= limit:
                return index
        return count - 1

    def _beside(
        self, item: Item, pieces: Sequence[Rectangle], from_: int, to: int | None
    ) -> Place | None:
        """Choose among the places that touch the mark."""
        last = len(item.sizes) - 1
        for index in range(min(from_, last), len(item.sizes) if to is None else min(to, last + 1)):
            places = np.array(list(self._touching(item, pieces, item.sizes[index])), np.int32)
            order = np.arange(len(places))
            free = self._room.free(places)
            places, order = places[free], order[free]
            if not len(places):
                continue
            margin = round(self._settings.touching * item.sizes[index][1])
            foreign = touched(places, self._room.solid[: self._marks], margin)
            if item.solid:
                own = np.array(pieces, np.int32)
                foreign = foreign - touched(places, own, margin)
            costs = order * self._settings.order_cost + self._shading(item, places)
            costs += (foreign > 0) * self._settings.ambiguous_cost
            return self._take(places[int(np.argmin(costs))], index, None)
        return None

    def _touching(self, item: Item, pieces: Sequence[Rectangle], size: Size) -> Iterator[Rectangle]:
        """List the places around a mark, the most usual first."""
        width, height = size
        gap, limit = self._gap, self._room.picture[0] - width
        left, top, right, bottom = bounds(item.outline)
        over = min(right - left, height)  # how much of the mark a shifted label still touches
        middle = (left + right - width) // 2
        xs = (left, right - width, middle, right - over, left - width + over)
        columns = [max(0, min(x, limit)) for x in xs]
        # a tilted mark is lower at one end: the label follows it
        for x in columns:
            y = min((p[1] for p in pieces if p[0] < x + width and p[2] > x), default=top)
            yield x, y - gap - height, x + width, y - gap
        for x in columns:
            y = max((p[3] for p in pieces if p[0] < x + width and p[2] > x), default=bottom)
            yield x, y + gap, x + width, y + gap + height
        for y in (top, bottom - height, (top + bottom - height) // 2):
            for x in (right + gap, left - gap - width):
                yield x, y, x + width, y + height
        if not item.solid:
            inside = (left + gap, right - gap - width, middle)
            for y in (top + gap, bottom - gap - height):
                for x in inside:
                    yield x, y, x + width, y + height

    def _shading(self, item: Item, places: Rectangles) -> Floats:
        """Give what the places cover beyond what the mark itself lies on."""
        costs = self._room.shading(places)
        if item.solid:
            # a plate's label may cover the vehicle, but not the next one
            here = np.array([bounds(item.outline)], np.int32)
            return np.asarray((costs - self._room.shading(here)).clip(0))
        left, top, right, bottom = bounds(item.outline)
        widths = np.minimum(places[:, 2], right) - np.maximum(places[:, 0], left)
        heights = np.minimum(places[:, 3], bottom) - np.maximum(places[:, 1], top)
        own = widths.clip(0) * heights.clip(0)
        area = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
        # half: beside the own mark is better than on it
        return np.asarray(np.maximum(0, costs - self._settings.cover_cost / 2 * own / area))

    def _away(self, item: Item, from_: int, *, near: bool) -> Place | None:
        """Choose the nearest room with a clear way to the mark."""
        mark = bounds(item.outline)
        for index in range(min(from_, len(item.sizes) - 1), len(item.sizes)):
            width, height = item.sizes[index]
            reach = round(self._settings.reach * height)
            window = (
                mark[0] - reach - width,
                mark[1] - reach - height,
                mark[2] + reach,
                mark[3] + reach,
            )
            places, shades = self._room.search((width, height), window if near else None)
            if not len(places):
                continue
            aside = np.maximum(mark[0] - places[:, 2], places[:, 0] - mark[2]).clip(0)
            apart = np.maximum(mark[1] - places[:, 3], places[:, 1] - mark[3]).clip(0)
            distances = np.hypot(aside, apart) / height
            costs = distances * self._settings.distance_cost + shades
            if len(costs) > self._settings.compared:
                cheap = np.sort(
                    np.argpartition(costs, self._settings.compared)[: self._settings.compared]
                )
                places, costs, distances = places[cheap], costs[cheap], distances[cheap]
            best = list(self._best_ways(mark, places, costs))
            leaders = [self._leader(item, places[choice]) for choice in best]
            ways = [
                costs[choice] + self._settings.crossing_cost * self._crossings(leader)
                for choice, leader in zip(best, leaders, strict=True)
            ]
            chosen = int(np.argmin(ways))
            touching = distances[best[chosen]] <= self._settings.touching
            return self._take(places[best[chosen]], index, None if touching else leaders[chosen])
        return None

    def _best_ways(self, mark: Rectangle, places: Rectangles, costs: Floats) -> Iterator[int]:
        """Give the cheapest place in each direction from the mark."""
        xs = (places[:, 0] + places[:, 2] - mark[0] - mark[2]) / 2
        ys = (places[:, 1] + places[:, 3] - mark[1] - mark[3]) / 2
        turns = (np.arctan2(ys, xs) / (2 * np.pi) + 0.5) * self._settings.sectors
        sectors = turns.astype(int) % self._settings.sectors
        order = np.argsort(costs, kind="stable")
        _, firsts = np.unique(sectors[order], return_index=True)
        return (int(order[first]) for first in sorted(firsts))

    def _leader(self, item: Item, place: Rectangles) -> tuple[Point, Point]:
        left, top, right, bottom = (float(side) for side in place)
        at_mark = nearest_on(item.outline, ((left + right) / 2, (top + bottom) / 2))
        at_label = (min(max(at_mark[0], left), right - 1), min(max(at_mark[1], top), bottom - 1))
        return at_label, nearest_on(item.outline, at_label)

    def _crossings(self, leader: tuple[Point, Point]) -> int:
        """Count the solid rectangles on the way, those at its end apart."""
        (_, end), solid = leader, self._room.solid
        at_end = (
            (solid[:, 0] <= end[0] + 1)
            & (solid[:, 1] <= end[1] + 1)
            & (solid[:, 2] >= end[0] - 1)
            & (solid[:, 3] >= end[1] - 1)
        )
        return int((crossed(*leader, solid) & ~at_end).sum())

    def _slices(self, outline: tuple[Point, ...]) -> list[Rectangle]:
        if outline not in self._sliced:
            cut = slices(outline, self._settings.slices, self._settings.level)
            self._sliced[outline] = cut
        return self._sliced[outline]

    def _take(self, place: Rectangles, size: int, leader: tuple[Point, Point] | None) -> Place:
        left, top, right, bottom = (int(side) for side in place)
        self._room.block((left, top, right, bottom))
        if leader:
            for piece in self._slices(leader):
                self._room.shade(piece, self._settings.cover_cost)
        return Place((left, top, right, bottom), size, leader)
