"""Follows the vehicles of one source over its frames, and gives a row for each that has gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from lipiyana.events.crops import Crop
from lipiyana.stream.tracks import StreamTracks
from lipiyana.types import Box, Plate, Recognition, TextLine
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.watch.inputs.frames import CameraFrame
from lipiyana.watch.passage import Cut, Passage, Row, corners, registration_row, time_text
from lipiyana.watch.regions import RegionMap
from lipiyana.watch.settings import WATCH, WatchSettings


@dataclass(frozen=True, slots=True)
class _Seen:
    """A vehicle of one frame, or a plate without one."""

    passage: Passage | None
    label: str
    confidence: float
    box: Box
    plate: Plate | None


class TrackLog:
    """The tracks of one source; belongs to one thread.

    Vehicles are tracked, and plates without a vehicle: their label is `plate`. If the vehicle of a
    plate is found later, both are one track.
    """

    def __init__(
        self,
        source: str,
        regions: RegionMap | None = None,
        *,
        longest_gap: float = WATCH.lost_seconds,
        mark: str = "",
        has_crops: bool = False,
        settings: WatchSettings = WATCH,
    ) -> None:
        """Begin without tracks.

        Args:
            source: its name.
            regions: whose time is counted.
            longest_gap: seconds between two frames after which all tracks end.
            mark: of the run, in the ids of rows; see `WatchOptions.mark`.
            has_crops: whether rows have crops of what was read.
            settings: tuned constants.
        """
        self.source, self._regions = source, regions or RegionMap()
        self._longest_gap, self._settings = longest_gap, settings
        self._mark, self._has_crops = mark, has_crops
        self._count = 0
        self._vehicles: dict[int, Passage] = {}
        self._plates: dict[int, Passage] = {}
        self._tracks = StreamTracks()
        self._last: CameraFrame | None = None
        self._size = (0, 0)
        self.found = Recognition(1, 1)
        """The last result, with tracks and with what the votes say."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is followed."""
        return not (self._vehicles or self._plates)

    def see(
        self,
        frame: CameraFrame,
        found: Recognition,
        *,
        read: bool = True,
        cut: Callable[[Recognition], list[Crop]] | None = None,
    ) -> list[Row]:
        """Follow into a frame; give the rows of tracks that have ended.

        Args:
            frame: when it was.
            found: what is in it, or what was in the one before that it does not differ from.
            read: whether it was read.
            cut: gives crops of plates and lines of this frame; None for no crops.
        """
        size = (found.image_width, found.image_height)
        passed = 0.0 if self._last is None else frame.elapsed - self._last.elapsed
        ended: list[Row] = []
        if passed > self._longest_gap or (self._last is not None and size != self._size):
            ended = self.end_all()
        steps = round(passed * self._settings.tracker_rate)
        self._last, self._size = frame, size
        followed = self._tracks.update(found, max(0, steps - 1))
        if isinstance(followed, Recognition):
            self.found = followed
            for seen in self._objects(followed):
                self._note(frame, seen, read, cut)
        return ended + self._gone()

    def frame_row(self, frame: CameraFrame) -> Row:
        """Say what the last result shows."""
        found = self.found
        return {
            "kind": "frame",
            "id": f"{self.source}-{round(frame.at * 1000)}{self._mark}-f{frame.frame_id}",
            "source": self.source,
            "seen": time_text(frame.at),
            "vehicles": [
                {
                    "track": None if seen.passage is None else seen.passage.number,
                    "label": seen.label,
                    "confidence": round(seen.confidence, 4),
                    "box": corners(self._relative(seen.box)),
                    "registration": None
                    if seen.plate is None or not seen.plate.registration.canonical
                    else registration_row(seen.plate, 1),
                }
                for seen in self._objects(found)
            ],
            "text": [line.text for line in found.text_lines],
        }

    def end_all(self) -> list[Row]:
        """End all tracks, and give their rows; what comes next is new."""
        passages = [*self._vehicles.values(), *self._plates.values()]
        self._vehicles, self._plates = {}, {}
        self._tracks, self._last = StreamTracks(), None
        return _rows(passages)

    def _objects(self, found: Recognition) -> Iterator[_Seen]:
        followed = self._tracks.plate_tracks
        for vehicle in found.vehicles:
            surest = max(
                vehicle.plate_indices,
                key=lambda index: found.plates[index].confidence,
                default=None,
            )
            plate = None if surest is None else found.plates[surest]
            of_plate = None if surest is None else followed[surest]
            passage = self._passage_of_vehicle(vehicle.track_id, of_plate)
            yield _Seen(passage, vehicle.label, vehicle.confidence, vehicle.box, plate)
        for index, plate in enumerate(found.plates):
            if plate.vehicle_index is None:
                yield _Seen(
                    self._passage_of_plate(followed[index]),
                    PLATE,
                    plate.confidence,
                    plate.box,
                    plate,
                )

    def _passage_of_vehicle(self, track: int | None, plate: int | None) -> Passage | None:
        if track is None:
            return None
        passage = self._vehicles.get(track)
        before = None if plate is None else self._plates.get(plate)
        if passage is None:
            # its plate may have been seen before it was
            taken = before is None or before in self._vehicles.values()
            passage = self._new() if before is None or taken else before
            self._vehicles[track] = passage
        elif before is not None and before is not passage and not self._is_vehicle(before):
            passage.take_over(before)
        if plate is not None:
            self._plates[plate] = passage
        return passage

    def _passage_of_plate(self, track: int | None) -> Passage | None:
        if track is None:
            return None
        if track not in self._plates:
            self._plates[track] = self._new()
        return self._plates[track]

    def _is_vehicle(self, passage: Passage) -> bool:
        return any(passage is one for one in self._vehicles.values())

    def _new(self) -> Passage:
        self._count += 1
        return Passage(self.source, self._count, self._settings, self._mark, self._has_crops)

    def _note(
        self,
        frame: CameraFrame,
        seen: _Seen,
        read: bool,
        cut: Callable[[Recognition], list[Crop]] | None,
    ) -> None:
        passage = seen.passage
        if passage is None:
            return
        at = (frame.elapsed, frame.at)
        if seen.label != PLATE or not passage.is_vehicle:
            box = self._relative(seen.box)
            # where its wheels are
            regions = self._regions.at((box.x_min + box.x_max) / 2, box.y_max)
            passage.see(at, seen.label, seen.confidence, box, regions)
        elif not passage.was_seen_at(at):
            passage.see_plate(at)
        if not read:
            return
        lines = self._lines_on(seen.box)
        own: Cut | None = None
        if cut is not None:
            plates = () if seen.plate is None else (replace(seen.plate, vehicle_index=None),)
            shown = replace(self.found, vehicles=(), plates=plates, text_lines=tuple(lines))
            own = partial(cut, shown)
        if seen.plate is not None:
            passage.read(seen.plate, own)
        elif lines:
            # less than any plate
            passage.show(sum(line.confidence for line in lines) / (1 + len(lines)), own)
        passage.read_texts(line.text for line in lines)

    def _lines_on(self, box: Box) -> list[TextLine]:
        """Lines of text on a vehicle, without those of plates."""
        plates = [plate.box for plate in self.found.plates]
        return [
            line
            for line in self.found.text_lines
            if _lies_on(line, box) and not any(_lies_on(line, plate) for plate in plates)
        ]

    def _gone(self) -> list[Row]:
        """Forget what the tracker has forgotten; a passage ends with its vehicle and its plate."""
        ended: list[Passage] = []
        for passages, known in (
            (self._vehicles, self._tracks.known_vehicles),
            (self._plates, self._tracks.known_plates),
        ):
            ended += [passages.pop(number) for number in passages.keys() - known]
        still = {passage.number for passage in (*self._vehicles.values(), *self._plates.values())}
        return _rows([passage for passage in ended if passage.number not in still])

    def _relative(self, box: Box) -> Box:
        width, height = max(1, self.found.image_width), max(1, self.found.image_height)

        def share(value: float, side: int) -> float:
            return min(1.0, max(0.0, value / side))

        return Box(
            share(box.x_min, width),
            share(box.y_min, height),
            share(box.x_max, width),
            share(box.y_max, height),
        )


def _rows(passages: list[Passage]) -> list[Row]:
    """Rows in order of appearance; a vehicle and its plate have one passage."""
    once = {passage.number: passage for passage in passages if not passage.is_empty}
    return [once[number].row() for number in sorted(once)]


def _lies_on(line: TextLine, box: Box) -> bool:
    x = sum(corner[0] for corner in line.polygon) / 4
    y = sum(corner[1] for corner in line.polygon) / 4
    return box.x_min <= x <= box.x_max and box.y_min <= y <= box.y_max
