"""Memory of unauthenticated calls while they are held, compared with the server's estimate."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from raw_http2 import Header, RawConnection, message
from served_fake import PATIENCE

from lipiyana.server.tuning import CONNECTIONS as LIMITS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CONNECTIONS, CALLS = 4, 64
METADATA_KEY_BYTES = 32
"""Overhead that gRPC counts for each metadata key, in addition to its bytes."""

PROGRAM = f"""
import asyncio
import logging
import sys
from dataclasses import replace
from pathlib import Path
from lipiyana.server import RecognitionServer, ServerSettings, server
from lipiyana.server.telemetry.metrics import Metrics
from served_fake import FakeRecognizer

async def main():
    settings = ServerSettings(
        port=0, threads=1, tokens=Path(sys.argv[1]), shutdown_grace=0,
        max_connections={CONNECTIONS}, max_connection_calls={CALLS},
    )
    metrics = Metrics()
    async with RecognitionServer(FakeRecognizer(), settings, metrics=metrics) as running:
        print(running.target, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            (rss,) = [l for l in open("/proc/self/status") if l.startswith("VmRSS")]
            labels = {{"rpc": "Recognize", "code": "UNAUTHENTICATED"}}
            refused = metrics.registry.get_sample_value("lipiyana_requests_total", labels)
            print(int(refused or 0), int(rss.split()[1]) * 1024, flush=True)

logging.disable()
# so that all of them wait
server.CONNECTIONS = replace(server.CONNECTIONS, refusals_per_second=0.001, refusals_at_once=0)
asyncio.run(main())
"""


@contextmanager
def served(tokens: Path) -> Iterator[tuple[str, Callable[[], tuple[int, int]]]]:
    """Yield a server's address and a function that returns its refused calls and its memory."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tokens)],
        cwd=Path(__file__).parents[2] / "support",
        env={**os.environ, "MALLOC_ARENA_MAX": "2"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(100, process.kill)
        guard.start()
        assert process.stdin is not None
        assert process.stdout is not None
        answers = process.stdout
        questions = process.stdin

        def look() -> tuple[int, int]:
            questions.write("\n")
            questions.flush()
            refused, rss = answers.readline().split()
            return int(refused), int(rss)

        try:
            yield answers.readline().strip(), look
        finally:
            guard.cancel()
            process.kill()


def headers(size: int) -> list[Header]:
    """As much metadata as a call may have, each value of `size` bytes."""
    left = LIMITS.max_metadata_bytes - 400  # for what every call has
    name = b"x"
    return [(name, b"y" * size)] * (left // (METADATA_KEY_BYTES + len(name) + size))


@pytest.mark.parametrize("size", [1, 1600])
def test_a_held_call_takes_at_most_its_estimated_memory(tmp_path: Path, size: int) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("")
    with served(tokens) as (target, look), ExitStack() as stack:
        before = look()[1]
        for _ in range(CONNECTIONS):
            raw = stack.enter_context(RawConnection(target, PATIENCE))
            for _ in range(CALLS):
                stream = raw.open(b"/lipiyana.v1.RecognitionService/Recognize", headers(size))
                raw.send(stream, message(b"", size=1 << 20))
                raw.sync()
                raw.send(stream, bytes(raw.room(stream)))
            raw.sync()
        while look()[0] < CONNECTIONS * CALLS:
            pass
        held = (look()[1] - before) / (CONNECTIONS * CALLS)
    assert (
        LIMITS.window_bytes
        < held
        < LIMITS.call_bytes - LIMITS.first_window_bytes + LIMITS.window_bytes
    )
