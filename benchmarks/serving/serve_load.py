"""The load of benchmarks/serving/serve.py on a server, in a separate process.

Reads `Plan`s as JSON lines from standard input, and answers each with its `Outcome`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from lipiyana.client import AsyncClient
from lipiyana.errors import LipiyanaError
from lipiyana.types import Layout, RecognitionConfig


@dataclass(frozen=True)
class Plan:
    """What load to send.

    Attributes:
        target: address of the server.
        pictures: paths of the pictures to send.
        layout: layout of all pictures.
        seconds: time that is measured, after `warm_up`.
        concurrency: number of concurrent calls of a closed loop; 0 for an open loop.
        rate: calls per second of an open loop.
        cameras: number of cameras that make the calls of an open loop, each at even intervals; 0
            for independent callers, whose calls are a Poisson process.
        timeout: seconds that a call may take.
        channels: number of connections.
        unique: whether each call sends bytes that no other call sent.
        warm_up: seconds before the measurement.
        seed: seed of the arrivals of an open loop.
    """

    target: str
    pictures: list[str]
    layout: str
    seconds: float
    concurrency: int = 0
    rate: float = 0.0
    cameras: int = 0
    timeout: float = 60.0
    channels: int = 1
    unique: bool = True
    warm_up: float = 0.5
    seed: int = 0


@dataclass
class Outcome:
    """What was measured.

    Attributes:
        seconds: duration of the measurement.
        latencies: seconds of each answered call; in an open loop, from the time at which the call
            was due.
        due: when each of these calls was due, in seconds of a monotonic clock.
        work: seconds that the stages of each call took at the server.
        codes: number of calls by their status.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)


class Load:
    """Sends the calls of a plan and measures them."""

    def __init__(self, plan: Plan, clients: list[AsyncClient]) -> None:
        self._plan = plan
        self._clients = itertools.cycle(clients)
        self._pictures = _pictures(plan)
        self._config = RecognitionConfig(layout=Layout(plan.layout))
        self._codes: Counter[str] = Counter()
        self._outcome = Outcome(plan.seconds)
        self._from = time.monotonic() + plan.warm_up
        self._until = self._from + plan.seconds

    async def run(self) -> Outcome:
        """Send the load."""
        if self._plan.concurrency:
            await asyncio.gather(*(self._closed() for _ in range(self._plan.concurrency)))
        else:
            await self._open()
        self._outcome.codes = dict(self._codes)
        return self._outcome

    async def _closed(self) -> None:
        client = next(self._clients)
        while (now := time.monotonic()) < self._until:
            await self._call(client, now, lambda: self._from <= time.monotonic() < self._until)

    async def _open(self) -> None:
        calls = set()
        begin = time.monotonic()
        for after in arrivals(self._plan):
            due = begin + after
            if due >= self._until:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            counts = partial(bool, self._from <= due)
            call = asyncio.create_task(self._call(next(self._clients), due, counts))
            calls.add(call)
            call.add_done_callback(calls.discard)
        await asyncio.gather(*calls)

    async def _call(self, client: AsyncClient, due: float, counts: Callable[[], bool]) -> None:
        try:
            value = await client.recognize(
                next(self._pictures), self._config, timeout=self._plan.timeout
            )
        except LipiyanaError as error:
            if counts():
                self._codes[error.code] += 1
            return
        if counts():
            self._codes["OK"] += 1
            self._outcome.latencies.append(time.monotonic() - due)
            self._outcome.due.append(due)
            self._outcome.work.append(sum(value.timings.values()))


def arrivals(plan: Plan) -> Iterator[float]:
    """Yield when each call of an open loop is due, in seconds after the beginning."""
    rng = random.Random(plan.seed)
    if not plan.cameras:
        due = 0.0
        while True:
            yield due
            due += rng.expovariate(plan.rate)
    step = plan.cameras / plan.rate
    phases = sorted(rng.uniform(0, step) for _ in range(plan.cameras))
    for number in itertools.count():
        yield from (number * step + phase for phase in phases)


def _pictures(plan: Plan) -> Iterator[bytes]:
    """Yield the pictures in turn; bytes after the end of a JPEG change only its hash."""
    encoded = [Path(path).read_bytes() for path in plan.pictures]
    load = f"{plan.seed} {plan.concurrency} {plan.rate} {plan.cameras}".encode()
    for number, data in enumerate(itertools.cycle(encoded)):
        yield data + b"%b %d" % (load, number) if plan.unique else data


async def _main(plan: Plan) -> Outcome:
    clients = [AsyncClient(plan.target) for _ in range(plan.channels)]
    try:
        return await Load(plan, clients).run()
    finally:
        for client in clients:
            await client.close()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(asdict(asyncio.run(_main(Plan(**json.loads(line)))))), flush=True)
