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
    vertical_ratio: float = 2.0
    """A crop taller than this many widths is text that runs downwards: it is turned. PP-OCR's 1.5
    would turn short words of one letter with signs above it, such as है and के.
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

    # which way up lines are, see `legibility` and `scene.direction`; chosen on 125 photos of signs
    # of the training and selection parts and the 16 scenes of `samples/`, each in four directions

    upright: float = 0.85
    """Mean confidence of the characters from which lines are the right way up. Upside down, lines
    that came out in another script than Latin reached 0.80, of single words one in fifty this.
    """
    upright_latin: float = 0.985
    """Likewise where most letters are Latin: single words upside down reached 0.965."""
    turned_margin: float = 0.1
    """By how much the confidence must be higher the other way up."""
    turned_doubt: float = 0.7
    """Or what share of the doubt must be gone."""
    turned_min_confidence: float = 0.6
    """Confidence that lines must have the other way up at least."""
    turned_min_characters: int = 2
    """Characters that must be read the other way up at least."""
    level_below: float = 0.93
    """Confidence of a single line below which it is made level, if it is tilted."""
    min_tilt: float = 5.0
    """Degrees; a single line that is tilted less is not made level. Of 150 level crops of words 34
    seem to be tilted so much, by slanted or painted letters.
    """


RECOGNITION = RecognitionSettings()
"""What the package uses."""


@dataclass(frozen=True, slots=True)
class TiltSettings:
    """How the tilt of a single line is measured."""

    most_degrees: float = 32.0
    """Text that is tilted further is another line's, or stands upright."""
    coarse_degrees: float = 4.0
    """Between the slopes that are tried first."""
    fine_degrees: float = 1.0
    """Between those around the best of them."""
    pixels: int = 64 * 256
    """Of the copy in which ink is looked for."""
    edge_share: float = 0.12
    """Share of the pixels that lie on an edge, at most."""
    fewest_points: int = 16
    """Points on the edges of anything that is a letter."""
    bins: int = 40
    """Rows of the histogram by which the main row is found."""
    empty_share: float = 0.06
    """Of the fullest row: a row with less has no ink."""
    mark_gap: float = 0.08
    """Of the ink's height: marks that are nearer belong to their line."""
    cut_share: float = 0.01
    """Of the points: those furthest out are noise."""
    margin: float = 0.12
    """Of the line's height: room around the line."""


TILT = TiltSettings()
"""As used by `single_line`."""
