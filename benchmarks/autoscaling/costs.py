"""What a day costs; part of autoscaler.py.

List prices in dollars of two virtual CPUs with 4 GiB for an hour, in the middle of 2025: a machine
of the kind c6i.large or c7i.large of AWS in its cheapest region, rounded. Spot prices change by the
hour.
"""

from __future__ import annotations

from dataclasses import dataclass

ON_DEMAND = 0.085
RESERVED = 0.054
"""For a year, paid monthly."""
SPOT = 0.034


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars."""

    day: float
    million: float


def price_of(
    hours: dict[str, float], committed: int, days: int, pictures: int, scale: float = 1.0
) -> Price:
    """Price pods of two CPUs.

    Args:
        hours: paid hours of each group.
        committed: pods that are reserved for a year, used or not; more of this group are on demand.
        days: number of days that the hours are of.
        pictures: answered in them.
        scale: size of a pod, in units of two CPUs.
    """
    reserved = 24.0 * days * committed
    more = max(0.0, hours.get("reserved", 0.0) - reserved)
    dollars = reserved * RESERVED + more * ON_DEMAND + hours.get("surge", 0.0) * SPOT
    dollars *= scale
    return Price(dollars / days, 1e6 * dollars / max(1, pictures))


def million(pictures_a_second: float, dollars_an_hour: float) -> float:
    """Dollars for a million pictures on a machine that is always busy."""
    return 1e6 / (3600 * pictures_a_second) * dollars_an_hour
