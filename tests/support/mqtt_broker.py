"""A real MQTT broker for tests: mosquitto on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from needs import MOSQUITTO


def mosquitto() -> str:
    """Return the program; the test skips where there is none."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(MOSQUITTO)
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def broker(folder: Path, port: int, *settings: str) -> Iterator[None]:
    """Run a broker until the end of the block; it keeps sessions in the folder."""
    program = mosquitto()
    lines = [
        f"listener {port} 127.0.0.1", "persistence true", f"persistence_location {folder}/",
        "log_dest stderr", "user root", *(settings or ["allow_anonymous true"]),
    ]  # fmt: skip
    file = folder / "mosquitto.conf"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    process = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if " running" in line:
                break
        else:
            raise AssertionError("mosquitto did not start: " + "".join(said))
        yield
    finally:
        process.terminate()
        process.communicate()
