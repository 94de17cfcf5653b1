"""The grace period limits the time of a shutdown, whatever still runs in the process."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lipiyana.client import Client
from lipiyana.errors import LipiyanaError, Unavailable
from lipiyana.server.processes.ending import CUT_OFF
from lipiyana.types import Recognition

SUPPORT = Path(__file__).parents[2] / "support"
ANSWERED = 0

PROGRAM = """
import sys
import stuck_recognizers
from lipiyana.server import ServerSettings, serve, supervise
from lipiyana.server.telemetry.logs import configure_logging

def ready(started):
    print(started.target, flush=True)

if __name__ == "__main__":
    configure_logging("text")
    kind, grace, workers = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    make = getattr(stuck_recognizers, kind)
    settings = ServerSettings(port=0, shutdown_grace=grace, workers=workers, threads=2)
    if workers > 1:
        code = supervise(settings, make, on_ready=ready)
    else:
        code = serve(settings, make(settings, None), on_ready=ready)
    sys.exit(code)
"""


@dataclass
class Served:
    process: subprocess.Popen[str]
    target: str
    client: Client
    threads: ThreadPoolExecutor
    seen: str = ""

    def call(self, picture: bytes) -> Future[Recognition]:
        """Call in another thread, and wait until the picture is being read."""
        called = self.threads.submit(self.client.recognize, picture, timeout=100)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "began\n"
        return called

    def end(self) -> int:
        """Wait for the end of the process; return its exit code."""
        code = self.process.wait(60)
        assert self.process.stderr is not None
        self.seen += self.process.stderr.read()
        return code


@contextmanager
def served(kind: str, *, grace: float = 1, workers: int = 1) -> Iterator[Served]:
    with (
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, kind, str(grace), str(workers)],
            cwd=SUPPORT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        ThreadPoolExecutor() as threads,
    ):
        guard = threading.Timer(100, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            target = process.stdout.readline().strip()
            with Client(target) as client:
                yield Served(process, target, client, threads)
        finally:
            guard.cancel()
            process.kill()


def outcome(call: Future[Recognition]) -> LipiyanaError | None:
    error = call.exception(60)
    assert error is None or isinstance(error, LipiyanaError)
    return error


@pytest.mark.parametrize("workers", [1, 2])
def test_a_picture_that_never_finishes_is_cut_off(workers: int) -> None:
    with served("never_reads", workers=workers) as server:
        call = server.call(b"stuck")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == CUT_OFF
        error = outcome(call)
    assert isinstance(error, Unavailable)
    assert "1 accepted calls were cut off" in server.seen


def test_a_call_that_blocks_the_event_loop_is_cut_off() -> None:
    with served("blocks_the_loop") as server:
        call = server.call(b"stuck")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == CUT_OFF
        assert isinstance(outcome(call), Unavailable)
    assert "shutdown_grace is over; 1 accepted calls were cut off" in server.seen


def test_a_recognizer_that_never_closes_loses_no_call() -> None:
    with served("never_closes") as server:
        assert server.client.recognize(b"a").image_width
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == ANSWERED
    assert "shutdown_grace is over; 0 accepted calls were cut off" in server.seen


def test_a_picture_whose_caller_has_left_loses_no_call() -> None:
    with served("never_reads") as server:
        call = server.threads.submit(server.client.recognize, b"stuck", timeout=5)
        assert server.process.stdout is not None
        assert server.process.stdout.readline() == "began\n"
        assert outcome(call) is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == ANSWERED
    assert "0 accepted calls were cut off" in server.seen


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_the_process_at_once(workers: int) -> None:
    with (
        served("never_reads", grace=3600, workers=workers) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        call = server.call(b"stuck")
        server.process.send_signal(signal.SIGTERM)
        assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == CUT_OFF
        assert isinstance(outcome(call), Unavailable)


def test_a_stopped_worker_is_killed() -> None:
    with served("never_reads", workers=2) as server, ExitStack() as stack:
        pid = int(server.client.recognize(b"who").text_lines[0].text)
        watched = os.pidfd_open(pid)
        stack.callback(os.close, watched)
        os.kill(pid, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == CUT_OFF
        assert re.search(rf"worker-\d \(pid {pid}\) did not end and is killed", server.seen)
        gone, _, _ = select.select([watched], [], [], 60)
        assert gone


def test_all_accepted_calls_are_answered() -> None:
    with served("never_reads", grace=60, workers=2) as server:
        assert server.client.recognize(b"who").text_lines
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == ANSWERED
    assert "cut off" not in server.seen
