"""What it costs a picture to run its models on a server of the Open Inference Protocol.

The server runs on this machine, as a process of its own, with the same files and one thread a
model. Every picture of `samples/` is read here and there in turn; answers must be equal. CPU
seconds are those of both processes; each figure is the mean over the pictures of the median of
the rounds.

    python benchmarks/inference/inference_hop.py --json hop.json
    python benchmarks/inference/inference_hop.py --inference grpc://HOST:PORT  # a server that runs
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipiyana import samples
from lipiyana.inference.models import RemoteModels
from lipiyana.inference.options import InferenceOptions, NoObserver
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Layout, Recognition, RecognitionConfig

SERVER = Path(__file__).parents[2] / "tests" / "support" / "model_server.py"
TICKS = 100


class Bytes(NoObserver):
    """Adds up runs and bytes."""

    def __init__(self) -> None:
        """Start from zero."""
        self.runs = self.sent = self.received = 0

    def inference_ended(
        self,
        model: str,  # noqa: ARG002
        code: str,  # noqa: ARG002
        seconds: float,  # noqa: ARG002
        sent: int,
        received: int,
    ) -> None:
        """Add one run."""
        self.runs, self.sent, self.received = (
            self.runs + 1, self.sent + sent, self.received + received
        )  # fmt: skip


@contextmanager
def server(address: str | None) -> Iterator[tuple[str, int | None]]:
    """A server of models: its address, and its process where it is on this machine."""
    if address is not None:
        yield address, None
        return
    with subprocess.Popen([sys.executable, SERVER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"grpc://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.kill()


def cpu_of(pid: int | None) -> float:
    """CPU seconds of another process; 0 of a server whose process is not known."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def read(recognizer: LocalRecognizer, picture: Path) -> Recognition:
    """Read one picture."""
    layout = Layout.SCENE if picture.parent.name == "scenes" else Layout.PLATE
    found = recognizer.recognize(picture, RecognitionConfig(layout=layout))
    return dataclasses.replace(found, timings={})


def measure(
    folder: str, rounds: int, most: int | None, address: str | None, **options: Any
) -> dict[str, Any]:
    """Compare reading here and there, picture by picture."""
    pictures = sorted((Path(samples.__path__[0]) / folder).glob("*.jpg"))[:most]
    here = LocalRecognizer(ModelStore(threads=1))
    counted = Bytes()
    with server(address) as (where, pid):
        models = RemoteModels(InferenceOptions(where, timeout=60, **options), counted)
        there = LocalRecognizer(ModelStore(threads=1, source=models))
        unequal = [p.name for p in pictures if read(here, p) != read(there, p)]
        before = counted.runs, counted.sent, counted.received
        wall: dict[str, list[list[float]]] = {"here": [], "there": []}
        cpu: dict[str, list[list[float]]] = {"here": [], "there": []}
        for picture in pictures:
            for seconds in (*wall.values(), *cpu.values()):
                seconds.append([])
            # in turns, so that a machine that becomes slower is slower for both
            for _ in range(rounds):
                for name, recognizer in (("here", here), ("there", there)):
                    start, begun = time.perf_counter(), time.process_time() + cpu_of(pid)
                    read(recognizer, picture)
                    wall[name][-1].append(time.perf_counter() - start)
                    cpu[name][-1].append(time.process_time() + cpu_of(pid) - begun)
        there.close()
    count = len(pictures)
    # of each picture the median of its rounds
    seconds_of, cpu_of_all = (
        {name: statistics.mean(map(statistics.median, of)) for name, of in seconds.items()}
        for seconds in (wall, cpu)
    )
    spent = (counted.runs - before[0], counted.sent - before[1], counted.received - before[2])
    runs, sent, received = (value / rounds / count for value in spent)
    return {
        "pictures": count,
        "unequal": unequal,
        "wall_ms": {name: round(1000 * value, 2) for name, value in seconds_of.items()},
        "cpu_ms": {name: round(1000 * value, 2) for name, value in cpu_of_all.items()},
        "hop_wall_ms": round(1000 * (seconds_of["there"] - seconds_of["here"]), 2),
        "hop_cpu_ms": round(1000 * (cpu_of_all["there"] - cpu_of_all["here"]), 2),
        "runs": round(runs, 1),
        "sent_mb": round(sent / 1e6, 2),
        "received_mb": round(received / 1e6, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pictures", type=int, help="of each folder; default: all")
    parser.add_argument("--inference", metavar="ADDRESS")
    parser.add_argument(
        "--shared-memory", type=int, default=0, metavar="MIB", help="of a server on this machine"
    )
    parser.add_argument("--kept", default="", help="models that stay here, with commas")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    kept = frozenset(filter(None, arguments.kept.split(",")))
    figures = {
        folder: measure(
            folder,
            arguments.rounds,
            arguments.pictures,
            arguments.inference,
            kept=kept,
            shared_memory=arguments.shared_memory * 2**20,
        )
        for folder in ("plates", "scenes")
    }
    for folder, found in figures.items():
        print(folder, *(f"{key}: {value}" for key, value in found.items()), sep="\n  ")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
