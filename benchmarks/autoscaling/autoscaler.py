"""A day of calls against an autoscaled fleet: what the settings of the chart are worth.

    python benchmarks/autoscaling/autoscaler.py [--days N] [--peak RATE] [--service FILE.json]
        [--processes N] [--only TEXT] [--write]

Simulates the server's queues, its clients, KEDA, the HorizontalPodAutoscaler and losses of spot
nodes, event by event (see simulation.py), for the chart's defaults, for one changed value at a
time, and for fleets without KEDA. `--write` puts the table and that of costs into
docs/guides/scaling.md. Equal options give equal figures.

    wait p95, p99, p99.9  seconds that answered calls waited for a thread
    lost                  calls per million that no server took, or that missed their deadline
    again                 calls that were sent once more because their pod disappeared
    pods, pod hours       the greatest number, and paid hours a day
    $ a day, $ a million  cost of the nodes (see costs.py), and of a million pictures
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from common.report_tables import markdown_table, terminal_table, write_between
from costs import COST_HEADINGS, cost_rows, price_of
from load import Day, calls_of
from rich.console import Console
from scaling import Rule
from service_times import STREETS
from simulation import Simulation, World

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "scaling.md"
WRITTEN = "written by benchmarks/autoscaling/autoscaler.py"
MARKS = (f"<!-- autoscaler: {WRITTEN} -->", "<!-- end of autoscaler -->")
COST_MARKS = (f"<!-- costs: {WRITTEN} -->", "<!-- end of costs -->")
HEADINGS = (
    "fleet", "wait p95, s", "p99, s", "p99.9, s", "lost", "again", "pods", "pod hours", "$ a day",
    "$ a million",
)  # fmt: skip

RESERVED = Rule(least=2, most=2, pictures=1.0, wait_s=0.25)
SURGE = Rule(least=0, most=20, pictures=1.0, wait_s=0.25, spared=2)
WORLD = World()
"""The defaults of the chart."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A row of the table.

    Attributes:
        name: what differs from the defaults.
        reserved: scaling of the reserved pods.
        surge: scaling of the spot pods; None if there are none.
        world: the cluster.
    """

    name: str
    reserved: Rule = RESERVED
    surge: Rule | None = SURGE
    world: World = field(default=WORLD)


def fleets() -> Iterator[Fleet]:
    """The rows."""
    yield Fleet("**defaults of the chart**")
    for pods in (5, 8, 12, 16):
        yield Fleet(f"{pods} reserved pods, not scaled", Rule(pods, pods), None)
    for share in (0.6, 0.5, 0.4):
        rule = Rule(2, 22, utilization=share)
        yield Fleet(f"HorizontalPodAutoscaler, CPU at {share:.0%}, on demand", rule, None)
    for pictures in (0.8, 1.2, 1.6, 2.0):
        yield _changed(f"`picturesPerPod` {pictures:g}", pictures=pictures)
    for wait in (None, 0.1, 0.3, 0.5):
        yield _changed(f"`waitSeconds` {wait or 0:g}", wait_s=wait)
    for window in (15, 120):
        yield _changed(f"`windowSeconds` {window}", window_s=window)
    for seconds in (5, 60):
        yield _changed(f"`pollingIntervalSeconds` {seconds}", polling_s=seconds)
    for seconds in (60, 900):
        yield _changed(f"`cooldownSeconds` {seconds}", cooldown_s=seconds)
    for seconds in (60, 120, 600):
        yield _changed(f"`stabilizationSeconds` {seconds}", stabilization_s=seconds)
    yield _changed("`podsUp` 1", pods_up=1)
    for pods in (2, 4):
        yield _changed(f"`surge.minReplicas` {pods}", least=pods)
    yield _changed("`surge.maxReplicas` 40", most=40)
    for age in (60, 1800):
        yield Fleet(f"`max_connection_age` {age}", world=replace(WORLD, connection_age_s=age))
    yield Fleet("Prometheus every 5 s", world=replace(WORLD, scrape_s=5))
    yield Fleet("a spare node is there", world=replace(WORLD, node_start_s=(0, 5)))
    for wait in (0.25, 0.1):
        yield Fleet(
            f"half as many pods of 4 CPUs, `waitSeconds` {wait}",
            replace(RESERVED, least=1, most=1, pictures=2.0),
            replace(SURGE, most=10, pictures=2.0, wait_s=wait, spared=1, pods_up=2),
            replace(WORLD, threads=4),
        )
    yield Fleet("no node is lost", world=replace(WORLD, losses_per_hour=0, great_losses=()))
    yield Fleet("four times as many are lost", world=replace(WORLD, losses_per_hour=0.2))
    yield Fleet("all lost without notice", world=replace(WORLD, without_notice=1.0))


def _changed(name: str, **changes: float | None) -> Fleet:
    pictures = changes.get("pictures", RESERVED.pictures)
    reserved = replace(RESERVED, pictures=pictures)
    return Fleet(name, reserved, replace(SURGE, **changes))  # type: ignore[arg-type]


def simulate(fleet: Fleet, days: Sequence[Day], work: Sequence[float]) -> list[str]:
    """Simulate days of a fleet; give a row of the table."""
    waits, hours = [], {"reserved": 0.0, "surge": 0.0}
    lost = resent = most = calls_in_all = 0
    rules = {"reserved": fleet.reserved} | ({"surge": fleet.surge} if fleet.surge else {})
    for day in days:
        calls = calls_of(day, work, fleet.world.clients)
        outcome = Simulation(calls, rules, fleet.world, day.seed).run()
        waits.append(outcome.waits)
        lost, resent = lost + outcome.lost, resent + outcome.resent
        calls_in_all += calls.at.size
        most = max(most, outcome.most_pods)
        for name, spent in outcome.pod_hours.items():
            hours[name] += spent
    price = price_of(
        hours, fleet.reserved.least, len(days), calls_in_all - lost, fleet.world.threads / 2
    )
    p95, p99, p999 = np.nanquantile(np.concatenate(waits), (0.95, 0.99, 0.999))
    figures = (f"{p95:.2f}", f"{p99:.2f}", f"{p999:.1f}", f"{1e6 * lost / calls_in_all:.0f}")
    dollars = (f"{price.day:.2f}", f"{price.million:.2f}")
    a_day = f"{sum(hours.values()) / len(days):.0f}"
    return [fleet.name, *figures, str(resent), str(most), a_day, *dollars]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--peak", type=float, default=Day().peak_rate)
    parser.add_argument("--service", type=Path, help="what service_times.py wrote")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", default="", help="rows that contain this text")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    work = json.loads(options.service.read_text("utf-8")) if options.service else STREETS
    days = [Day(peak_rate=options.peak, seed=seed) for seed in range(1, options.days + 1)]
    console = Console()
    chosen = [fleet for fleet in fleets() if options.only in fleet.name]
    rows = []
    with ProcessPoolExecutor(options.processes) as pool:
        for row in pool.map(partial(simulate, days=days, work=work), chosen):
            rows.append(row)
            console.print(" | ".join(row), highlight=False, soft_wrap=True)
    console.print(terminal_table("", HEADINGS, rows, HEADINGS[:1]))
    if options.write:
        write_between(PAGE, MARKS, [markdown_table(HEADINGS, rows, HEADINGS[:1])])
        left = (COST_HEADINGS[0], COST_HEADINGS[-1])
        write_between(PAGE, COST_MARKS, [markdown_table(COST_HEADINGS, cost_rows(), left)])


if __name__ == "__main__":
    main()
