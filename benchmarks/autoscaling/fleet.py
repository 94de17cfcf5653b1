"""Pods that read pictures, as the server does; part of autoscaler.py.

Each pod has a bounded queue and some threads, which take pictures in the order of their arrival. A
picture that cannot be read within its deadline is never begun.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_QUEUE = 128
"""`max_queue` of a server."""

DEADLINE_S = 30.0
"""The clients' default."""

NEVER = float("inf")


@dataclass(slots=True, eq=False)
class Pod:
    """One server.

    Attributes:
        group: name of its Deployment.
        billed_from: when its node was asked for.
        threads: pictures that it reads at a time.
    """

    group: str
    billed_from: float
    threads: int = 2
    ready: bool = False
    gone: bool = False
    _free: list[float] = field(default_factory=list)
    _starts: deque[float] = field(default_factory=deque)
    _unfinished: list[tuple[float, float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with idle threads."""
        self._free = [0.0] * self.threads

    def accept(self, now: float, due: float, work: float, call: int) -> float | None:
        """Queue a picture; return when it is begun, or None if the call is lost.

        Args:
            now: when it arrives here.
            due: when its client sent it first.
            work: seconds of a thread.
            call: its number.
        """
        starts = self._starts
        while starts and starts[0] <= now:
            starts.popleft()
        if len(starts) >= MAX_QUEUE:
            return None
        start = max(now, self._free[0])
        end = start + work
        if end - due > DEADLINE_S:
            return None
        heapq.heapreplace(self._free, end)
        if start > now:
            starts.append(start)
        self._unfinished.append((end, start, call))
        return start

    def load(self, now: float) -> tuple[int, int]:
        """Waiting and running pictures."""
        self._unfinished = [job for job in self._unfinished if job[0] > now]
        running = sum(start <= now for _, start, _ in self._unfinished)
        return len(self._unfinished) - running, running

    def unfinished(self, now: float) -> Iterable[int]:
        """Numbers of the calls that would end later than `now`, in the order of arrival."""
        return [call for end, _, call in self._unfinished if end > now]


@dataclass(slots=True)
class Client:
    """Sends its calls to the pods that it knows, in turn."""

    known: list[Pod] = field(default_factory=list)
    turn: int = 0

    def next_pod(self) -> Pod | None:
        """The pod for the next call; None if it knows none."""
        if not self.known:
            return None
        self.turn += 1
        return self.known[self.turn % len(self.known)]

    def forget(self, pod: Pod) -> None:
        """Stop using a pod: the client watches its health."""
        if pod in self.known:
            self.known.remove(pod)
