"""The processes of serve.py: the server, the load, and the pipeline without a server."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from serve_load import Outcome, Plan

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Server:
    """Addresses of a running server."""

    target: str
    metrics: str

    def seconds(self) -> tuple[float, float]:
        """Sum and count of the durations of `Recognize` so far."""
        with urllib.request.urlopen(self.metrics, timeout=10) as response:
            families = list(text_string_to_metric_families(response.read().decode()))
        samples = {
            sample.name: sample.value
            for family in families
            for sample in family.samples
            if sample.labels.get("rpc") == "Recognize" and "le" not in sample.labels
        }
        name = "lipiyana_request_seconds"
        return samples.get(f"{name}_sum", 0.0), samples.get(f"{name}_count", 0.0)


@contextmanager
def serving() -> Iterator[Server]:
    """Run `lipiyana serve` with its defaults, at free ports."""
    program = "from lipiyana.cli.main import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        target = json.loads(process.stderr.readline())["message"].split()[-1]
        metrics = json.loads(process.stderr.readline())["message"].split()[-1]
        # nobody reads its log, which must not fill the pipe
        with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
            try:
                yield Server(target, metrics)
            finally:
                process.terminate()
                process.wait(60)


class Helper:
    """A process that answers each line with a line."""

    def __init__(self, script: str, *arguments: str) -> None:
        """Start it; it waits for its first line."""
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> str:
        """Send a line and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


class Load(Helper):
    """The process that sends load to a server."""

    def __init__(self) -> None:
        """Start the process."""
        super().__init__("serve_load.py")

    def put(self, plan: Plan) -> Outcome:
        """Send the load that a plan describes."""
        return Outcome(**json.loads(self.ask(json.dumps(asdict(plan)))))


class InProcess(Helper):
    """Reads pictures without a server."""

    def __init__(self, layout: str, pictures: Sequence[str]) -> None:
        """Start the process."""
        super().__init__("serve_in_process.py", layout, *pictures)

    def pictures_a_second(self, threads: int, seconds: float) -> float:
        """Measure with this number of threads."""
        return float(self.ask(f"{threads} {seconds}"))
