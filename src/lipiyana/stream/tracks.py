"""Vehicles and plates of a stream, followed from frame to frame.

What a plate says is voted on by all frames of its track, so that one bad frame does not change it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence

from lipiyana.errors import LipiyanaError
from lipiyana.scene.category_conflict import has_category_conflict
from lipiyana.stream.settings import VOTES, VoteSettings
from lipiyana.types import Layout, Plate, Recognition, Registration, Vehicle
from lipiyana.vehicles.detection.detector import PLATE, Detection
from lipiyana.vehicles.tracking.tracker import Tracked, Tracker


class PlateVote:
    """The readings of one vehicle's plate, frame by frame.

    - A reading that is a registration counts with the confidence of its least sure character. One
      that is told again without having been read again does not: it is no new evidence.
    - The registration with the greatest sum leads. A frame shows it in place of its own reading
      if that may be a misreading of it: the same country, and two characters at most to change,
      none of them surely read; or a reading that is no registration and as near to it.
    - A reading of which neither may be a misreading of the other is shown as it is and does not
      count. It takes over, and what was before is forgotten, once it has come three times without
      the leader in between, or twice with a greater sum than the leader's; or at once after a gap,
      when the tracker may have met another vehicle.

    - A registration that was read five times is established. What differs from it in three
      characters at most is a misreading of it, however sure the reader is of it: blurred frames
      between clear ones are read wrong, and twice the same way. It takes over only with a greater
      sum than the leader's, gathered without the leader in between. A doubtful registration on
      such a track is shown as the leader.

    So a wrong reading at the beginning is corrected, and no vehicle gets the plate of another
    on the word of the tracker alone.
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
            resumed: whether its vehicle was lost from sight in between.
            repeated: whether this is the reading of the frame before, not one of its own.
            vehicle_label: of the vehicle that it is on, with which its category may not agree.
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
        """Whether an established registration is shown in place of a reading."""
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
    """Say whether a plate's reading may be a misreading of another registration."""
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
    """Levenshtein distance, in which a character that is surely read is not to be changed.

    Characters without a confidence are unsure.
    """
    unsure = (0.0,) * (len(text) - len(confidences))
    above = list(range(len(other) + 1))
    for character, confidence in zip(text, (*confidences, *unsure), strict=True):
        cost = settings.sure_edit_cost if confidence > settings.sure_confidence else 1
        row = [above[0] + cost]
        for index, wanted in enumerate(other):
            kept = above[index] + (0 if character == wanted else cost)
            row.append(min(kept, above[index + 1] + cost, row[index] + 1))
        above = row
    return above[-1]


def _sureness(registration: Registration) -> float:
    return min(registration.character_confidences, default=0.0)


def _with_alternative(leader: Registration, reading: Registration) -> Registration:
    if not reading.valid or reading.canonical in leader.alternatives:
        return leader
    return dataclasses.replace(leader, alternatives=(reading.canonical, *leader.alternatives))


class StreamTracks:
    """Gives the vehicles of one stream their `track_id` and label, and its plates their vote.

    Belongs to one stream and one thread. Ids begin at 1 and are not used again.
    """

    def __init__(self, layout: Layout = Layout.SCENE, settings: VoteSettings = VOTES) -> None:
        """Follow what `layout` shows: crops of lines and plates have nothing to follow."""
        self._layout, self._settings = layout, settings
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
                vote = PlateVote(self._settings) if before is None or taken else before
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
            vote = self._votes_of_plates.setdefault(one.track_id, PlateVote(self._settings))
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
