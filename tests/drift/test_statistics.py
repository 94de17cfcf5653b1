"""PSI, Kolmogorov-Smirnov, chi-squared and Holm against known values and against chance."""

from __future__ import annotations

import numpy as np
import pytest

from lipiyana.drift.statistics import (
    chi_squared,
    chi_squared_tail,
    coarse_bins,
    holm,
    kolmogorov_smirnov,
    psi,
)


@pytest.mark.parametrize(
    ("value", "degrees", "p"),
    # from tables of the distribution
    [(3.841, 1, 0.05), (5.991, 2, 0.05), (7.815, 3, 0.05), (18.307, 10, 0.05), (30.578, 15, 0.01)],
)
def test_the_tail_of_chi_squared_is_that_of_tables(value: float, degrees: int, p: float) -> None:
    assert chi_squared_tail(value, degrees) == pytest.approx(p, rel=2e-3)


def test_the_kolmogorov_limit_is_that_of_tables() -> None:
    # 1.358 / sqrt(ne) is the 5 % bound of large samples
    n = 20_000
    shift = round(1.358 / np.sqrt(n / 2) * n)
    distance, p = kolmogorov_smirnov([n - shift, shift], [n, 0])
    assert distance == pytest.approx(shift / n)
    assert p == pytest.approx(0.05, rel=0.05)


def _histogram(rng: np.random.Generator, n: int, mean: float = 0.0) -> list[float]:
    found, _ = np.histogram(rng.normal(mean, 1, n), np.linspace(-6, 6, 31))
    return [float(count) for count in found]


@pytest.mark.parametrize("n", [30, 60, 200])
def test_chance_alone_is_rarely_sure_and_never_large(n: int) -> None:
    rng = np.random.default_rng(n)
    sure = large = 0
    for _ in range(300):
        before, now = _histogram(rng, 400), _histogram(rng, n)
        sure += kolmogorov_smirnov(before, now)[1] < 0.05
        large += kolmogorov_smirnov(before, now)[1] < 0.01 and psi(*coarse_bins(before, now)) > 0.2
    assert sure <= 0.08 * 300
    assert large <= 0.01 * 300


def test_chance_adds_nothing_to_the_index() -> None:
    rng = np.random.default_rng(5)
    found = [psi(*coarse_bins(_histogram(rng, 400), _histogram(rng, 60))) for _ in range(200)]
    assert np.mean(found) < 0.08


def test_a_shift_of_one_deviation_is_found_in_sixty_pictures() -> None:
    rng = np.random.default_rng(6)
    for _ in range(50):
        before, now = _histogram(rng, 400), _histogram(rng, 60, 1.0)
        assert kolmogorov_smirnov(before, now)[1] < 1e-3
        assert psi(*coarse_bins(before, now)) > 0.3


def test_rare_cells_are_taken_together() -> None:
    # one picture of a label that was never there is not sure
    assert chi_squared([50, 50, 0], [25, 24, 1])[1] > 0.3
    assert chi_squared([50, 50, 0], [25, 5, 20])[1] < 1e-6


def test_empty_histograms_do_not_differ() -> None:
    assert psi([], []) == 0
    assert kolmogorov_smirnov([0, 0], [1, 2]) == (0.0, 1.0)
    assert chi_squared([], []) == (0.0, 1.0)


def test_holm_is_that_of_its_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06}
    )
