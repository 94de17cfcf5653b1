"""Statistics of two histograms: PSI, Kolmogorov-Smirnov, chi-squared, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

_SERIES = 100
_EXPECTED = 5.0
_SHARES = 10


def psi(reference: Sequence[float], window: Sequence[float]) -> float:
    """The population stability index of two histograms, less what chance is expected to add.

    It is the sum over bins of (q - p) ln(q / p). For two samples of one distribution in B bins its
    mean is near (B - 1) (1/n + 1/m) (Yurdakul, "Statistical properties of PSI", 2018). Half a
    picture is added to each bin, so that an empty one is not infinitely unlikely.
    """
    n, m = sum(window), sum(reference)
    bins = len(reference)
    if min(n, m) <= 0 or bins < 2:
        return 0.0
    total = 0.0
    for before, now in zip(reference, window, strict=True):
        p, q = (before + 0.5) / (m + bins / 2), (now + 0.5) / (n + bins / 2)
        total += (q - p) * math.log(q / p)
    return max(0.0, total - (bins - 1) * (1 / n + 1 / m))


def kolmogorov_smirnov(reference: Sequence[float], window: Sequence[float]) -> tuple[float, float]:
    """The greatest difference of two cumulative shares, and its p value.

    The p value is Kolmogorov's limit with Stephens's correction for small samples (1970). Values in
    bins make it too large, never too small.
    """
    n, m = sum(window), sum(reference)
    if min(n, m) <= 0:
        return 0.0, 1.0
    distance = before = now = 0.0
    for one, other in zip(reference, window, strict=True):
        before, now = before + one / m, now + other / n
        distance = max(distance, abs(before - now))
    root = math.sqrt(n * m / (n + m))
    return distance, _kolmogorov((root + 0.12 + 0.11 / root) * distance)


def chi_squared(reference: Sequence[float], window: Sequence[float]) -> tuple[float, float]:
    """Half the sum of the differences of shares, and the p value of Pearson's test.

    Cells of which fewer than five are expected in the smaller sample are taken together.
    """
    n, m = sum(window), sum(reference)
    if min(n, m) <= 0:
        return 0.0, 1.0
    pairs = list(zip(reference, window, strict=True))
    distance = sum(abs(a / m - b / n) for a, b in pairs) / 2
    share = min(n, m) / (n + m)
    large = [pair for pair in pairs if sum(pair) * share >= _EXPECTED]
    rest = [pair for pair in pairs if sum(pair) * share < _EXPECTED]
    if rest:
        large.append((sum(a for a, _ in rest), sum(b for _, b in rest)))
    cells = [pair for pair in large if sum(pair) > 0]
    value = 0.0
    for a, b in cells:
        both = a + b
        value += (a - both * m / (n + m)) ** 2 / (both * m / (n + m))
        value += (b - both * n / (n + m)) ** 2 / (both * n / (n + m))
    return distance, chi_squared_tail(value, len(cells) - 1)


def chi_squared_tail(value: float, degrees: int) -> float:
    """The probability of a chi-squared of at least `value` (Abramowitz and Stegun, 26.4.4-5)."""
    if degrees < 1 or value <= 0:
        return 1.0
    half = value / 2
    if degrees % 2 == 0:
        term = total = math.exp(-half)
        for i in range(1, degrees // 2):
            term *= half / i
            total += term
        return min(1.0, total)
    root = math.sqrt(value)
    total, term = math.erfc(root / math.sqrt(2)), math.sqrt(2 / math.pi) * math.exp(-half) / root
    for i in range(1, degrees, 2):
        term *= value / i
        total += term
    return min(1.0, total)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p values for their number (Holm, 1979)."""
    corrected: dict[str, float] = {}
    largest = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for index, (name, p) in enumerate(ordered):
        largest = max(largest, min(1.0, p * (len(ordered) - index)))
        corrected[name] = largest
    return corrected


def coarse_bins(
    reference: Sequence[float], window: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Join neighbouring bins until each has a tenth of both samples' mean share, for the PSI."""
    n, m = sum(window) or 1.0, sum(reference) or 1.0
    joined: list[tuple[float, float]] = []
    before = now = 0.0
    for a, b in zip(reference, window, strict=True):
        before, now = before + a, now + b
        if (before / m + now / n) / 2 >= 1 / _SHARES:
            joined.append((before, now))
            before = now = 0.0
    if joined and before + now > 0:
        joined[-1] = (joined[-1][0] + before, joined[-1][1] + now)
    return [a for a, _ in joined], [b for _, b in joined]


def _kolmogorov(value: float) -> float:
    if value < 0.2:  # the series does not converge there, and the probability is 1 to ten digits
        return 1.0
    total = 0.0
    for k in range(1, _SERIES):
        total -= math.cos(math.pi * k) * math.exp(-2 * (k * value) ** 2)
    return min(1.0, max(0.0, 2 * total))
