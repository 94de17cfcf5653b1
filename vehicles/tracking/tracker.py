"""Matches the vehicles of a frame with those of the frames before.

Detections and tracks are paired so that the sum of their gains is the greatest possible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import array_of, iou
from lipiyana.vehicles.detection.detector import Detection
from lipiyana.vehicles.tracking.motion import Motion
from lipiyana.vehicles.tracking.settings import TRACKING, TrackingSettings


def best_pairs(gains: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of their gains is the greatest there is.

    Args:
        gains: (n, m), finite; a pair that gains nothing (0 or less) is never made.

    Returns:
        (row, column), each row and each column once at most, in the order of the rows.
    """
    if not gains.size:
        return []
    costs = -np.maximum(gains, 0.0)
    if costs.shape[0] > costs.shape[1]:
        pairs = [(row, column) for column, row in enumerate(_cheapest(costs.T))]
    else:
        pairs = list(enumerate(_cheapest(costs)))
    return sorted((row, column) for row, column in pairs if gains[row, column] > 0)


def _cheapest(costs: npt.NDArray[np.float64]) -> list[int]:
    """Give each of n rows a column of its own, of m >= n, at the lowest sum of costs.

    One row after the other is added by the shortest augmenting path in reduced costs (Jonker and
    Volgenant 1987, https://doi.org/10.1007/BF02278710): n * n * m steps, the m at once.
    """
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    column_of = np.full(rows, -1)
    for new in range(rows):
        shortest, before = np.full(columns, np.inf), np.full(columns, -1)
        reached = np.zeros(columns, np.bool_)
        visited = [new]
        row, length = new, 0.0
        while True:
            lengths = length + costs[row] - row_price[row] - column_price
            nearer = ~reached & (lengths < shortest)
            shortest[nearer], before[nearer] = lengths[nearer], row
            end = int(np.where(reached, np.inf, shortest).argmin())
            length = float(shortest[end])
            reached[end] = True
            if row_of[end] < 0:
                break
            row = int(row_of[end])
            visited.append(row)
        row_price[new] += length
        others = visited[1:]
        row_price[others] += length - shortest[column_of[others]]
        column_price[reached] -= length - shortest[reached]
        column = end
        while True:  # along the path each row takes the column that leads to it
            row = int(before[column])
            row_of[column] = row
            column_of[row], column = column, int(column_of[row])
            if row == new:
                break
    return [int(column) for column in column_of]


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a detection is.

    Attributes:
        track_id: 1, 2, ... in the order of appearance; never given to another vehicle.
        label: the class with the greatest sum of confidences over the track.
        resumed: whether it was not seen in the update before, so that it might be another one.
    """

    track_id: int
    label: str
    resumed: bool


@dataclass(slots=True)
class _Track:
    track_id: int
    motion: Motion
    last_seen: float
    updates_missed: int = 0
    votes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def label(self) -> str:
        return max(self.votes, key=lambda label: self.votes[label])


class Tracker:
    """Follows vehicles from frame to frame. Belongs to one stream and one thread.

    Detections are matched in the order of ByteTrack (Zhang et al. 2022): the strong ones by their
    overlap with where a track should be now, then the weak ones with the other tracks. Tracks that
    were lost from sight take part in both: a detector wavers about small vehicles. What is left is
    matched by distance where no other match is possible, since frames are dropped and a vehicle may
    have left its box. The rest are new.
    """

    def __init__(self, settings: TrackingSettings = TRACKING) -> None:
        self._settings = settings
        self._tracks: list[_Track] = []
        self._last_id = 0
        self._time = 0.0

    @property
    def known(self) -> frozenset[int]:
        """Ids of vehicles that may be seen again."""
        return frozenset(track.track_id for track in self._tracks)

    def update(
        self, detections: Sequence[Detection], time: float, *, repeated: bool = False
    ) -> list[Tracked | None]:
        """Follow the vehicles into the next frame.

        Args:
            detections: what was found in it.
            time: in frames of the source since its beginning; more than one later than the update
                before where frames were dropped.
            repeated: whether these are the detections of the update before. They say where
                vehicles are, but do not vote on their classes again.

        Returns:
            For each detection its track; None if its confidence is too low to begin one.
        """
        passed, self._time = max(0.0, time - self._time), time
        for track in self._tracks:
            track.motion = track.motion.later(passed)
            track.updates_missed += 1
        matches = self._matches(detections)
        tracked: list[Tracked | None] = []
        for index, detection in enumerate(detections):
            known = matches.get(index)
            if known is None and detection.confidence < self._settings.new_confidence:
                tracked.append(None)
                continue
            track = known or self._begin(detection)
            resumed = track.updates_missed > 1
            if known is not None:
                track.motion = track.motion.corrected(detection.box)
            track.last_seen, track.updates_missed = time, 0
            if not (repeated and track.votes):
                track.votes[detection.label] += detection.confidence
            tracked.append(Tracked(track.track_id, track.label, resumed))
        self._tracks = [
            track for track in self._tracks if not _is_forgotten(track, time, self._settings)
        ]
        return tracked

    def _begin(self, detection: Detection) -> _Track:
        self._last_id += 1
        track = _Track(self._last_id, Motion.of(detection.box, self._settings), self._time)
        self._tracks.append(track)
        return track

    def _matches(self, detections: Sequence[Detection]) -> dict[int, _Track]:
        """Match detections, by their index, with tracks."""
        overlaps = self._overlaps(detections)
        strong = [
            i
            for i, one in enumerate(detections)
            if one.confidence >= self._settings.strong_confidence
        ]
        weak = [
            i
            for i, one in enumerate(detections)
            if one.confidence < self._settings.strong_confidence
        ]
        tracks = list(range(len(self._tracks)))
        pairs = _pairs(overlaps - self._settings.min_iou, tracks, strong)
        tracks = _others(tracks, pairs)
        pairs |= _pairs(overlaps - self._settings.min_iou_weak, tracks, weak)
        tracks = _others(tracks, pairs)
        new = [
            i
            for i, one in enumerate(detections)
            if one.confidence >= self._settings.new_confidence and i not in pairs.values()
        ]
        pairs |= self._unmistakable(detections, tracks, new)
        return {detection: self._tracks[track] for track, detection in pairs.items()}

    def _overlaps(self, detections: Sequence[Detection]) -> npt.NDArray[np.float64]:
        """IoU (tracks, detections), less what another label costs."""
        predicted = array_of([track.motion.box for track in self._tracks])
        overlaps = iou(predicted, array_of([one.box for one in detections]))
        differ = [[track.label != one.label for one in detections] for track in self._tracks]
        return overlaps - self._settings.other_label_cost * np.array(differ).reshape(overlaps.shape)

    def _unmistakable(
        self, detections: Sequence[Detection], tracks: Sequence[int], new: Sequence[int]
    ) -> dict[int, int]:
        """Match pairs by distance where neither has another possible match."""
        within = {
            (track, index)
            for track in tracks
            for index in new
            if _can_be(self._tracks[track], detections[index], self._settings)
        }
        return {
            track: index
            for track, index in within
            if sum(track == other for other, _ in within) == 1
            and sum(index == other for _, other in within) == 1
        }


def _can_be(track: _Track, detection: Detection, settings: TrackingSettings) -> bool:
    if detection.label != track.label or track.motion.distance(detection.box) > settings.reach:
        return False
    box, seen = detection.box, track.motion.seen[2:]
    sides = np.array([max(1.0, box.x_max - box.x_min), max(1.0, box.y_max - box.y_min)])
    return bool(np.abs(np.log(sides / seen)).max() <= settings.size_change)


def _pairs(
    gains: npt.NDArray[np.float64], tracks: Sequence[int], detections: Sequence[int]
) -> dict[int, int]:
    chosen = best_pairs(gains[np.ix_(tracks, detections)])
    return {tracks[row]: detections[column] for row, column in chosen}


def _others(tracks: Sequence[int], pairs: dict[int, int]) -> list[int]:
    return [track for track in tracks if track not in pairs]


def _is_forgotten(track: _Track, time: float, settings: TrackingSettings) -> bool:
    return (
        track.updates_missed >= settings.forgotten_updates
        and time - track.last_seen > settings.forgotten_frames
    )
