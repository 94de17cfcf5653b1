"""Keys and TLS of the HTTP port."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from certificates import Authority
from http_calls import Http, raw
from served_fake import PATIENCE, FakeRecognizer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.tuning import CONNECTIONS, LOGS


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
        connection.send(
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        )
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
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
            shown = connection.sock.getpeercert()
            reply = connection.getresponse()
            assert (reply.status, bool(reply.read())) == (200, True)
            subject = dict(part[0] for part in shown["subject"])
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

        def ask() -> None:
            # the server's alert may come before the request is written, or after
            connection.request("POST", "/v1/recognize", b"a")
            connection.getresponse()

        with closing(connection), pytest.raises((ssl.SSLError, ConnectionError)):
            ask()
