"""How many pods a group should have: KEDA and the HorizontalPodAutoscaler; part of autoscaler.py.

KEDA wakes a group that has no pods (every `polling_s`) and puts it to sleep (after `cooldown_s`).
In between the HorizontalPodAutoscaler decides every 15 s, from the values that KEDA asks of
Prometheus at that moment.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

SYNC_S = 15.0
"""The HorizontalPodAutoscaler's period, a setting of the cluster; this is its default."""

TOLERANCE = 0.1
"""Deviation of a metric from its target that changes nothing, the default of clusters."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The scaling of one group of pods; each field is a value of the chart.

    Attributes:
        least: pods at least.
        most: pods at most.
        pictures: waiting and running pictures for each pod; None turns this trigger off.
        wait_s: p95 of the wait; None turns this trigger off.
        utilization: share of the CPU, for the HorizontalPodAutoscaler without KEDA.
        spared: pods of the other group, whose share of the demand is not counted.
        window_s: seconds over which the demand is averaged.
        polling_s: period in which KEDA looks whether a group without pods is needed.
        cooldown_s: seconds without need after which a group is put to sleep.
        stabilization_s: a group shrinks to the largest number wanted within these seconds.
        pods_up: pods that may be added in 15 s; doubling is always allowed.
    """

    least: int
    most: int
    pictures: float | None = None
    wait_s: float | None = None
    utilization: float | None = None
    spared: int = 0
    window_s: float = 60.0
    polling_s: float = 15.0
    cooldown_s: float = 300.0
    stabilization_s: float = 300.0
    pods_up: int = 4

    @property
    def is_fixed(self) -> bool:
        """Whether nothing scales it."""
        return self.least == self.most


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus knows.

    Attributes:
        pictures: waiting and running pictures of all pods, averaged over the window.
        wait_s: p95 of the waits within a minute.
        utilization: share of the CPUs of the group that is used.
    """

    pictures: float
    wait_s: float
    utilization: float


@dataclass(slots=True)
class Scaler:
    """Decides for one group."""

    rule: Rule
    _wanted: deque[tuple[float, int]] = field(default_factory=deque)
    _needed_at: float = -math.inf

    def poll(self, now: float, pods: int, seen: Seen) -> int:
        """KEDA's look: wake the group or put it to sleep; return the number of pods."""
        rule = self.rule
        if rule.least > 0:
            return pods
        excess = self._excess(seen)
        if excess > 0 or (rule.wait_s is not None and seen.wait_s > rule.wait_s):
            self._needed_at = now
            return max(1, pods)
        return 0 if now - self._needed_at >= rule.cooldown_s else pods

    def sync(self, now: float, pods: int, ready: int, seen: Seen) -> int:
        """The HorizontalPodAutoscaler's decision; return the number of pods."""
        rule = self.rule
        if rule.is_fixed or pods == 0:
            return pods
        wanted = [
            self._by_average(pods, seen),
            self._by_ratio(pods, ready, seen.wait_s, rule.wait_s),
            self._by_ratio(pods, ready, seen.utilization, rule.utilization),
        ]
        most = max((count for count in wanted if count is not None), default=pods)
        most = min(max(most, rule.least, 1), rule.most)
        self._wanted.append((now, most))
        while self._wanted[0][0] < now - rule.stabilization_s:
            self._wanted.popleft()
        if most > pods:
            return min(most, max(pods + rule.pods_up, 2 * pods))
        return min(pods, max(count for _, count in self._wanted))

    def _excess(self, seen: Seen) -> float:
        if self.rule.pictures is None:
            return 0.0
        return max(0.0, seen.pictures - self.rule.spared * self.rule.pictures)

    def _by_average(self, pods: int, seen: Seen) -> int | None:
        target = self.rule.pictures
        if target is None:
            return None
        excess = self._excess(seen)
        if abs(excess / (target * pods) - 1) <= TOLERANCE:
            return pods
        return math.ceil(excess / target)

    @staticmethod
    def _by_ratio(pods: int, ready: int, value: float, target: float | None) -> int | None:
        if target is None:
            return None
        ratio = value / target
        return pods if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * ready)
