"""Vehicles and plates of a stream, followed from frame to frame.

What a plate says is voted on by all frames of its track, so that one bad frame does not change it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.errors import LipiyanaError
from lipiyana.scene.vehicle_plates import has_category_conflict
from lipiyana.types import Layout, Plate, Recognition, Registration, Vehicle
from lipiyana.vehicles.detection.detector import PLATE, Detection
from lipiyana.vehicles.tracking.tracker import Tracked, Tracker


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """What `PlateVote` decides by.

    Where no figure stands beside a value, none was recorded: `tests/stream/test_plate_votes.py`
    holds the cases that they were chosen for.
    """

    sure_confidence: float = 0.9
    """A character read with more confidence was not misread."""
    max_edits: int = 2
    """Characters in which a misreading may differ from the registration."""
    takeover_readings: int = 3
    """Readings of another registration, without the leader in between, after which it leads."""
    established_readings: int = 5
    """Readings of one registration after which its track is known by it."""
    established_edits: int = 3
    """Characters in which a reading may differ from an established registration and still be a
    misreading, however confident: see `PlateVote`.
    """

    @property
    def sure_edit_cost(self) -> int:
        """Cost of changing a character that was not misread: more than `max_edits` allows."""
        return self.max_edits + 1


VOTES = VoteSettings()
"""What the package uses."""


class PlateVote:
    """The vote of all frames on what one vehicle's plate says.

    - A valid registration counts with the confidence of its least confident character. The reading
      of a repeated frame does not count again.
    - The registration with the greatest sum leads. A frame shows the leader in place of its own
      reading if that may be a misreading of the leader: it is of the same country and differs in
      `max_edits` characters at most, none of them read with more than `sure_confidence`; or it is
      no registration and differs in as few.
    - Another registration, which is no misreading of the leader, is shown as it is and does not
      count. It becomes the leader, and earlier readings are forgotten, once it was read
      `takeover_readings` times without the leader in between, or twice with a greater sum than the
      leader's; or at once after a gap, when the tracker may have met another vehicle.
    - A registration that was read `established_readings` times is established. A reading that
      differs from it in `established_edits` characters at most is a misreading, however confident:
      blurred frames between clear ones are often misread in the same way twice. Such a reading
      becomes the leader only with a greater sum than the leader's, without the leader in between.
      A doubtful registration on an established track is shown as the leader.

    So a wrong first reading is corrected, and no vehicle gets another one's plate only because the
    tracker confused them.
    """

    def __init__(self, settings: VoteSettings = VOTES) -> None:
        self._settings = settings
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._times: Counter[str] = Counter()
        self._best: dict[str, Registration] = {}
        self._rivals: defaultdict[str, list[Registration]] = defaultdict(list)

    def see(
        self,
        plate: Plate,
        *,
        resumed: bool = False,
        repeated: bool = False,
        vehicle_label: str = "",
    ) -> Plate:
        """Count a plate's reading, and give the plate with what the vote says.

        Args:
            plate: as one frame shows it.
            resumed: whether its vehicle was out of sight in between.
            repeated: whether the frame repeats the one before and was not read again.
            vehicle_label: class of its vehicle, which may conflict with its category.
        """
        reading = plate.registration
        leader = self._leader()
        if reading.valid and not (repeated and self._sums):
            if (
                leader is None
                or _is_near(reading, leader, self._settings)
                or _is_near(leader, reading, self._settings)
            ):
                self._rivals.clear()
                self._count(reading)
            else:
                self._rivals[reading.canonical].append(reading)
                if self._overtakes(reading, leader, resumed=resumed):
                    self._restart(self._rivals[reading.canonical])
            leader = self._leader()
        if leader is None or leader.canonical == reading.canonical:
            return plate
        if not (
            may_be(plate, leader, settings=self._settings)
            or self._is_misread(reading, leader, resumed=resumed)
        ):
            return plate
        return dataclasses.replace(
            plate,
            registration=_with_alternative(leader, reading),
            category_conflict=has_category_conflict(leader, plate.colour, vehicle_label),
        )

    def _leader(self) -> Registration | None:
        if not self._sums:
            return None
        return self._best[max(self._sums, key=lambda canonical: self._sums[canonical])]

    def _count(self, reading: Registration) -> None:
        self._sums[reading.canonical] += _sureness(reading)
        self._times[reading.canonical] += 1
        best = self._best.get(reading.canonical)
        if best is None or _sureness(reading) > _sureness(best):
            self._best[reading.canonical] = reading

    def _is_established(self, leader: Registration) -> bool:
        return self._times[leader.canonical] >= self._settings.established_readings

    def _is_misread(self, reading: Registration, leader: Registration, *, resumed: bool) -> bool:
        """Whether an established registration replaces a reading."""
        if not reading.canonical or not self._is_established(leader):
            return False
        doubtful = not reading.valid and not resumed
        return (
            doubtful
            or _plain_edits(reading, leader, self._settings) <= self._settings.established_edits
        )

    def _overtakes(self, reading: Registration, leader: Registration, *, resumed: bool) -> bool:
        seen = self._rivals[reading.canonical]
        heavier = sum(map(_sureness, seen)) > self._sums[leader.canonical]
        if (
            self._is_established(leader)
            and _plain_edits(reading, leader, self._settings) <= self._settings.established_edits
        ):
            return heavier
        return (
            resumed or len(seen) >= self._settings.takeover_readings or (len(seen) > 1 and heavier)
        )

    def _restart(self, readings: list[Registration]) -> None:
        self._sums.clear()
        self._times.clear()
        self._best.clear()
        for reading in readings:
            self._count(reading)
        self._rivals.clear()


def may_be(plate: Plate, other: Registration, *, settings: VoteSettings = VOTES) -> bool:
    """Whether a plate's reading may be a misreading of another registration."""
    if plate.registration.valid:
        return _is_near(plate.registration, other, settings)
    if other.canonical in plate.registration.alternatives:
        return True
    letters = "".join(c for c in plate.text.upper() if c.isalnum())
    return _edits(letters, (), other.canonical, settings) <= settings.max_edits


