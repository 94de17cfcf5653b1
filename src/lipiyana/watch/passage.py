"""One vehicle that passes: what its frames have shown, as a row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lipiyana.events.crops import Crop, with_crops
from lipiyana.types import Box, Plate
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.watch.directions import direction_of
from lipiyana.watch.settings import WATCH, WatchSettings

Row = dict[str, Any]
Cut = Callable[[], Sequence[Crop]]
"""Cuts out of a frame what it shows of one vehicle."""


@dataclass(slots=True)
class _Reading:
    """One registration that a track showed."""

    weight: float = 0.0
    times: int = 0
    best: Plate | None = None
    categories: defaultdict[tuple[str, bool], float] = field(
        default_factory=lambda: defaultdict(float)
    )
    crops: Sequence[Crop] = ()

    def add(self, plate: Plate, cut: Cut | None) -> None:
        self.weight += plate.confidence
        self.times += 1
        # colours are misread in single frames
        self.categories[_category(plate)] += plate.confidence
        if self.best is None or plate.confidence > self.best.confidence:
            self.best = plate
            self.crops = () if cut is None else cut()


@dataclass(slots=True)
class Passage:
    """A track, from its first frame to its last.

    Memory does not grow with the time that a vehicle is seen.

    Attributes:
        source: name of the source.
        number: of the track, from 1 in its source.
        settings: tuned constants.
        mark: of the run, in its id; see `WatchOptions.mark`.
        has_crops: whether the row has crops: those of the frame that the registration was read in
            best, or else of the one with the surest plate or most text.
    """

    source: str
    number: int
    settings: WatchSettings = WATCH
    mark: str = ""
    has_crops: bool = False
    _label: str = ""
    _confidence: float = 0.0
    _frames: int = 0
    _first: tuple[float, float] = (0.0, 0.0)
    _last: tuple[float, float] = (0.0, 0.0)
    _regions: list[str] = field(default_factory=list)
    _seconds_in: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _path: list[tuple[float, Box]] = field(default_factory=list)
    _latest: tuple[float, Box] | None = None
    _readings: dict[str, _Reading] = field(default_factory=dict)
    _texts: Counter[str] = field(default_factory=Counter)
    _stride: int = 1
    _unread: tuple[float, Sequence[Crop]] = (0.0, ())

    @property
    def is_empty(self) -> bool:
        """Whether it was in no frame."""
        return not self._frames

    @property
    def is_vehicle(self) -> bool:
        """Whether more than its plate was seen."""
        return self._label not in {"", PLATE}

    def see(
        self,
        at: tuple[float, float],
        label: str,
        confidence: float,
        box: Box,
        regions: Sequence[str],
    ) -> None:
        """Take its place in one frame.

        Args:
            at: time of the frame: seconds that never go back, and seconds since 1970.
            label: class of the vehicle.
            confidence: of this frame.
            box: in shares of the picture's sides.
            regions: names of those it stands in.
        """
        if not self._frames:
            self._first = at
        self._spend(at)
        if self._label == PLATE and label != PLATE:
            # the path of its plate is not that of the vehicle
            self._path, self._stride, self._confidence = [], 1, 0.0
        self._label, self._confidence = label, max(self._confidence, confidence)
        self._regions, self._last, self._latest = list(regions), at, (at[0], box)
        if not self._path or self._frames % self._stride == 0:
            self._path.append((at[0], box))
            if len(self._path) > 2 * self.settings.most_points:
                self._path = self._path[::2]
                self._stride *= 2
        self._frames += 1

    def see_plate(self, at: tuple[float, float]) -> None:
        """Take it that only its plate was seen in a frame; times are as in `see`."""
        self._spend(at)
        self._last = at
        self._frames += 1

    def was_seen_at(self, at: tuple[float, float]) -> bool:
        """Whether it was seen in that frame."""
        return self._frames > 0 and self._last == at

    def read(self, plate: Plate, cut: Cut | None = None) -> None:
        """Count what a frame shows on its plate, if the frame was read and not only compared."""
        canonical = plate.registration.canonical
        if not canonical:
            self.read_texts((" ".join(plate.text.split()),))
            self.show(1.0 + plate.confidence, cut)
        elif canonical in self._readings or len(self._readings) < self.settings.most_tallied:
            self._readings.setdefault(canonical, _Reading()).add(plate, cut)

    def show(self, worth: float, cut: Cut | None) -> None:
        """Keep what a frame shows without a registration, if it is worth more than before."""
        if cut is not None and worth > self._unread[0]:
            self._unread = (worth, cut())

    def read_texts(self, texts: Iterable[str]) -> None:
        """Count lines of text that lie on it."""
        for text in texts:
            if text and (text in self._texts or len(self._texts) < self.settings.most_tallied):
                self._texts[text] += 1

    def take_over(self, other: Passage) -> None:
        """Add what was read of a plate before its vehicle was found."""
        for canonical, reading in other._readings.items():
            own = self._readings.setdefault(canonical, _Reading())
            own.weight += reading.weight
            own.times += reading.times
            for category, weight in reading.categories.items():
                own.categories[category] += weight
            if own.best is None or (
                reading.best is not None and reading.best.confidence > own.best.confidence
            ):
                own.best, own.crops = reading.best, reading.crops
        self._texts.update(other._texts)
        self._unread = max(self._unread, other._unread, key=lambda one: one[0])

    def _spend(self, at: tuple[float, float]) -> None:
        """Count the time since the frame before for the regions that it stood in then."""
        for region in self._regions:
            self._seconds_in[region] += at[0] - self._last[0]

    def row(self) -> Row:
        """Say all that is known, as plain values."""
        start, seen = self._first
        best = self._best()
        row: Row = {
            "kind": "track",
            "id": f"{self.source}-{round(seen * 1000)}{self.mark}-{self.number}",
            "source": self.source,
            "track": self.number,
            "label": self._label,
            "confidence": round(self._confidence, 4),
            "registration": None if best is None else self._registration(best),
            "text": [text for text, _ in self._texts.most_common(self.settings.most_texts)],
            "first_seen": time_text(seen),
            "last_seen": time_text(self._last[1]),
            "frames": self._frames,
            "direction": str(direction_of([box for _, box in self._points()], self.settings)),
            "seconds_in": {name: round(spent, 3) for name, spent in self._seconds_in.items()},
            "path": [[round(when - start, 3), *corners(box)] for when, box in self._points()],
        }
        if self.has_crops:
            return with_crops(row, self._unread[1] if best is None else best.crops)
        return row

    def _points(self) -> list[tuple[float, Box]]:
        """At most `most_points` of the path, with the first and the last one."""
        path = list(self._path)
        if self._latest is not None and path[-1] != self._latest:
            path.append(self._latest)
        most = self.settings.most_points
        if len(path) <= most:
            return path
        return [path[round(index * (len(path) - 1) / (most - 1))] for index in range(most)]

    def _best(self) -> _Reading | None:
        """The valid registration with the greatest sum of confidences, or else a doubtful one."""
        return max(
            (one for one in self._readings.values() if one.best is not None),
            key=lambda one: (one.best is not None and one.best.registration.valid, one.weight),
            default=None,
        )

    @staticmethod
    def _registration(best: _Reading) -> Row | None:
        if best.best is None:
            return None
        category, conflict = max(best.categories, key=lambda one: best.categories[one])
        row = registration_row(best.best, best.times)
        return row | {"category": category, "category_conflict": conflict}


def registration_row(plate: Plate, readings: int) -> Row:
    """What rows say of a registration.

    Args:
        plate: that shows it.
        readings: frames that were read so.
    """
    registration = plate.registration
    return {
        "canonical": registration.canonical,
        "text": plate.text,
        "format": registration.format.value if registration.format else "",
        "region": registration.region_name,
        "category": _category(plate)[0],
        "valid": registration.valid,
        "confidence": round(plate.confidence, 4),
        "readings": readings,
        "category_conflict": plate.category_conflict,
    }


def _category(plate: Plate) -> tuple[str, bool]:
    category = plate.registration.category
    return category.value if category else "", plate.category_conflict


def corners(box: Box) -> list[float]:
    """A box as rows have it: x_min, y_min, x_max, y_max."""
    return [round(value, 4) for value in (box.x_min, box.y_min, box.x_max, box.y_max)]


def time_text(seconds: float) -> str:
    """Write seconds since 1970 as a time, UTC, to the millisecond.

    >>> time_text(1796040000.5)
    '2026-11-30T12:00:00.500Z'
    """
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
