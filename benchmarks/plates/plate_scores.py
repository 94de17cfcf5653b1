"""Scores of plate readers: exact readings, character error rate, false registrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from plate_negatives import Negative
from plate_sets import COUNTRIES, Labelled, squeeze
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class PlateScore:
    """Scores of one reader on the plates of one set with the same number of rows.

    Attributes:
        country: country of the plates.
        exact: share of the labels that equal one of the readings.
        cer: character error rate: edits per character of the labels; the reading nearest to the
            label counts.
        milliseconds: time per picture.
    """

    name: str
    country: str
    rows: int
    reader: str
    plates: int
    exact: float
    cer: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class FalseValid:
    """Number of negative pictures of one kind that gave a valid registration."""

    group: str
    kind: str
    pictures: int
    made_up: int

    @property
    def rate(self) -> float:
        """Share of the pictures."""
        return self.made_up / max(1, self.pictures)


def scored(
    name: str,
    reader: str,
    readings: Sequence[tuple[Labelled, Sequence[str]]],
    milliseconds: float,
) -> list[PlateScore]:
    """Score one reader on one set, by the number of rows."""
    scores = []
    for rows in sorted({picture.rows for picture, _ in readings}):
        pairs = [
            (label, [squeeze(text) for text in texts])
            for picture, texts in readings
            if picture.rows == rows
            for label in picture.labels
        ]
        edits = sum(
            min((Levenshtein.distance(text, label) for text in texts), default=len(label))
            for label, texts in pairs
        )
        exact = sum(label in texts for label, texts in pairs) / len(pairs)
        cer = edits / sum(len(label) for label, _ in pairs)
        scores.append(
            PlateScore(name, COUNTRIES[name], rows, reader, len(pairs), exact, cer, milliseconds)
        )
    return scores


def false_valid(
    group: str, negatives: Iterable[Negative], read: Callable[[Negative], list[str]]
) -> list[FalseValid]:
    """Count the pictures for which `read` returns a valid registration other than the truth.

    Returns:
        One count per kind, then the total.
    """
    outcomes: dict[str, list[bool]] = {}
    for negative in negatives:
        wrong = any(text != negative.truth for text in read(negative))
        outcomes.setdefault(negative.kind, []).append(wrong)
    counts = [FalseValid(group, kind, len(o), sum(o)) for kind, o in outcomes.items()]
    pictures, made_up = (
        sum(getattr(c, field) for c in counts) for field in ("pictures", "made_up")
    )
    return [*counts, FalseValid(group, "in all", pictures, made_up)]
