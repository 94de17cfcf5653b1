"""Character error rate and exact match, over code points or orthographic clusters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from lipiyana.ocr.scripts.clusters import clusters

Units = Callable[[str], Sequence[str]]


def code_points(text: str) -> Sequence[str]:
    """Return the NFC code points."""
    return unicodedata.normalize("NFC", text)


def cluster_units(text: str) -> Sequence[str]:
    """Return the orthographic clusters of the NFC text."""
    return clusters(unicodedata.normalize("NFC", text))


def edit_distance(truth: str, read: str, units: Units = code_points) -> int:
    """Levenshtein distance, by default over NFC code points."""
    return int(Levenshtein.distance(units(truth), units(read)))


def cer(truth: str, read: str, units: Units = code_points) -> float:
    """Edits divided by the units of the truth; over 1 if far too much was read."""
    return edit_distance(truth, read, units) / max(1, len(units(truth)))


@dataclass(frozen=True, slots=True)
class TextScore:
    """Scores of a set of read lines.

    Attributes:
        cer: edits over code points, divided by all code points of the truth.
        cluster_error_rate: the same over orthographic clusters.
        exact: share of lines without an edit.
        lines: number of lines.
    """

    cer: float
    cluster_error_rate: float
    exact: float
    lines: int


def score_texts(pairs: Iterable[tuple[str, str]]) -> TextScore:
    """Score (truth, read) pairs; in the error rates a line counts by its length.

    Raises:
        ValueError: there are no pairs.
    """
    edits = points = cluster_edits = cluster_count = exact = lines = 0
    for truth, read in pairs:
        distance = edit_distance(truth, read)
        edits += distance
        points += len(code_points(truth))
        cluster_edits += edit_distance(truth, read, cluster_units)
        cluster_count += len(cluster_units(truth))
        exact += distance == 0
        lines += 1
    if not lines:
        raise ValueError("at least one pair is needed to compute a score")
    return TextScore(
        edits / max(1, points), cluster_edits / max(1, cluster_count), exact / lines, lines
    )
