"""Thresholds of drift, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """Thresholds; `benchmarks/drift/injection.py` measured those of windows on a simulated month.

    A signal has drifted if the difference is both sure (`p`) and large (`psi`): with many pictures
    any difference is sure, and with few a large one may be chance.
    """

    least_pictures: int = 30
    """Fewer pictures on either side say nothing."""
    psi: float = 0.2
    """Least population stability index, less what chance adds. Scorecards call 0.1 to 0.25 a
    moderate change, and more a large one."""
    week_psi: float = 0.5
    """The same against the week before, if nothing says how much its days differ."""
    margin: float = 3.0
    """By how much a PSI must exceed the largest that a window of the reference itself had."""
    p: float = 0.01
    """Greatest p value of a comparison by hand, after Holm's correction for all its signals."""
    window_p: float = 0.001
    """The same of a server's windows, which are compared some hundred times a week."""
    window_pictures: int = 150
    """The newest pictures that a window has, rounded up to whole hours."""
    window_hours: int = 24
    """Oldest hour of a window."""
    window_step: int = 25
    """New pictures after which the window is compared again."""
    stream_delta: float = 1e-5
    """`delta` of river's ADWIN for each signal."""
    stream_shift: float = 0.2
    """Least distance of the mean rank of the new pictures from a half. Light changes by the day."""
    stream_hold: int = 250
    """Pictures for which a change that ADWIN found stays flagged."""
    repeats: int = 25
    """Pictures in a row, each equal to one of the 64 before it, after which a camera is frozen."""
    kept_hours: int = 15 * 24
    """Hours of which a server keeps its counts: two weeks make a reference."""
    kept_days: int = 17
    """Days of which the files stay: those that the hours touch, and one that a clock made up."""
    cameras: int = 32
    """Most cameras (keys of callers) that are told apart; the others are counted together."""


DRIFT = DriftSettings()
"""As used in this folder."""
