"""Tuned constants of reading lines.

Where no figure stands beside a value, none was recorded: measure with `benchmarks/reader` before
and after you change it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """How lines are batched, and cut where they are long."""

    max_batch: int = 8
    """Lines of one batch."""
    max_batch_width: int = 2560
    """Pixels of all lines of a batch together: eight lines of 2560 take 940 MiB in the network, one
    takes 120, and 0.6 of the time a line.
    """
    longest_line: float = 8.0
    """A line wider than this many of its heights is cut between words."""
    no_line_aspect: float = 200.0
    """A crop wider than this times its height is no line of text, and is not cut into pieces."""
    gap_ink: float = 0.06
    """Share of ink in a column up to which it is empty: less is noise."""
    gap_margin: float = 0.1
    """Of the height: rows at the top and bottom that may show other lines are left out."""
    min_gap: float = 0.2
    """Of the height: narrower gaps do not separate words."""
    letter_gaps: float = 0.5
    """Gaps a height above which not all of them are between words."""
    clearly_wider: float = 1.6
    """Then gaps between words are wider than the usual one by this factor."""
    min_piece: float = 1.0
    """Heights: a piece is no narrower."""


RECOGNITION = RecognitionSettings()
"""What the package uses."""
