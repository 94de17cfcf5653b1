"""`Sketch`: the counts of all signals over some pictures. Sketches can be added."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from lipiyana.drift.counting.signals import SIGNALS, Observation, Signal
from lipiyana.errors import InvalidRequest
from lipiyana.words import shown

OTHER = "other"
_MOST_LABELS = 64
_MOST_PICTURES = 1e10
"""Thirty pictures a second for ten years."""
_ROUNDED = 1e-3
"""By how much rounding may raise the counts of a picture: those of 65 labels, written twice."""
_DIGITS = 5


class Sketch:
    """Counts of pictures.

    Attributes:
        pictures: how many were added.
    """

    __slots__ = ("_bins", "_labels", "pictures")

    def __init__(self) -> None:
        """Start without pictures."""
        self.pictures = 0
        self._bins: dict[str, array[float]] = {}
        self._labels: dict[str, dict[str, float]] = {}

    def add(self, observation: Observation) -> None:
        """Add one picture; values that are no finite numbers are left out."""
        self.pictures += 1
        for name, values in observation.items():
            signal = SIGNALS[name]
            if signal.bins:
                self._add_numbers(signal, values)
            else:
                self._add_labels(name, [str(value) for value in values])

    def merge(self, other: Sketch) -> None:
        """Add the counts of another."""
        self.pictures += other.pictures
        for name, counts in other._bins.items():
            mine = np.frombuffer(self._bins.setdefault(name, _zeros(len(counts))))
            mine += np.frombuffer(counts)
        for name, labels in other._labels.items():
            for label, count in labels.items():
                self._add_label(name, label, count)

    def scaled(self, factor: float) -> Sketch:
        """A copy with all counts times a factor; `pictures` is rounded."""
        copy = Sketch()
        copy.pictures = round(self.pictures * factor)
        for name, counts in self._bins.items():
            own = copy._bins[name] = array("d", counts)
            scaled = np.frombuffer(own)
            scaled *= factor
        copy._labels = {
            n: {label: c * factor for label, c in counts.items()}
            for n, counts in self._labels.items()
        }
        return copy

    def weight(self, name: str) -> float:
        """How many pictures have the signal."""
        return sum(self.counts(name).values())

    def counts(self, name: str) -> Mapping[int | str, float]:
        """The counts of a signal by its bins, or by its labels."""
        labels: Mapping[Any, float] = self._labels.get(name, {})
        return dict(enumerate(self._bins[name])) if name in self._bins else dict(labels)

    def rank(self, name: str, value: float) -> float | None:
        """The share of the pictures below a number, and half of those in its bin.

        None if there are none.
        """
        counts = self._bins.get(name)
        total = sum(counts) if counts else 0.0
        if not counts or total <= 0:
            return None
        own = SIGNALS[name].bin_of(value)
        return (sum(counts[:own]) + counts[own] / 2) / total

    def to_json(self) -> dict[str, Any]:
        """Give the counts as plain values, see `from_json`."""
        signals: dict[str, Any] = {}
        for name in SIGNALS:
            if name in self._bins:
                signals[name] = [round(count, _DIGITS) for count in self._bins[name]]
            elif name in self._labels:
                labels = sorted(self._labels[name].items())
                signals[name] = {label: round(count, _DIGITS) for label, count in labels}
        return {"pictures": self.pictures, "signals": signals}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read the counts of `to_json`.

        Raises:
            InvalidRequest: they are not of that form or contradict themselves, or they are of other
                signals or bins.
        """
        sketch = cls()
        table = value if isinstance(value, dict) else {}
        signals = table.get("signals")
        if not isinstance(signals, dict):
            raise _other("it has no table of signals")
        sketch.pictures = _whole(table.get("pictures"))
        for name, counts in signals.items():
            signal = SIGNALS.get(name)
            if signal is None:
                raise _other(f"{shown(name)} is no signal of this version")
            if signal.bins:
                if not isinstance(counts, list) or len(counts) != signal.bins:
                    raise _other(f"{name} is no list of {signal.bins} counts")
                sketch._bins[name] = array("d", [_count(count, name) for count in counts])
            else:
                if not isinstance(counts, dict) or len(counts) > _MOST_LABELS + 1:
                    raise _other(f"{name} is no table of at most {_MOST_LABELS + 1} counts")
                sketch._labels[name] = {str(k): _count(c, name) for k, c in counts.items()}
            if sketch.weight(name) > sketch.pictures * (1 + _ROUNDED):
                raise _other(f"{name} counts more pictures than the {sketch.pictures} that it has")
        if sketch.pictures and not any(map(sketch.weight, signals)):
            raise _other(f"it has {sketch.pictures} pictures, and nothing is counted of them")
        return sketch

    def _add_numbers(self, signal: Signal, values: tuple[float | str, ...]) -> None:
        numbers = [v for v in values if not isinstance(v, str) and math.isfinite(v)]
        if not numbers:
            return
        counts = self._bins.setdefault(signal.name, _zeros(signal.bins))
        for value in numbers:
            counts[signal.bin_of(value)] += 1 / len(numbers)

    def _add_labels(self, name: str, labels: list[str]) -> None:
        for label in labels:
            self._add_label(name, label, 1 / len(labels))

    def _add_label(self, name: str, label: str, count: float) -> None:
        counts = self._labels.setdefault(name, {})
        if label not in counts and len(counts) >= _MOST_LABELS:
            label = OTHER
        counts[label] = counts.get(label, 0.0) + count


def _zeros(bins: int) -> array[float]:
    return array("d", bytes(8 * bins))  # a third of what a list of numbers takes


def _count(value: Any, name: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _MOST_PICTURES:
        raise _other(f"{shown(value)} is no count of {name}")
    return float(value)


def _whole(value: Any) -> int:
    if not _count(value, "pictures").is_integer():
        raise _other(f"{shown(value)} is no number of pictures")
    return int(value)


def _other(why: str) -> InvalidRequest:
    return InvalidRequest(f"{why}; make the profile anew", field="profile", reason="OTHER_PROFILE")
