"""The simulation: calls, pods, losses of spot nodes and scaling; part of autoscaler.py."""

from __future__ import annotations

import bisect
import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from fleet import Client, Pod
from load import HOUR, Calls, Floats
from scaling import SYNC_S, Rule, Scaler, Seen

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Those of `lipiyana_queue_wait_seconds`: Prometheus knows no more of the waits."""

TRIES = 5
"""Of a call whose pod disappears, as this project's clients do."""


@dataclass(frozen=True, slots=True)
class World:
    """What is assumed of the cluster; see docs/guides/scaling.md.

    Attributes:
        scrape_s: period of Prometheus.
        pod_start_s: from the creation of a pod on a node that has its image to being ready.
        node_start_s: least and greatest time for a node with the image.
        linger_s: time that a node is paid for after its pod has ended.
        connection_age_s: `max_connection_age`: clients resolve the Service's name anew when a
            connection ends.
        least_resolve_s: gRPC resolves a name no more often than this.
        losses_per_hour: chance that a spot node is taken away within an hour.
        without_notice: share of the lost nodes that end at once.
        notice_s: notice before the others end.
        great_losses: times at which half of the spot nodes are taken away, with notice.
        clients: programs that send calls, each with a connection to every pod that it knows.
        threads: of each pod, on as many CPUs.
    """

    scrape_s: float = 15.0
    pod_start_s: float = 10.0
    node_start_s: tuple[float, float] = (60.0, 120.0)
    linger_s: float = 60.0
    connection_age_s: float = 300.0
    least_resolve_s: float = 30.0
    losses_per_hour: float = 0.05
    without_notice: float = 0.1
    notice_s: float = 25.0
    great_losses: tuple[float, ...] = (17.5 * HOUR,)
    clients: int = 24
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a day.

    Attributes:
        waits: seconds that each call waited for a thread, since it was sent; NaN for lost calls.
        lost: calls that no server took, or that would have missed their deadline.
        resent: calls that were sent again because their pod disappeared.
        pod_hours: paid hours of each group.
        most_pods: greatest number of pods of all groups.
    """

    waits: Floats
    lost: int
    resent: int
    pod_hours: dict[str, float]
    most_pods: int

    def wait(self, share: float) -> float:
        """The wait that this share of the answered calls does not exceed."""
        return float(np.nanquantile(self.waits, share))


@dataclass(slots=True)
class Group:
    """A Deployment."""

    name: str
    scaler: Scaler
    is_spot: bool
    wanted: int
    pods: list[Pod] = field(default_factory=list)


class Simulation:
    """One day of one fleet."""

    def __init__(self, calls: Calls, rules: dict[str, Rule], world: World, seed: int = 1) -> None:
        """Begin with the least pods of each group, ready and known to all clients."""
        self._calls, self._world, self._chance = calls, world, random.Random(seed)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = 0
        self._clients = [Client() for _ in range(world.clients)]
        self._waits = np.full(calls.at.size, np.nan)
        self._tries: dict[int, int] = {}
        self._lost = self._resent = self._most = 0
        self._hours = dict.fromkeys(rules, 0.0)
        self._counts = [0] * (len(BUCKETS) + 1)
        self._scrapes: deque[tuple[float, int, list[int]]] = deque()
        self._busy: dict[str, deque[float]] = {name: deque(maxlen=4) for name in rules}
        self._groups = [
            Group(name, Scaler(rule), name == "surge", rule.least) for name, rule in rules.items()
        ]
        for group in self._groups:
            for _ in range(group.wanted):
                pod = Pod(group.name, 0.0, world.threads, ready=True)
                group.pods.append(pod)
                for client in self._clients:
                    client.known.append(pod)

    def run(self) -> Outcome:
        """Go through the day."""
        at, work, client = self._calls.at, self._calls.work, self._calls.client
        end = float(at[-1])
        self._start_clocks(end)
        clients, events = self._clients, self._events
        waits, counts = self._waits, self._counts
        for call, (now, seconds, who) in enumerate(
            zip(at.tolist(), work.tolist(), client.tolist(), strict=True)
        ):
            while events[0][0] <= now:
                when, _, happen = heapq.heappop(events)
                happen(when)
            pod = clients[who].next_pod()
            start = None if pod is None else pod.accept(now, now, seconds, call)
            if start is None:
                self._lost += 1
                continue
            waits[call] = start - now
            counts[bisect.bisect_left(BUCKETS, start - now)] += 1
        for group in self._groups:
            for pod in group.pods:
                self._hours[group.name] += (end - pod.billed_from) / HOUR
        return Outcome(waits, self._lost, self._resent, self._hours, self._most)

    def _after(self, when: float, happen: Callable[[float], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, happen))

    def _every(self, period: float, happen: Callable[[float], None], first: float) -> None:
        def again(now: float) -> None:
            happen(now)
            self._after(now + period, again)

        self._after(first, again)

    def _start_clocks(self, end: float) -> None:
        self._after(math.inf, lambda _now: None)  # the list of events is never empty
        self._every(self._world.scrape_s, self._scrape, 1.0)
        self._every(SYNC_S, self._sync, 5.0)
        for group in self._groups:
            self._every(group.scaler.rule.polling_s, partial(self._poll, group), 7.0)
            if group.is_spot:
                for when in self._world.great_losses:
                    if when < end:
                        self._after(when, partial(self._take_half, group))

    def _scrape(self, now: float) -> None:
        pictures = 0
        for group in self._groups:
            ready = [pod for pod in group.pods if pod.ready]
            loads = [pod.load(now) for pod in ready]
            pictures += sum(map(sum, loads))
            threads = sum(pod.threads for pod in ready)
            self._busy[group.name].append(sum(run for _, run in loads) / max(1, threads))
        self._scrapes.append((now, pictures, self._counts.copy()))
        while self._scrapes[0][0] < now - 300:
            self._scrapes.popleft()
        self._most = max(self._most, sum(len(group.pods) for group in self._groups))

    def _seen(self, now: float, group: Group) -> Seen:
        window = group.scaler.rule.window_s
        recent = [pictures for when, pictures, _ in self._scrapes if when > now - window]
        busy = self._busy[group.name]
        minute = [counts for when, _, counts in self._scrapes if when > now - 60]
        if not recent or not minute:
            return Seen(0.0, 0.0, 0.0)
        waits = [last - first for first, last in zip(minute[0], minute[-1], strict=True)]
        return Seen(sum(recent) / len(recent), quantile(waits, 0.95), sum(busy) / len(busy))

    def _poll(self, group: Group, now: float) -> None:
        group.wanted = group.scaler.poll(now, group.wanted, self._seen(now, group))
        self._reconcile(now, group)

    def _sync(self, now: float) -> None:
        for group in self._groups:
            ready = sum(pod.ready for pod in group.pods)
            group.wanted = group.scaler.sync(now, group.wanted, ready, self._seen(now, group))
            self._reconcile(now, group)

    def _reconcile(self, now: float, group: Group) -> None:
        """Create the pods that are missing, and end those that are too many, the newest first."""
        while len(group.pods) < group.wanted:
            self._create(now, group)
        for pod in sorted(group.pods, key=lambda pod: (pod.ready, -pod.billed_from)):
            if len(group.pods) > group.wanted:
                self._end(now, group, pod, self._world.linger_s)

    def _create(self, now: float, group: Group) -> None:
        world = self._world
        pod = Pod(group.name, now, world.threads)
        group.pods.append(pod)
        ready = now + self._chance.uniform(*world.node_start_s) + world.pod_start_s
        self._after(ready, lambda when: self._ready(when, pod))
        if group.is_spot and world.losses_per_hour:
            lost = now + self._chance.expovariate(world.losses_per_hour / HOUR)
            self._after(lost, lambda when: self._lose(when, group, pod))

    def _ready(self, now: float, pod: Pod) -> None:
        if pod.gone:
            return
        pod.ready = True
        for client in self._clients:
            period = self._world.connection_age_s / max(1, len(client.known))
            delay = self._chance.uniform(0, max(self._world.least_resolve_s, period))
            if not client.known:
                delay = 1.0  # without any address gRPC keeps asking
            self._after(now + delay, partial(self._learn, client, pod))

    @staticmethod
    def _learn(client: Client, pod: Pod, _now: float) -> None:
        if not pod.gone and pod not in client.known:
            client.known.append(pod)

    def _take_half(self, group: Group, now: float) -> None:
        for pod in group.pods[::2]:
            self._end(now, group, pod, 0.0)

    def _lose(self, now: float, group: Group, pod: Pod) -> None:
        if pod.gone:
            return
        at_once = self._chance.random() < self._world.without_notice
        self._end(now, group, pod, 0.0, grace=0.0 if at_once else self._world.notice_s)

    def _end(
        self, now: float, group: Group, pod: Pod, linger: float, grace: float | None = None
    ) -> None:
        """A pod stops accepting calls now, and ends after its grace."""
        pod.gone, pod.ready = True, False
        group.pods.remove(pod)
        last = now + (self._world.notice_s if grace is None else grace)
        self._hours[group.name] += (last + linger - pod.billed_from) / HOUR
        for client in self._clients:
            client.forget(pod)
        if pod.unfinished(last):
            self._after(last + 0.1, lambda when: self._resend(when, pod, last))

    def _resend(self, now: float, pod: Pod, last: float) -> None:
        """Calls that the pod did not finish are sent to others."""
        at, work, client = self._calls.at, self._calls.work, self._calls.client
        for call in pod.unfinished(last):
            self._tries[call] = self._tries.get(call, 1) + 1
            self._resent += 1
            other = self._clients[client[call]].next_pod()
            start = None
            if other is not None and self._tries[call] <= TRIES:
                start = other.accept(now, at[call], work[call], call)
            self._waits[call] = np.nan if start is None else start - at[call]
            self._lost += start is None


def quantile(counts: list[int], share: float) -> float:
    """`histogram_quantile` of Prometheus."""
    total = sum(counts)
    if not total:
        return 0.0
    rank, below = share * total, 0
    for index, count in enumerate(counts):
        if below + count >= rank and count:
            if index == len(BUCKETS):
                return BUCKETS[-1]
            lower = BUCKETS[index - 1] if index else 0.0
            return lower + (BUCKETS[index] - lower) * (rank - below) / count
        below += count
    return BUCKETS[-1]
