"""Vehicles and plates of a stream, followed from frame to frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lipiyana.errors import LipiyanaError
from lipiyana.stream.plate_votes import PlateVote
from lipiyana.types import Layout, Plate, Recognition, Vehicle
from lipiyana.vehicles.detection.detector import PLATE, Detection
from lipiyana.vehicles.tracking.tracker import Tracked, Tracker


class StreamTracks:
    """Gives the vehicles of one stream their `track_id` and label, and its plates their vote.

    Belongs to one stream and one thread. Ids begin at 1 and are not used again.
    """

    def __init__(self, layout: Layout = Layout.SCENE) -> None:
        """Follow what `layout` shows: crops of lines and plates have nothing to follow."""
        self._layout = layout
        self._time = 0
        self._vehicles, self._plates = Tracker(), Tracker()
        self._votes: dict[int, PlateVote] = {}
        self._votes_of_plates: dict[int, PlateVote] = {}
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
            enough to be followed, and registrations as `PlateVote` has them. A vehicle's surest
            plate votes for it. A plate that belongs to no vehicle is followed by itself; where its
            vehicle was not found in this frame alone, it keeps the vehicle's vote. What is equal to
            the last bit to what came before was read in the same pixels, or taken over from them,
            and votes only once.
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
        plates = self._voted(outcome, tracked, repeated)
        for votes, tracker in (
            (self._votes, self._vehicles),
            (self._votes_of_plates, self._plates),
        ):
            for number in votes.keys() - tracker.known:
                del votes[number]
        return dataclasses.replace(
            outcome,
            vehicles=tuple(map(_with_track, outcome.vehicles, tracked)),
            plates=plates,
        )

    def _voted(
        self, outcome: Recognition, vehicles: Sequence[Tracked | None], repeated: bool
    ) -> tuple[Plate, ...]:
        """Let plates vote, those of vehicles first; each vote hears one plate a frame."""
        plates = list(outcome.plates)
        followed = self._plates.update(
            [Detection(PLATE, plate.confidence, plate.box) for plate in plates],
            self._time,
            repeated=repeated,
        )
        heard: set[int] = set()
        for vehicle, track in zip(outcome.vehicles, vehicles, strict=True):
            if track is None or not vehicle.plate_indices:
                continue
            surest = max(vehicle.plate_indices, key=lambda index: plates[index].confidence)
            one = followed[surest]
            vote = self._votes.get(track.track_id)
            if vote is None:
                # its plate may have been seen before it was
                before = self._votes_of_plates.get(one.track_id) if one else None
                taken = before is None or before in self._votes.values()
                vote = PlateVote() if before is None or taken else before
                self._votes[track.track_id] = vote
            if one is not None:
                self._votes_of_plates[one.track_id] = vote
            heard.add(id(vote))
            plates[surest] = vote.see(
                plates[surest],
                resumed=track.resumed,
                repeated=repeated,
                vehicle_label=track.label,
            )
        for index, one in enumerate(followed):
            if one is None or plates[index].vehicle_index is not None:
                continue
            vote = self._votes_of_plates.setdefault(one.track_id, PlateVote())
            if id(vote) not in heard:
                heard.add(id(vote))
                plates[index] = vote.see(plates[index], resumed=one.resumed, repeated=repeated)
        return tuple(plates)


def _shows_the_same(one: Recognition, other: Recognition) -> bool:
    return one.vehicles == other.vehicles and one.plates == other.plates


def _with_track(vehicle: Vehicle, track: Tracked | None) -> Vehicle:
    if track is None:
        return dataclasses.replace(vehicle, track_id=None)
    return dataclasses.replace(vehicle, track_id=track.track_id, label=track.label)
