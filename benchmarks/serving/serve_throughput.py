"""Pictures per second with and without a server; part of benchmarks/serving/serve.py."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from serve_load import Outcome, Plan
from serve_processes import InProcess, Load

from lipiyana.runtime.store import available_threads


@dataclass(frozen=True)
class Throughput:
    """Pictures per second in process and by a server, in turns; the best number of threads."""

    in_process: list[float]
    served: list[Outcome]
    threads: int

    @property
    def local(self) -> float:
        """Pictures per second in process."""
        return statistics.mean(self.in_process)

    @property
    def remote(self) -> float:
        """Pictures per second of the server."""
        return statistics.mean(map(rate, self.served))


def rate(outcome: Outcome) -> float:
    """Return the answers per second."""
    return len(outcome.latencies) / outcome.seconds


def quickest(in_process: InProcess, seconds: float) -> tuple[int, float]:
    """Find the fastest number of threads in process, and its pictures per second."""
    cores = available_threads()
    tried: dict[int, float] = {}
    while not any(tried.values()):  # the machine is too slow to finish a picture in this time
        for threads in sorted({1, cores, 2 * cores}):
            tried[threads] = in_process.pictures_a_second(threads, seconds)
        seconds *= 2
    return max(tried.items(), key=lambda item: item[1])


def compare(in_process: InProcess, load: Load, loop: Plan, threads: int, turns: int) -> Throughput:
    """Measure both in turns, each as long as the closed loop `loop`."""
    local, served = [], []
    for turn in range(turns):
        local.append(in_process.pictures_a_second(threads, loop.seconds))
        served.append(load.put(replace(loop, seed=turn)))
    return Throughput(local, served, threads)
