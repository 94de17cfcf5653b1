"""Start, ports, workers and memory of HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from http_calls import Http
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.client import AsyncClient
from lipiyana.errors import InvalidRequest, LipiyanaError, Unavailable
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.processes.memory import memory_bounds

SUPPORT = Path(__file__).parents[2] / "support"


WITHOUT_HTTP = """
import sys
from lipiyana.client import Client
from lipiyana.server import ServerSettings, running_server
from served_fake import FakeRecognizer

with running_server(FakeRecognizer(), ServerSettings(port=0)) as server:
    with Client(server.target) as client:
        client.recognize(b"a")
    assert server.http_port is None
loaded = {"fastapi", "starlette", "uvicorn", "websockets", "h11"} & set(sys.modules)
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""


WITHOUT_THE_EXTRA = """
import sys
sys.modules["fastapi"] = None
from lipiyana.errors import MissingExtra
from lipiyana.server import ServerSettings, running_server
from served_fake import FakeRecognizer

try:
    with running_server(FakeRecognizer(), ServerSettings(port=0, http_port=0)):
        pass
except MissingExtra as error:
    print(error.extra, error.message)
"""


WORKERS = """
import sys
import worker_recognizers
from lipiyana.errors import LipiyanaError
from lipiyana.server import ServerSettings, supervise
from lipiyana.server.telemetry.logs import configure_logging

if __name__ == "__main__":
    configure_logging("text")
    settings = ServerSettings(port=0, http_port=int(sys.argv[1]), workers=2, threads=1)
    try:
        sys.exit(supervise(
            settings, worker_recognizers.tells_pid,
            on_ready=lambda started: print(started.http_port, flush=True),
        ))
    except LipiyanaError as error:
        sys.exit(error.message)
"""


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=dict(os.environ),
    )  # fmt: skip


def test_without_an_http_port_nothing_of_it_is_loaded() -> None:
    with python(WITHOUT_HTTP) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def test_a_missing_extra_is_named() -> None:
    with python(WITHOUT_THE_EXTRA) as process:
        output, errors = process.communicate(timeout=60)
    assert output.startswith("http http_port needs the extra 'http': pip install"), errors


def test_a_taken_port_is_reported(server: RecognitionServer, fake: FakeRecognizer) -> None:
    taken = ServerSettings(port=0, http_port=server.http_port)
    with (
        pytest.raises(InvalidRequest, match="Address already in use") as caught,
        running_server(fake, taken),
    ):
        pass
    assert (caught.value.field, caught.value.reason) == ("http_port", "PORT_IN_USE")


def test_a_host_of_another_machine_is_reported(fake: FakeRecognizer) -> None:
    with (
        pytest.raises(LipiyanaError),
        running_server(fake, ServerSettings(host="192.0.2.1", port=0, http_port=0)),
    ):
        pass


def test_the_ports_must_differ() -> None:
    with pytest.raises(InvalidRequest, match="metrics_port and http_port are both 8080"):
        ServerSettings.load(metrics_port=8080, http_port=8080)


@pytest.mark.parametrize("origins", ["app.example", "https://app.example/", "*", "null"])
def test_origins_are_checked(origins: str) -> None:
    with pytest.raises(InvalidRequest, match="must be origins") as caught:
        ServerSettings.load(http_origins=origins)
    assert caught.value.field == "http_origins"


def test_origins_are_read_from_a_variable_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ("https://a.example", "http://localhost:3000")
    file = tmp_path / "server.toml"
    file.write_text('http_origins = ["https://a.example", "http://localhost:3000"]')
    assert ServerSettings.load(file).http_origins == expected
    monkeypatch.setenv("LIPIYANA_HTTP_ORIGINS", ", ".join(expected))
    assert ServerSettings.load().http_origins == expected


def test_ipv6(fake: FakeRecognizer) -> None:
    settings = ServerSettings(host="::1", port=0, http_port=0, threads=1)
    with running_server(fake, settings) as server:
        assert server.http_port is not None
        connection = http.client.HTTPConnection("::1", server.http_port, timeout=PATIENCE)
        connection.request("GET", "/readyz")
        assert json.loads(connection.getresponse().read()) == {"ready": True}
        connection.close()


def test_workers_share_the_port() -> None:
    with python(WORKERS, "0") as process:
        guard = threading.Timer(120, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            seen: set[str] = set()
            for number in range(200):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                connection.request("POST", "/v1/recognize", b"%d" % number)
                reply = json.loads(connection.getresponse().read())
                seen.add(reply["text_lines"][0]["text"])
                connection.close()
                if len(seen) == 2:
                    break
            assert len(seen) == 2
            with python(WORKERS, str(port)) as other:
                _, errors = other.communicate(timeout=60)
            assert f"HTTP cannot be served at 127.0.0.1:{port}" in errors
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=60)
        assert process.returncode == 0


def test_the_memory_of_http_is_in_the_sum() -> None:
    without = sum(memory_bounds(ServerSettings(threads=2)).values())
    bounds = memory_bounds(ServerSettings(threads=2, http_port=8080))
    assert sum(bounds.values()) - without == bounds["http_port"] > 0


async def test_grpc_and_http_answer_on_one_loop(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    async with RecognitionServer(fake, settings) as server, AsyncClient(server.target) as client:
        loop = asyncio.get_running_loop()
        web = Http(server)
        with ThreadPoolExecutor() as pool:
            both = await asyncio.gather(
                client.recognize(b"a"), loop.run_in_executor(pool, web.recognize, b"b")
            )
        assert both[1].status == 200
        web.close()
    with pytest.raises(Unavailable):
        async with AsyncClient(server.target) as client:
            await client.recognize(b"a", timeout=5)
