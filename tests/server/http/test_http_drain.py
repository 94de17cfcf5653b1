"""Shutdown of the HTTP port."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from http_calls import Http, raw, until
from served_fake import PATIENCE, FakeRecognizer
from websockets.sync.client import connect

from lipiyana.server import RecognitionServer, ServerSettings
from lipiyana.server import server as server_module

SUPPORT = Path(__file__).parents[2] / "support"


WAITING = """
import sys
from lipiyana.server import ServerSettings, serve
from served_fake import FakeRecognizer, recognition

class Waiting(FakeRecognizer):
    def recognize(self, image, config=None, *, timeout=None):
        if image == b"slow":
            print("began", flush=True)
            sys.stdin.readline()
        return recognition("read")

sys.exit(serve(
    ServerSettings(port=0, http_port=0),
    Waiting(),
    on_ready=lambda server: print(server.http_port, flush=True),
))
"""


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=dict(os.environ),
    )  # fmt: skip


async def test_a_call_is_not_cut_off_because_grpc_has_stopped(
    fake: FakeRecognizer, settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "ENDING", replace(server_module.ENDING, heard_seconds=0.01))
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    stop, stopped = server._server.stop, asyncio.Event()  # type: ignore[union-attr]

    async def noted(grace: float) -> None:
        await stop(grace)
        stopped.set()

    monkeypatch.setattr(server._server, "stop", noted)
    with ThreadPoolExecutor() as pool:
        loop = asyncio.get_running_loop()
        client = Http(server)
        accepted = loop.run_in_executor(pool, client.recognize, b"a")
        await loop.run_in_executor(pool, fake.wait_for, b"a")
        stopping = asyncio.create_task(server.stop())
        await asyncio.wait_for(stopped.wait(), PATIENCE)
        for _ in range(10):
            await asyncio.sleep(0)
        fake.release()
        assert (await accepted).status == 200
        assert await stopping == 0
        client.close()


async def test_a_drain_finishes_what_is_accepted(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    with ThreadPoolExecutor() as pool:
        loop = asyncio.get_running_loop()
        first, second, probe = (Http(server) for _ in range(3))
        ready = await loop.run_in_executor(pool, probe.get, "/readyz")
        assert ready.status == 200
        await loop.run_in_executor(pool, second.get, "/healthz")
        accepted = loop.run_in_executor(pool, first.recognize, b"a")
        await loop.run_in_executor(pool, fake.wait_for, b"a")
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        # both connections are from before the drain
        refused = await loop.run_in_executor(pool, second.recognize, b"b")
        assert refused.outcome == (503, "UNAVAILABLE", "DRAINING")
        assert refused.headers["retry-after"] == "1"
        ready = await loop.run_in_executor(pool, probe.get, "/readyz")
        assert ready.status == 503
        fake.release()
        assert (await accepted).status == 200
        assert await stopping == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", first.port))
        for one in (first, second, probe):
            one.close()


async def test_requests_are_cut_off_after_the_grace_period(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    with ThreadPoolExecutor() as pool:
        loop = asyncio.get_running_loop()
        client = Http(server)
        accepted = loop.run_in_executor(pool, client.recognize, b"a")
        await loop.run_in_executor(pool, fake.wait_for, b"a")
        assert await server.stop(0.2) == 1
        reply = await accepted
        assert reply.outcome == (503, "UNAVAILABLE", "DRAINING")
        client.close()
        fake.release()


async def test_a_drain_ends_streams(fake: FakeRecognizer, settings: ServerSettings) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    with ThreadPoolExecutor() as pool:
        loop = asyncio.get_running_loop()
        address = f"ws://127.0.0.1:{server.http_port}/v1/stream"
        connection = await loop.run_in_executor(
            pool, lambda: connect(address, proxy=None).__enter__()
        )
        connection.send("{}")
        connection.send(bytes(8) + b"a")
        await loop.run_in_executor(pool, fake.wait_for, b"a")
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        fake.release()
        last = json.loads(await loop.run_in_executor(pool, connection.recv))
        assert last["recognition"]["text_lines"][0]["text"] == "a"
        end = json.loads(await loop.run_in_executor(pool, connection.recv))
        assert end["error"]["reason"] == "DRAINING"
        await loop.run_in_executor(pool, connection.close)
        assert await stopping == 0


async def test_idle_connections_do_not_delay_the_end(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    with ThreadPoolExecutor() as pool, raw(server) as idle, raw(server) as half:
        half.send(b"GET / HT")
        loop = asyncio.get_running_loop()
        listener = server._http
        assert listener is not None
        await loop.run_in_executor(pool, until, lambda: listener.connections == 2)
        async with asyncio.timeout(settings.shutdown_grace / 2):
            assert await server.stop() == 0
        assert idle.rest() == half.rest() == b""


def test_a_signal_ends_the_process_after_its_requests() -> None:
    with python(WAITING) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/v1/recognize", b"slow")
        assert process.stdout.readline() == "began\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert connection.getresponse().read()
        connection.close()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
