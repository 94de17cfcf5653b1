"""The simulation of the autoscaler agrees with theory, and counts each call once."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import autoscaler
import numpy as np
import pytest
import yaml
from autoscaler import RESERVED, SURGE, WORLD, fleets
from costs import ON_DEMAND, SPOT, cost_rows, million, price_of
from costs import RESERVED as YEAR
from fleet import MAX_QUEUE, Pod
from load import Calls, Day, calls_of, rates
from scaling import Rule, Scaler, Seen
from simulation import BUCKETS, Outcome, Simulation, World, quantile

from lipiyana.server import ServerSettings
from lipiyana.server.telemetry.metrics import BUCKETS as SERVED

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "lipiyana" / "values.yaml"
WORK = 0.1
CALM = World(losses_per_hour=0, great_losses=())


def mean_wait(servers: int, load: float) -> float:
    """Mean wait of M/D/c in service times (Crommelin, 1932); `load` is that of all servers."""

    def tail(least: int, mean: float) -> float:
        term = math.exp(-mean + least * math.log(mean) - math.lgamma(least + 1))
        total, count = 0.0, least
        while term > 1e-18 * total:
            total += term
            count += 1
            term *= mean / count
        return total

    return sum(
        tail(n * servers, n * load) - servers / load * tail(n * servers + 1, n * load)
        for n in range(1, 1000)
    )


def poisson(rate: float, count: int, seed: int = 1) -> Calls:
    chance = np.random.default_rng(seed)
    at = np.cumsum(chance.exponential(1 / rate, count))
    return Calls(at, np.full(count, WORK), chance.integers(0, WORLD.clients, count))


def run(calls: Calls, world: World = CALM, **rules: Rule) -> Outcome:
    return Simulation(calls, rules, world).run()


def test_the_formula_is_that_of_one_server() -> None:
    assert mean_wait(1, 0.8) == pytest.approx(0.8 / (2 * 0.2), rel=1e-4)


@pytest.mark.parametrize(("threads", "share"), [(1, 0.6), (2, 0.5), (2, 0.8), (4, 0.7)])
def test_without_scaling_it_is_the_queue_of_theory(threads: int, share: float) -> None:
    load = threads * share
    outcome = run(
        poisson(load / WORK, 300_000), replace(CALM, threads=threads), reserved=Rule(1, 1)
    )
    assert outcome.lost == 0
    assert outcome.waits.mean() / WORK == pytest.approx(mean_wait(threads, load), rel=0.05)


def test_pods_that_clients_go_round_wait_longer_than_one_queue() -> None:
    calls = poisson(8 * 0.8 / WORK, 60_000)
    apart = run(calls, CALM, reserved=Rule(4, 4))
    joined = run(calls, replace(CALM, threads=8), reserved=Rule(1, 1))
    assert apart.waits.mean() > 2 * joined.waits.mean()


def test_equal_options_give_equal_days() -> None:
    day = Day(peak_rate=40, seconds=12_000, seed=3)
    calls = calls_of(day, [0.3], 8)
    world = World(clients=8, losses_per_hour=2, great_losses=(9_000.0,))
    first, second = (run(calls, world, reserved=RESERVED, surge=SURGE) for _ in range(2))
    np.testing.assert_array_equal(first.waits, second.waits)
    assert first.pod_hours == second.pod_hours
    other = calls_of(replace(day, seed=4), [0.3], 8)
    assert other.at.size != calls.at.size


@pytest.mark.parametrize("without_notice", [0.0, 1.0])
def test_every_call_is_answered_or_lost_once(without_notice: float) -> None:
    calls = poisson(90, 120_000)
    world = World(losses_per_hour=30, without_notice=without_notice, great_losses=(600.0,))
    outcome = run(calls, world, reserved=Rule(2, 2), surge=replace(SURGE, most=4))
    assert np.isnan(outcome.waits).sum() == outcome.lost
    assert outcome.lost > 0  # six pods read 120 a second, but they are taken away
    assert (outcome.resent > 0) == bool(without_notice)
    answered = outcome.waits[~np.isnan(outcome.waits)]
    assert answered.min() >= 0


def test_a_full_queue_and_a_deadline_lose_calls() -> None:
    pod = Pod("reserved", 0.0, 1)
    begun = [pod.accept(0.0, 0.0, 0.01, number) for number in range(MAX_QUEUE + 2)]
    assert begun[:2] == [0.0, 0.01]
    assert [start is None for start in begun] == [False] * (MAX_QUEUE + 1) + [True]
    assert pod.load(0.0) == (MAX_QUEUE, 1)
    assert pod.accept(10.0, 10.0, 29.0, 900) == 10.0
    assert pod.accept(10.0, 10.0, 2.0, 901) is None  # 41 s are more than a deadline
    assert list(pod.unfinished(38.0)) == [900]


def seen(pictures: float = 0.0, wait: float = 0.0, utilization: float = 0.0) -> Seen:
    return Seen(pictures, wait, utilization)


def test_the_autoscaler_adds_by_the_largest_trigger_and_removes_late() -> None:
    scaler = Scaler(Rule(1, 20, pictures=2, wait_s=0.5, stabilization_s=60, pods_up=4))
    assert scaler.sync(0, 2, 2, seen(pictures=4.3)) == 2  # within the tolerance
    assert scaler.sync(15, 2, 2, seen(pictures=7)) == 4
    assert scaler.sync(30, 4, 4, seen(pictures=7, wait=0.75)) == 6
    assert scaler.sync(45, 6, 6, seen(pictures=100)) == 12  # doubled
    assert scaler.sync(60, 12, 12, seen(pictures=100)) == 20  # the maximum
    assert scaler.sync(75, 20, 20, seen(pictures=2)) == 20
    assert scaler.sync(120, 20, 20, seen(pictures=2)) == 20
    assert scaler.sync(121, 20, 20, seen(pictures=2)) == 1


def test_the_autoscaler_goes_by_the_cpu_without_keda() -> None:
    scaler = Scaler(Rule(2, 20, utilization=0.5))
    assert scaler.sync(0, 4, 4, seen(utilization=0.9)) == 8
    assert scaler.sync(15, 8, 4, seen(utilization=0.9)) == 8  # pods that start are not counted


def test_keda_wakes_a_group_and_puts_it_to_sleep() -> None:
    scaler = Scaler(Rule(0, 20, pictures=2, spared=3, cooldown_s=100))
    assert scaler.poll(0, 0, seen(pictures=5.9)) == 0  # the other group has room for 6
    assert scaler.poll(15, 0, seen(pictures=6.1)) == 1
    assert scaler.poll(30, 5, seen(pictures=0)) == 5
    assert scaler.poll(114, 5, seen(pictures=0)) == 5
    assert scaler.poll(115, 5, seen(pictures=0)) == 0


def test_waits_are_seen_in_the_buckets_of_the_server() -> None:
    assert BUCKETS == SERVED
    counts = [0] * (len(BUCKETS) + 1)
    counts[BUCKETS.index(0.1)] = 90
    counts[BUCKETS.index(0.25)] = 10
    assert quantile(counts, 0.45) == pytest.approx(0.05 + 0.05 / 2)
    assert quantile(counts, 0.95) == pytest.approx(0.1 + 0.15 / 2)
    assert quantile([0] * len(counts), 0.95) == 0


def test_a_day_has_its_bursts() -> None:
    calm, busy = Day(bursts=0), Day(bursts=8)
    assert rates(calm).max() == pytest.approx(calm.peak_rate)
    assert rates(busy).max() > 2 * calm.peak_rate
    calls = calls_of(calm, [WORK], 4)
    assert calls.at.size == pytest.approx(rates(calm).sum(), rel=0.01)
    assert (np.diff(calls.at) >= 0).all()


def test_reserved_pods_cost_whether_they_are_used_or_not() -> None:
    price = price_of({"reserved": 30.0, "surge": 10.0}, 1, 1, 1_000_000)
    assert price.day == pytest.approx(24 * YEAR + 6 * ON_DEMAND + 10 * SPOT)
    assert price.million == price.day


def test_the_page_has_the_costs_that_the_script_computes() -> None:
    assert million(0.36, 0.1) == pytest.approx(5)  # 20,000 pictures an hour on two CPUs
    page = autoscaler.PAGE.read_text("utf-8")
    for row in cost_rows():
        assert f"| {' | '.join(row)} |" in page
    assert all(mark in page for mark in (*autoscaler.MARKS, *autoscaler.COST_MARKS))
    for fleet in fleets():
        assert f"| {fleet.name} |" in page


def test_no_value_of_the_chart_is_much_better_than_its_default() -> None:
    """As the page says: p99 below 1 s, fewer than 10 lost per million, at most 3 % too much."""
    page = autoscaler.PAGE.read_text("utf-8").partition(autoscaler.MARKS[0])[2]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    heading, _, default, *others = rows
    p99, lost, price = (heading.index(name) for name in ("p99, s", "lost", "$ a day"))
    assert float(default[p99]) < 1
    assert int(default[lost]) < 10
    changed = [row for row in others if row[0].startswith("`")]
    good = [row for row in changed if float(row[p99]) < 1 and int(row[lost]) < 10]
    assert len(good) > 5
    assert min(float(row[price]) for row in good) > 0.97 * float(default[price])


def test_the_defaults_of_the_chart_are_those_of_the_simulation() -> None:
    values: dict[str, Any] = yaml.safe_load(CHART.read_text("utf-8"))
    scaling, keda = values["autoscaling"], values["autoscaling"]["keda"]
    for name, rule in (("reserved", RESERVED), ("surge", SURGE)):
        assert scaling[name] == {"minReplicas": rule.least, "maxReplicas": rule.most}
        assert keda["picturesPerPod"] == rule.pictures
        assert keda["waitSeconds"] == rule.wait_s
        assert keda["windowSeconds"] == rule.window_s
        assert keda["pollingIntervalSeconds"] == rule.polling_s
        assert keda["cooldownSeconds"] == rule.cooldown_s
        assert keda["stabilizationSeconds"] == rule.stabilization_s
        assert keda["podsUp"] == rule.pods_up
    assert SURGE.spared == RESERVED.most
    assert values["settings"]["max_connection_age"] == WORLD.connection_age_s
    assert values["monitoring"]["serviceMonitor"]["intervalSeconds"] == WORLD.scrape_s
    assert values["resources"]["cpu"] == WORLD.threads
    assert values["surge"]["terminationGracePeriodSeconds"] == WORLD.notice_s
    assert ServerSettings().max_queue == MAX_QUEUE
    assert next(fleets()).name == "**defaults of the chart**"
