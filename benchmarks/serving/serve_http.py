"""The HTTP API compared with gRPC: the same server, the same pictures, in turns.

    python benchmarks/serving/serve_http.py [--calls N] [--rounds N] [--json FILE] [PICTURE]

    cached    one picture that the cache answers: what the transports cost
    computed  unique pictures (appended bytes make each one unique)

For each, the median latency of single calls on one connection, the CPU time of the server for a
call (from /proc, so other programs do not count), and calls a second of 8 connections at a time.
Rounds take turns between the transports, and each figure is the median of the rounds. Ratios are
HTTP divided by gRPC. It is not named http.py, because scripts beside it import Python's `http`.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lipiyana.client import Client
from lipiyana.types import Layout, RecognitionConfig

PICTURE = Path(__file__).parents[2] / "samples" / "plates" / "02_standard_2row.jpg"
CONNECTIONS = 8
LAYOUT = "plate"
TICKS = os.sysconf("SC_CLK_TCK")

Call = Callable[[bytes], None]


@dataclass(frozen=True)
class Running:
    """A server that runs in a process of its own."""

    pid: int
    target: str
    http: str

    def cpu(self) -> float:
        """CPU seconds of its process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def serving() -> Iterator[Running]:
    """Run `lipiyana serve` with its defaults, at free ports."""
    program = "from lipiyana.cli.main import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--http-port", "0"]
    with subprocess.Popen(
        [*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        target, web = (
            json.loads(process.stderr.readline())["message"].split()[-1] for _ in range(2)
        )
        # nobody reads its log, which must not fill the pipe
        with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
            try:
                yield Running(process.pid, target, web.removeprefix("http://").strip("/"))
            finally:
                process.terminate()
                process.wait(60)


@contextmanager
def over_grpc(server: Running) -> Iterator[Call]:
    """Call over one channel."""
    config = RecognitionConfig(layout=Layout(LAYOUT))
    with Client(server.target) as client:

        def call(picture: bytes) -> None:
            client.recognize(picture, config)

        yield call


@contextmanager
def over_http(server: Running) -> Iterator[Call]:
    """Call over one connection."""
    connection = http.client.HTTPConnection(server.http, timeout=60)

    def call(picture: bytes) -> None:
        path = f"/v1/recognize?layout={LAYOUT}"
        connection.request("POST", path, picture, {"content-type": "image/jpeg"})
        answer = connection.getresponse()
        json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")

    yield call
    connection.close()


TRANSPORTS = {"gRPC": over_grpc, "HTTP": over_http}


@dataclass(frozen=True)
class Round:
    """What one round of a transport measured."""

    latency_ms: float
    server_cpu_ms: float
    calls_a_second: float


def measure(server: Running, transport: str, pictures: Iterator[bytes], calls: int) -> Round:
    """Measure single calls, then calls of several connections."""
    opened = TRANSPORTS[transport]
    took = []
    with opened(server) as call:
        call(next(pictures))
        before = server.cpu()
        for _ in range(calls):
            began = time.perf_counter()
            call(next(pictures))
            took.append(time.perf_counter() - began)
        cpu = server.cpu() - before

    def several(own: list[bytes]) -> None:
        with opened(server) as call:
            for picture in own:
                call(picture)

    shares = [[next(pictures) for _ in range(calls // CONNECTIONS)] for _ in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        began = time.perf_counter()
        for done in [pool.submit(several, share) for share in shares]:
            done.result()
        seconds = time.perf_counter() - began
    rate = sum(map(len, shares)) / seconds
    return Round(statistics.median(took) * 1000, cpu / calls * 1000, rate)


def median_of(rounds: list[Round]) -> Round:
    """The median of each figure."""
    return Round(
        *(
            statistics.median(getattr(one, name) for one in rounds)
            for name in ("latency_ms", "server_cpu_ms", "calls_a_second")
        )
    )


def main() -> None:
    """Measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400, help="cached calls of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE)
    options = parser.parse_args()
    data = options.picture.read_bytes()
    numbers = itertools.count()
    unique = (data + b"%d" % number for number in numbers)
    found: dict[str, dict[str, list[Round]]] = {}
    with serving() as server:
        for _ in range(options.rounds):
            for transport in TRANSPORTS:
                for kind, pictures, calls in (
                    ("cached", itertools.repeat(data), options.calls),
                    ("computed", unique, max(CONNECTIONS, options.calls // 10)),
                ):
                    measured = measure(server, transport, pictures, calls)
                    found.setdefault(kind, {}).setdefault(transport, []).append(measured)
    table = Table("", "", "latency, ms", "CPU of the server, ms", "calls a second")
    rows = {}
    for kind, by_transport in found.items():
        grpc, web = (median_of(by_transport[name]) for name in TRANSPORTS)
        rows[kind] = {"gRPC": vars_of(grpc), "HTTP": vars_of(web)}
        for name, one in (("gRPC", grpc), ("HTTP", web)):
            table.add_row(kind, name, *(f"{value:.2f}" for value in vars_of(one).values()))
        ratios = [vars_of(web)[name] / vars_of(grpc)[name] for name in vars_of(grpc)]
        table.add_row(kind, "ratio", *(f"{ratio:.2f}" for ratio in ratios))
    Console(width=100).print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


def vars_of(one: Round) -> dict[str, float]:
    """The figures by their names; none is 0, so that ratios exist."""
    return {name: max(getattr(one, name), 1e-3) for name in one.__dataclass_fields__}


if __name__ == "__main__":
    main()
