"""Start, keys, TLS, workers and shutdown of the HTTP port."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from certificates import Authority
from http_calls import Http, raw, until
from served_fake import PATIENCE, FakeRecognizer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import InvalidRequest, LipiyanaError, Unavailable
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.processes.memory import memory_bounds
from lipiyana.server.tuning import CONNECTIONS, LOGS

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
        assert connection.getresponse().status == 200
        connection.close()


def key(name: str, token: str, more: str = "") -> str:
    return f'[{name}]\nsha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n{more}\n'


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.toml"
    # so slow that the bucket does not refill during a test
    path.write_text(
        key("gate", "good") + key("slow", "slow", "pictures_per_second = 0.001\nburst = 3")
    )
    return path


@pytest.fixture
def guarded(
    fake: FakeRecognizer, settings: ServerSettings, tokens: Path
) -> Iterator[RecognitionServer]:
    with running_server(fake, settings.model_copy(update={"tokens": tokens})) as server:
        yield server


@pytest.mark.parametrize(("token", "reason"), [("", "TOKEN_MISSING"), ("bad", "TOKEN_UNKNOWN")])
@pytest.mark.parametrize("path", ["/v1/recognize", "/v1/recognize:batch", "/v1/models"])
def test_calls_without_a_valid_token_are_rejected(
    guarded: RecognitionServer, path: str, token: str, reason: str
) -> None:
    client = Http(guarded, token)
    reply = client.get(path) if path == "/v1/models" else client.recognize(b"a")
    assert reply.outcome == (401, "UNAUTHENTICATED", reason)
    assert reply.headers["www-authenticate"] == "Bearer"
    client.close()


def test_a_token_is_not_needed_for_the_page_and_for_probes(guarded: RecognitionServer) -> None:
    client = Http(guarded)
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json", "/samples/index.json"):
        assert client.get(path).status == 200
    client.close()


def test_a_body_without_a_token_is_not_received(guarded: RecognitionServer) -> None:
    with raw(guarded) as connection:
        connection.send(b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        assert connection.answer().status == 401
        assert connection.rest() == b""


def test_a_key_has_one_rate_limit_over_both_transports(guarded: RecognitionServer) -> None:
    web = Http(guarded, "slow")
    with Client(guarded.target, token="slow") as client:
        client.recognize(b"a")
        assert web.recognize(b"b").status == 200
        client.recognize(b"c")
    limited = web.recognize(b"d")
    assert limited.outcome == (429, "RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert int(limited.headers["retry-after"]) > 600
    assert web.form("/v1/recognize:batch", [("image", b"a")]).status == 429
    web.close()


def test_rejections_are_paced_counted_and_seldom_logged(
    guarded: RecognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "lipiyana.server")
    clients = [Http(guarded, "bad") for _ in range(3)]
    for client in clients:
        for _ in range(CONNECTIONS.refusals_at_once - 2):
            assert client.recognize(b"a").status == 401
        client.close()
    asked = 3 * (CONNECTIONS.refusals_at_once - 2)
    labels = {"rpc": "http.Recognize", "code": "UNAUTHENTICATED"}
    get = guarded._metrics.registry.get_sample_value
    assert get("lipiyana_requests_total", labels) == asked
    assert len([r for r in caplog.records if "UNAUTHENTICATED" in r.getMessage()]) <= LOGS.lines


@pytest.mark.parametrize("in_header", [True, False])
def test_a_stream_takes_a_token_in_its_header_or_first_message(
    guarded: RecognitionServer, in_header: bool
) -> None:
    address = f"ws://127.0.0.1:{guarded.http_port}/v1/stream"
    header = {"authorization": "Bearer good"} if in_header else {}
    setup = {} if in_header else {"authorization": "Bearer good"}
    with connect(address, proxy=None, additional_headers=header) as connection:
        connection.send(json.dumps(setup))
        connection.send(bytes(8) + b"a")
        assert json.loads(connection.recv(timeout=PATIENCE))["frame_id"] == 0


def test_a_stream_without_a_token_is_closed(guarded: RecognitionServer) -> None:
    with connect(f"ws://127.0.0.1:{guarded.http_port}/v1/stream", proxy=None) as connection:
        connection.send("{}")
        error = json.loads(connection.recv(timeout=PATIENCE))["error"]
        assert (error["status"], error["reason"]) == (401, "TOKEN_MISSING")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=PATIENCE)


def test_a_removed_key_ends_with_the_next_frame(guarded: RecognitionServer, tokens: Path) -> None:
    with connect(f"ws://127.0.0.1:{guarded.http_port}/v1/stream", proxy=None) as connection:
        connection.send('{"authorization":"Bearer good"}')
        connection.send(bytes(8) + b"a")
        connection.recv(timeout=PATIENCE)
        tokens.write_text(key("other", "other"))
        connection.send(bytes(8) + b"b")
        assert json.loads(connection.recv(timeout=PATIENCE))["error"]["status"] == 401


def test_tls(fake: FakeRecognizer, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    served = authority.sign("server")
    settings = ServerSettings(
        port=0, http_port=0, threads=1,
        tls_certificate=served.certificate, tls_key=served.key,
        tls_client_ca=authority.files.certificate,
    )  # fmt: skip
    trust = ssl.create_default_context(cafile=str(authority.files.certificate))
    with running_server(fake, settings) as server:
        assert server.http_port is not None
        with socket.create_connection(("127.0.0.1", server.http_port), PATIENCE) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP")
        own = authority.sign("client")
        trust.load_cert_chain(own.certificate, own.key)
        for name in ("server", "newer"):
            if name == "newer":
                newer = authority.sign("newer")
                served.key.write_bytes(newer.key.read_bytes())
                served.certificate.write_bytes(newer.certificate.read_bytes())
            connection = http.client.HTTPSConnection(
                "127.0.0.1", server.http_port, timeout=PATIENCE, context=trust
            )
            connection.request("POST", "/v1/recognize", b"a")
            assert connection.getresponse().status == 200
            subject = dict(part[0] for part in connection.sock.getpeercert()["subject"])
            assert subject["commonName"] == name
            connection.close()


def test_tls_without_a_client_certificate(fake: FakeRecognizer, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    served = authority.sign("server")
    settings = ServerSettings(
        port=0, http_port=0, threads=1,
        tls_certificate=served.certificate, tls_key=served.key,
        tls_client_ca=authority.files.certificate,
    )  # fmt: skip
    trust = ssl.create_default_context(cafile=str(authority.files.certificate))
    with running_server(fake, settings) as server:
        assert server.http_port is not None
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.http_port, timeout=PATIENCE, context=trust
        )
        connection.request("POST", "/v1/recognize", b"a")
        with pytest.raises(OSError, match=r"(?i)certificate.required|reset|closed"):
            connection.getresponse()
        connection.close()


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
        opening = connect(address, proxy=None)
        connection = await loop.run_in_executor(pool, opening.__enter__)
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
        assert connection.getresponse().status == 200
        connection.close()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


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
