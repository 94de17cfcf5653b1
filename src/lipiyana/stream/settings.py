"""Tuned constants of voting on plates over the frames of a stream.

Where no figure stands beside a value, none was recorded: `tests/stream/test_plate_votes.py` holds
the cases that they were chosen for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """What `tracks.PlateVote` decides by."""

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
    misreading, however confident: blurred frames between clear ones are misread twice the same way.
    """

    @property
    def sure_edit_cost(self) -> int:
        """Cost of changing a character that was not misread: more than `max_edits` allows."""
        return self.max_edits + 1


VOTES = VoteSettings()
"""What the package uses."""
