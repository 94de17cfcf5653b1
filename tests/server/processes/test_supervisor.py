"""Several real worker processes on one port."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from worker_recognizers import KILLER, PROOF

from lipiyana.client import Client
from lipiyana.errors import Unavailable
from lipiyana.server.processes.supervisor import _reserved_port
from lipiyana.types import CachePolicy, Frame, RecognitionConfig

SUPPORT = Path(__file__).parents[2] / "support"
BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)

PROGRAM = """
import sys
import worker_recognizers
from lipiyana.errors import LipiyanaError
from lipiyana.server import ServerSettings, supervise
from lipiyana.server.telemetry.logs import configure_logging

def ready(started):
    print(started.target, started.metrics_port, flush=True)

if __name__ == "__main__":
    configure_logging("text")
    settings = ServerSettings(port=int(sys.argv[2]), metrics_port=0, workers=2, threads=1)
    try:
        supervise(settings, getattr(worker_recognizers, sys.argv[1]), on_ready=ready)
    except LipiyanaError as error:
        sys.exit(error.message)
"""


@dataclass
class Supervised:
    process: subprocess.Popen[str]
    target: str
    metrics_port: str

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Read the log until a line matches."""
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            if found := re.search(pattern, line):
                return found
            seen.append(line)
        raise AssertionError(f"{pattern} is not in the log: {''.join(seen)}")


@contextmanager
def supervised(proof: Path) -> Iterator[Supervised]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "tells_pid", "0"],
        cwd=SUPPORT,
        env={**os.environ, PROOF: str(proof), "TMPDIR": str(proof.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(120, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            yield Supervised(process, *process.stdout.readline().split())
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=60)


def worker_that_answers(target: str) -> int:
    """Call on a new channel; return the id of the process that answered."""
    with Client(target) as client:
        return int(client.recognize(b"who", BYPASS).text_lines[0].text)


def both_workers(target: str) -> set[int]:
    """Open channels until both workers have answered; return their process ids."""
    seen: set[int] = set()
    while len(seen) < 2:
        seen.add(worker_that_answers(target))
    return seen


def metric(port: str, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )


def test_workers_share_a_port_and_their_metrics(tmp_path: Path) -> None:
    with supervised(tmp_path / "proof") as server:
        asked = 0
        seen: set[int] = set()
        while len(seen) < 2:
            seen.add(worker_that_answers(server.target))
            asked += 1
        assert metric(server.metrics_port, "lipiyana_requests_total") == asked
        assert metric(server.metrics_port, "lipiyana_request_seconds_count") == asked
        assert metric(server.metrics_port, "lipiyana_queue_pictures") == 0
        assert server.process.pid not in seen
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def test_a_worker_killed_during_a_call_is_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path / "proof") as server:
        first = both_workers(server.target)
        with Client(server.target) as client:
            # the client retries the call, and the other worker answers
            survivor = client.recognize(KILLER, BYPASS)
            assert int(survivor.text_lines[0].text) in first
        died = int(server.wait_for_log(r"pid (\d+)\) ended with -9")[1])
        server.wait_for_log(r"worker \d \(pid \d+\) is serving")
        second = both_workers(server.target)
        assert died in first
        assert first - second == {died}
        assert metric(server.metrics_port, "lipiyana_requests_total") > 0


def test_without_retries_the_call_of_a_killed_worker_is_unavailable(tmp_path: Path) -> None:
    with (
        supervised(tmp_path / "proof") as server,
        Client(server.target) as client,
    ):
        frames = iter([Frame(1, b"who"), Frame(2, KILLER)])
        stream = client.recognize_stream(frames)
        with pytest.raises(Unavailable):
            list(stream)
        assert int(client.recognize(b"who", BYPASS).text_lines[0].text)


def test_workers_and_files_are_removed_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path / "proof") as server, ExitStack() as stack:
        watched = {}
        for pid in both_workers(server.target):
            watched[pid] = os.pidfd_open(pid)
            stack.callback(os.close, watched[pid])
        server.process.kill()
        for pid, file in watched.items():
            gone, _, _ = select.select([file], [], [], 60)
            assert gone, f"worker {pid} lives on"
        assert not list(tmp_path.glob("lipiyana-*"))


@pytest.mark.parametrize("reuse", [False, True])
def test_a_taken_port_is_reported(reuse: bool) -> None:
    with socket.socket() as taken:
        if reuse:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_to_end("tells_pid", taken.getsockname()[1])
    assert done.returncode == 1
    assert "the port is taken" in done.stderr


def test_workers_that_cannot_start_are_reported() -> None:
    done = run_to_end("cannot_start", 0)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("no model here")


def run_to_end(factory: str, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, factory, str(port)],
        cwd=SUPPORT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_old_connections_do_not_block_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as caller:
            answering, _ = before.accept()
            answering.close()  # the server's end closes first, which leaves the port in TIME_WAIT
            assert caller.recv(1) == b""
    with _reserved_port("127.0.0.1", port) as reserved:
        assert reserved == port
