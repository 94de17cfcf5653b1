"""What a plate says over several frames: a vote that one bad frame does not sway."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict

from lipiyana.ocr.registrations import categorize
from lipiyana.scene.category_conflict import conflicts
from lipiyana.types import Plate, Registration

_SURE = 0.9  # a character that is surer than this was not misread
_MOST_EDITS = 2
_EDIT_OF_SURE = _MOST_EDITS + 1
_TIMES = 3
_ESTABLISHED = 5
"""Readings of one registration after which its track is known by it."""
_A_MISREADING = 3  # edits from an established registration, however surely they were read


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

    def __init__(self) -> None:
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
            if leader is None or _is_near(reading, leader) or _is_near(leader, reading):
                self._rivals.clear()
                self._count(reading)
            else:
                self._rivals[reading.canonical].append(reading)
                if self._overtakes(reading, leader, resumed=resumed):
                    self._restart(self._rivals[reading.canonical])
            leader = self._leader()
        if leader is None or leader.canonical == reading.canonical:
            return plate
        if not (may_be(plate, leader) or self._is_misread(reading, leader, resumed=resumed)):
            return plate
        return dataclasses.replace(
            plate,
            registration=_with_alternative(leader, reading),
            category_conflict=categorize(leader, plate.colour).conflict
            or conflicts(leader.category, vehicle_label, leader.country),
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
        return self._times[leader.canonical] >= _ESTABLISHED

    def _is_misread(self, reading: Registration, leader: Registration, *, resumed: bool) -> bool:
        """Whether an established registration is shown in place of a reading."""
        if not reading.canonical or not self._is_established(leader):
            return False
        doubtful = not reading.valid and not resumed
        return doubtful or _plain_edits(reading, leader) <= _A_MISREADING

    def _overtakes(self, reading: Registration, leader: Registration, *, resumed: bool) -> bool:
        seen = self._rivals[reading.canonical]
        heavier = sum(map(_sureness, seen)) > self._sums[leader.canonical]
        if self._is_established(leader) and _plain_edits(reading, leader) <= _A_MISREADING:
            return heavier
        return resumed or len(seen) >= _TIMES or (len(seen) > 1 and heavier)

    def _restart(self, readings: list[Registration]) -> None:
        self._sums.clear()
        self._times.clear()
        self._best.clear()
        for reading in readings:
            self._count(reading)
        self._rivals.clear()


def may_be(plate: Plate, other: Registration) -> bool:
    """Say whether a plate's reading may be a misreading of another registration."""
    if plate.registration.valid:
        return _is_near(plate.registration, other)
    if other.canonical in plate.registration.alternatives:
        return True
    letters = "".join(c for c in plate.text.upper() if c.isalnum())
    return _edits(letters, (), other.canonical) <= _MOST_EDITS


def _is_near(reading: Registration, other: Registration) -> bool:
    if other.canonical in (reading.canonical, *reading.alternatives):
        return True
    edits = _edits(reading.canonical, reading.character_confidences, other.canonical)
    return reading.country == other.country and edits <= _MOST_EDITS


def _plain_edits(reading: Registration, other: Registration) -> int:
    return _edits(reading.canonical, (), other.canonical)


def _edits(text: str, confidences: tuple[float, ...], other: str) -> int:
    """Levenshtein distance, in which a character that is surely read is not to be changed.

    Characters without a confidence are unsure.
    """
    unsure = (0.0,) * (len(text) - len(confidences))
    above = list(range(len(other) + 1))
    for character, confidence in zip(text, (*confidences, *unsure), strict=True):
        cost = _EDIT_OF_SURE if confidence > _SURE else 1
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
