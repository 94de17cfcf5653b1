"""Kills `lipiyana forward` at random moments, and compares what was written with what came.

    python benchmarks/cameras/forward_kills.py [--over http] [--kills 50] [--seed 32]

Rows are appended to a file that is followed. The receiver drops doubles by id. Over HTTP it closes
some connections before it has stored a message, and some after. Over gRPC it fails some calls so,
and takes a part of others. Exit 1: a row is missing, or counts twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))

import grpc
from grpc_row_receiver import GrpcReceiver, grpc_receiving
from row_receiver import Fault, Received, RowReceiver, receiving

from lipiyana.events.v1 import row_receiver_service_pb2 as pb

Receiver = RowReceiver | GrpcReceiver

_FAULTS: list[int | Fault] = [200, 200, 200, Fault.DIES_AFTER, Fault.DIES_BEFORE]
_ROWS = 2000
"""Appended before each start; several transactions, and several messages."""
_CPU_SECONDS = (0.2, 1.1)
"""Of the process, until a kill: a start takes half a second. Unlike the time of day, this does not
depend on what else the machine does."""
_LONGEST = 10.0
"""Seconds, for a process that waits."""


def main() -> int:
    """Run, and print what came."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--over", choices=["http", "grpc"], default="http")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=32)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    with TemporaryDirectory() as folder, _receiving(arguments.over, generator) as receiver:
        rows = Path(folder) / "rows.jsonl"
        written = 0
        stages: Counter[str] = Counter()
        for _ in range(arguments.kills):
            written = _append(rows, written)
            stages[_killed(receiver, rows, generator.uniform(*_CPU_SECONDS))] += 1
        if isinstance(receiver, GrpcReceiver):
            receiver.answer = lambda *_: None
        else:
            receiver.answer = _takes_all
        code = subprocess.run(_command(receiver, rows), check=False).returncode
        return _report(receiver, written, stages, code)


@contextmanager
def _receiving(over: str, generator: random.Random) -> Iterator[Receiver]:
    if over == "http":
        with receiving() as by_http:
            by_http.answer = lambda _: generator.choice(_FAULTS)
            yield by_http
        return
    with grpc_receiving() as by_grpc:

        def fails(request: pb.DeliverRequest, context: grpc.ServicerContext) -> Any:
            taken = [row.id for row in request.rows]
            match generator.randrange(5):
                case 0:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "before")
                case 1:
                    with by_grpc.news:
                        for row in request.rows:
                            by_grpc.doubles += row.id in by_grpc.rows
                            by_grpc.rows[row.id] = json.loads(row.json)
                    context.abort(grpc.StatusCode.UNAVAILABLE, "after")
                case 2:
                    taken = generator.sample(taken, generator.randint(0, len(taken)))
            return pb.DeliverResponse(taken_ids=taken)

        by_grpc.answer = fails
        yield by_grpc


def _append(rows: Path, written: int) -> int:
    with rows.open("a", encoding="utf-8") as file:
        for number in range(written, written + _ROWS):
            file.write(json.dumps({"n": number, "text": "x" * 300}) + "\n")
    return written + _ROWS


def _killed(receiver: Receiver, rows: Path, cpu_seconds: float) -> str:
    """Run it until it has used so much time of the CPU, and kill it; say how far it had come."""
    before = len(receiver.rows)
    process = subprocess.Popen([*_command(receiver, rows), "--follow"], stderr=subprocess.DEVNULL)
    until = time.monotonic() + _LONGEST
    while _cpu_seconds(process.pid) < cpu_seconds and time.monotonic() < until:
        time.sleep(0.005)
    process.kill()
    process.wait()
    spooled = (rows.parent / "spool" / "spool.sqlite").exists()
    if len(receiver.rows) > before:
        return "while it sent"
    return "before it sent" if spooled else "before there was a spool"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _takes_all(_: Received) -> int:
    return 200


def _command(receiver: Receiver, rows: Path) -> list[str]:
    spool = str(rows.parent / "spool")
    by_grpc = isinstance(receiver, GrpcReceiver)
    to = f"grpc://{receiver.address}" if isinstance(receiver, GrpcReceiver) else receiver.url
    return [
        sys.executable, "-m", "lipiyana", "forward", str(rows), "--to", to, "--spool",
        spool, "--compress", "gzip" if by_grpc else "zstd",
    ]  # fmt: skip


def _report(receiver: Receiver, written: int, stages: Counter[str], code: int) -> int:
    counts = Counter(row["n"] for row in receiver.rows.values())
    lost = written - len(counts)
    twice = sum(count - 1 for count in counts.values())
    print(f"kills: {sum(stages.values())} ({dict(stages)})")
    print(f"rows written: {written}, ids that came: {len(receiver.rows)}")
    print(f"rows that came again and were dropped by their id: {receiver.doubles}")
    messages = receiver.calls if isinstance(receiver, GrpcReceiver) else receiver.messages
    print(f"messages: {len(messages)}; the last run ended with {code}")
    print(f"lost: {lost}, counted twice: {twice}")
    return int(bool(lost or twice or code))


if __name__ == "__main__":
    sys.exit(main())