def _is_near(reading: Registration, other: Registration, settings: VoteSettings) -> bool:
    if other.canonical in (reading.canonical, *reading.alternatives):
        return True
    edits = _edits(reading.canonical, reading.character_confidences, other.canonical, settings)
    return reading.country == other.country and edits <= settings.max_edits


def _plain_edits(reading: Registration, other: Registration, settings: VoteSettings) -> int:
    return _edits(reading.canonical, (), other.canonical, settings)


def _edits(text: str, confidences: tuple[float, ...], other: str, settings: VoteSettings) -> int:
    """Levenshtein distance in which confident characters cost too much to be changed.

    Characters without a confidence are not confident.
    """
    unsure = (0.0,) * (len(text) - len(confidences))
    above = list(range(len(other) + 1))
    for character, confidence in zip(text, (*confidences, *unsure), strict=True):
        cost = settings.sure_edit_cost if confidence > settings.sure_confidence else 1
        row = [above[0] + cost]
        for index, wanted in enumerate(other):
            same = above[index] + (0 if character == wanted else cost)
            row.append(min(same, above[index + 1] + cost, row[index] + 1))
        above = row
    return above[-1]


def _sureness(registration: Registration) -> float:
    return min(registration.character_confidences, default=0.0)


def _with_alternative(leader: Registration, reading: Registration) -> Registration:
    if not reading.valid or reading.canonical in leader.alternatives:
        return leader
    return dataclasses.replace(leader, alternatives=(reading.canonical, *leader.alternatives))


class StreamTracks:
    """Sets the `track_id` and label of the vehicles of one stream, and votes on its plates.

    Belongs to one stream and one thread. Ids begin at 1 and are never used twice.
    """

    def __init__(self, layout: Layout = Layout.SCENE, settings: VoteSettings = VOTES) -> None:
        """Track what `layout` shows: crops of lines and plates have nothing to track."""
        self._layout, self._settings = layout, settings
        self._time = 0
        self._vehicles, self._plates = Tracker(), Tracker()
        self._votes: dict[int, PlateVote] = {}
        self._votes_of_plates: dict[int, PlateVote] = {}
        self._last: Recognition | None = None
        self._plate_tracks: tuple[int | None, ...] = ()

    @property
    def known_vehicles(self) -> frozenset[int]:
        """Ids of vehicles that may be seen again; the tracks of all others have ended."""
        return self._vehicles.known

    @property
    def known_plates(self) -> frozenset[int]:
        """Ids of plates that may be seen again."""
        return self._plates.known

    @property
    def plate_tracks(self) -> tuple[int | None, ...]:
        """Ids of the plates of the last result, in its order; None for one that is not tracked.

        They have nothing to do with the ids of vehicles.
        """
        return self._plate_tracks

    def update(
        self, outcome: Recognition | LipiyanaError, dropped: int = 0
    ) -> Recognition | LipiyanaError:
        """Follow into the next frame.

        Args:
            outcome: the result of this frame alone, or the error.
            dropped: number of frames since the one before that were never read.

        Returns:
            The same, with the `track_id` and label of its track for each vehicle that is tracked,
            and with the registrations of `PlateVote`. The most confident plate of a vehicle votes
            for it. A plate without a vehicle is tracked by itself; if only this frame misses its
            vehicle, it shares the vehicle's vote. A result identical to the previous frame's is a
            repeat and votes once.
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
        """Let plates vote, those of vehicles first; each vote counts one plate a frame."""
        plates = list(outcome.plates)
        followed = self._plates.update(
            [Detection(PLATE, plate.confidence, plate.box) for plate in plates],
            self._time,
            repeated=repeated,
        )
        self._plate_tracks = tuple(one.track_id if one else None for one in followed)
        counted: set[int] = set()
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
                vote = PlateVote(self._settings) if before is None or taken else before
                self._votes[track.track_id] = vote
            if one is not None:
                self._votes_of_plates[one.track_id] = vote
            counted.add(id(vote))
            plates[surest] = vote.see(
                plates[surest],
                resumed=track.resumed,
                repeated=repeated,
                vehicle_label=track.label,
            )
        for index, one in enumerate(followed):
            if one is None or plates[index].vehicle_index is not None:
                continue
            vote = self._votes_of_plates.setdefault(one.track_id, PlateVote(self._settings))
            if id(vote) not in counted:
                counted.add(id(vote))
                plates[index] = vote.see(plates[index], resumed=one.resumed, repeated=repeated)
        return tuple(plates)


def _shows_the_same(one: Recognition, other: Recognition) -> bool:
    return one.vehicles == other.vehicles and one.plates == other.plates


def _with_track(vehicle: Vehicle, track: Tracked | None) -> Vehicle:
    if track is None:
        return dataclasses.replace(vehicle, track_id=None)
    return dataclasses.replace(vehicle, track_id=track.track_id, label=track.label)
