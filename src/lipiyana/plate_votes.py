"""What a plate says over several frames: a vote that one bad frame does not sway."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from lipiyana.ocr.registrations.categories import categorize, conflicts
from lipiyana.types import Plate, Registration

_SURE = 0.9  # a character that is surer than this was not misread
_MOST_EDITS = 2
_EDIT_OF_SURE = _MOST_EDITS + 1
_TIMES = 3


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

    So a wrong reading at the beginning is corrected, and no vehicle gets the plate of another
    on the word of the tracker alone.
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
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
                if resumed or self._overtakes(reading, leader):
                    self._restart(self._rivals[reading.canonical])
            leader = self._leader()
        if leader is None or leader.canonical == reading.canonical or not may_be(plate, leader):
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
        best = self._best.get(reading.canonical)
        if best is None or _sureness(reading) > _sureness(best):
            self._best[reading.canonical] = reading

    def _overtakes(self, reading: Registration, leader: Registration) -> bool:
        seen = self._rivals[reading.canonical]
        total = sum(map(_sureness, seen))
        return len(seen) >= _TIMES or (len(seen) > 1 and total > self._sums[leader.canonical])

    def _restart(self, readings: list[Registration]) -> None:
        self._sums.clear()
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
