"""Compares two sketches, signal by signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lipiyana.drift.counting.signals import SIGNALS
from lipiyana.drift.counting.sketch import Sketch
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.statistics import chi_squared, coarse_bins, holm, kolmogorov_smirnov, psi

NOTHING_USUAL: Mapping[str, float] = MappingProxyType({})
_RARE = 0.02  # labels with less of both samples are one


@dataclass(frozen=True, slots=True)
class Difference:
    """How one signal differs.

    Attributes:
        signal: its name, or that of its family.
        part: its own name.
        before: pictures of the reference that have it.
        now: pictures of the window that have it.
        psi: see `statistics.psi`.
        distance: the greatest difference of cumulative shares, or, of labels, half the sum of the
            differences of their shares.
        p: the p value of that, corrected for the number of signals.
        drifted: whether the difference is sure and large.
        shares_before: shares of the bins or labels of `names`.
        shares_now: the same of the window.
        names: of bins (their lower bounds) or labels.
    """

    signal: str
    before: float
    now: float
    psi: float
    distance: float
    p: float
    drifted: bool
    shares_before: tuple[float, ...]
    shares_now: tuple[float, ...]
    names: tuple[str, ...]
    part: str


def compare(
    reference: Sketch,
    window: Sketch,
    *,
    p: float = DRIFT.p,
    least_psi: float = DRIFT.psi,
    usual: Mapping[str, float] = NOTHING_USUAL,
    names: Iterable[str] = SIGNALS,
    reference_pictures: float | None = None,
) -> tuple[Difference, ...]:
    """Compare the signals that enough pictures of both have, the largest PSI first.

    Of a family the surest difference counts, and its p value is corrected for the family's size
    first, so that 32 numbers of one kind weigh as one signal.

    Args:
        reference: the counts before.
        window: the counts now.
        p: greatest corrected p value of a difference that is sure.
        least_psi: least PSI of a difference that is large.
        usual: PSI by signal that was seen where nothing had changed; drift must exceed it by
            `DRIFT.margin`.
        names: the signals.
        reference_pictures: how many pictures the reference counts for, if its counts were weighted.
    """
    scale = 1.0
    if reference_pictures is not None and reference.pictures:
        scale = min(1.0, reference_pictures / reference.pictures)
    raw: dict[str, _Raw] = {}
    for name in names:
        before, now = reference.counts(name), window.counts(name)
        total = scale * sum(before.values())
        if min(total, sum(now.values())) >= DRIFT.least_pictures:
            keys = sorted({*before, *now}, key=lambda key: (isinstance(key, str), key))
            left = [scale * before.get(key, 0.0) for key in keys]
            right = [now.get(key, 0.0) for key in keys]
            raw[name] = _measure(name, keys, left, right)
    surest = _surest_of_families(raw)
    raw = {name: replace(one, psi=_psi(one)) for name, one in surest.items()}
    corrected = holm({name: one.p for name, one in raw.items()})
    found = []
    for name, one in raw.items():
        large = one.psi >= max(least_psi, DRIFT.margin * usual.get(name, 0.0))
        found.append(one.difference(name, corrected[name], large and corrected[name] <= p))
    return tuple(sorted(found, key=lambda one: (not one.drifted, -one.psi)))


def not_compared(reference: Sketch, window: Sketch) -> tuple[str, ...]:
    """Name the signals, or families, that enough pictures of one side have, and of the other not.

    A profile of another model of readers may lack some.
    """
    return tuple(
        dict.fromkeys(
            signal.family or name
            for name, signal in SIGNALS.items()
            if (reference.weight(name) >= DRIFT.least_pictures)
            != (window.weight(name) >= DRIFT.least_pictures)
        )
    )


def _surest_of_families(raw: Mapping[str, _Raw]) -> dict[str, _Raw]:
    """One of each family, under its name; the others as they are."""
    families: dict[str, list[_Raw]] = {}
    for name, one in raw.items():
        families.setdefault(SIGNALS[name].family or name, []).append(one)
    found = {}
    for family, members in families.items():
        surest = min(members, key=lambda one: (one.p, -one.distance))
        found[family] = replace(surest, p=min(1.0, surest.p * len(members)))
    return found


@dataclass(frozen=True, slots=True)
class _Raw:
    name: str
    keys: list[int | str]
    before: list[float]
    now: list[float]
    distance: float
    p: float
    psi: float = 0.0

    def difference(self, name: str, corrected: float, drifted: bool) -> Difference:
        n, m = sum(self.now), sum(self.before)
        return Difference(
            signal=name,
            before=m,
            now=n,
            psi=self.psi,
            distance=self.distance,
            p=corrected,
            drifted=drifted,
            shares_before=tuple(value / m for value in self.before),
            shares_now=tuple(value / n for value in self.now),
            names=tuple(_shown(self.name, key) for key in self.keys),
            part=self.name,
        )


def _measure(name: str, keys: list[int | str], before: list[float], now: list[float]) -> _Raw:
    test = kolmogorov_smirnov if SIGNALS[name].bins else chi_squared
    distance, p = test(before, now)
    return _Raw(name, keys, before, now, distance, p)


def _psi(one: _Raw) -> float:
    joined = coarse_bins if SIGNALS[one.name].bins else _without_rare
    return psi(*joined(one.before, one.now))


def _without_rare(before: list[float], now: list[float]) -> tuple[list[float], list[float]]:
    n, m = sum(now), sum(before)
    pairs = list(zip(before, now, strict=True))
    usual = [(a, b) for a, b in pairs if (a / m + b / n) / 2 >= _RARE]
    rest = [(a, b) for a, b in pairs if (a / m + b / n) / 2 < _RARE]
    if rest:
        usual.append((sum(a for a, _ in rest), sum(b for _, b in rest)))
    return [a for a, _ in usual], [b for _, b in usual]


def _shown(name: str, key: int | str) -> str:
    if isinstance(key, str):
        return key
    edges = SIGNALS[name].edges
    return "below" if key == 0 else f"{edges[key - 1]:.3g}"
