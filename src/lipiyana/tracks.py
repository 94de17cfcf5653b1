"""Vehicles and plates of a stream, followed from frame to frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lipiyana.errors import LipiyanaError
from lipiyana.plate_votes import PlateVote
from lipiyana.types import Layout, Plate, Recognition, Vehicle
from lipiyana.vehicles.detection import PLATE, Detection
from lipiyana.vehicles.tracking import Tracked, Tracker


class StreamTracks:
    """Gives the vehicles of one stream their `track_id` and label, and its plates their vote.

    Belongs to one stream and one thread. Ids begin at 1 and are not used again.
    """

    def __init__(self, layout: Layout = Layout.SCENE) -> None:
        """Follow what `layout` shows: crops of lines and plates have nothing to follow."""
        self._layout = layout
        self._time = 0
        self._vehicles, self._loose_plates = Tracker(), Tracker()
        self._votes: dict[tuple[Tracker, int], PlateVote] = {}
        self._last: Recognition | None = None

    def update(
        self, outcome: Recognition | LipiyanaError, dropped: int = 0
    ) -> Recognition | LipiyanaError:
        """Follow into the next frame.

        Args:
            outcome: what was found in it alone, as a cache may keep it, or why nothing could be.
            dropped: how many frames since the one before were never read.

        Returns:
            The same, with `track_id` and the label of the track for each vehicle that is sure
            enough to be followed, and registrations as `PlateVote` has them. A plate that
            belongs to no vehicle is followed by itself. Of a vehicle with several plates the
            surest one votes. What is equal to the last bit to what came before was read in the same
            pixels, or taken over from them, and votes only once.
        """
        self._time += 1 + dropped
        if isinstance(outcome, LipiyanaError) or self._layout is not Layout.SCENE:
            return outcome
        repeated = self._last is not None and _shows_the_same(outcome, self._last)
        self._last = outcome
        tracked = self._vehicles.update(
            [Detection(v.label, v.confidence, v.box) for v in outcome.vehicles],
            self._time,
            repeated=repeated,
        )
        plates = list(outcome.plates)
        self._vote_in_vehicles(plates, outcome.vehicles, tracked, repeated)
        self._vote_loose(plates, repeated)
        self._votes = {
            (tracker, number): vote
            for (tracker, number), vote in self._votes.items()
            if number in tracker.known
        }
        return dataclasses.replace(
            outcome,
            vehicles=tuple(map(_with_track, outcome.vehicles, tracked)),
            plates=tuple(plates),
        )

    def _vote_in_vehicles(
        self,
        plates: list[Plate],
        vehicles: Sequence[Vehicle],
        tracked: Sequence[Tracked | None],
        repeated: bool,
    ) -> None:
        for vehicle, track in zip(vehicles, tracked, strict=True):
            if track is not None and vehicle.plate_indices:
                surest = max(vehicle.plate_indices, key=lambda index: plates[index].confidence)
                plates[surest] = self._voted(
                    self._vehicles, track, plates[surest], repeated, vehicle_label=track.label
                )

    def _vote_loose(self, plates: list[Plate], repeated: bool) -> None:
        loose = [index for index, plate in enumerate(plates) if plate.vehicle_index is None]
        found = [Detection(PLATE, plates[i].confidence, plates[i].box) for i in loose]
        tracked = self._loose_plates.update(found, self._time, repeated=repeated)
        for index, track in zip(loose, tracked, strict=True):
            if track is not None:
                plates[index] = self._voted(self._loose_plates, track, plates[index], repeated)

    def _voted(
        self,
        tracker: Tracker,
        track: Tracked,
        plate: Plate,
        repeated: bool,
        vehicle_label: str = "",
    ) -> Plate:
        vote = self._votes.setdefault((tracker, track.track_id), PlateVote())
        return vote.see(
            plate, resumed=track.resumed, repeated=repeated, vehicle_label=vehicle_label
        )


def _shows_the_same(one: Recognition, other: Recognition) -> bool:
    return one.vehicles == other.vehicles and one.plates == other.plates


def _with_track(vehicle: Vehicle, track: Tracked | None) -> Vehicle:
    if track is None:
        return dataclasses.replace(vehicle, track_id=None)
    return dataclasses.replace(vehicle, track_id=track.track_id, label=track.label)
