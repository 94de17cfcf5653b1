"""What machines and pictures cost; part of autoscaler.py.

Prices are assumptions: list prices in dollars in the middle of 2025, rounded, of two virtual CPUs
with 4 GiB for an hour (AWS c6i.large and c7i.large, cheapest region). Spot prices change by the
hour.
"""

from __future__ import annotations

from dataclasses import dataclass

ON_DEMAND = 0.085
RESERVED = 0.054
"""For a year, paid monthly."""
SPOT = 0.034
EDGE = 200 / (4 * 365 * 24) + 0.012 * 0.12
"""A small computer of $200 with four cores, used for four years at 12 W and $0.12 for a kWh."""
EDGE_SPEED = 4 / 2 / 2
"""Its speed in units of two such CPUs: each core is taken for half as fast, not measured."""

KINDS = (
    ("a crop of one line", 0.004, "README, Scores: 3 to 5 ms"),
    ("a crop of a plate", 0.0126, "README, Scores"),
    ("a street picture of 416 pixels", 2 / 21, "[Serving](serving.md#measuring), quiet machine"),
    ("a street picture, all sizes", 0.341, "60 pictures, busy machine"),
    ("a drawn street full of signs", 0.665, "`samples/scenes`, busy machine"),
)
"""Pictures, the CPU seconds that one takes, and where that was measured."""

COST_HEADINGS = (
    "picture", "CPU, s", "a second, a core", "on demand", "reserved", "spot", "edge", "measured",
)  # fmt: skip


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


def million(cpu_seconds: float, dollars_an_hour: float, speed: float = 1.0) -> float:
    """Dollars for a million pictures on machines that are always busy.

    Args:
        cpu_seconds: of one picture.
        dollars_an_hour: of a machine.
        speed: of the machine, in units of two CPUs.
    """
    return 1e6 * cpu_seconds / 2 / speed / 3600 * dollars_an_hour


def cost_rows() -> list[list[str]]:
    """Dollars for a million pictures of each kind on each machine."""
    rows = []
    for name, seconds, measured in KINDS:
        prices = [million(seconds, price) for price in (ON_DEMAND, RESERVED, SPOT)]
        prices.append(million(seconds, EDGE, EDGE_SPEED))
        figures = [f"{seconds:.3g}", f"{1 / seconds:.3g}", *(f"{price:.2f}" for price in prices)]
        rows.append([name, *figures, measured])
    return rows
