"""DNS rebinding: pages whose own name resolves to this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from http_calls import Http, raw
from served_fake import PATIENCE, FakeRecognizer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lipiyana.errors import InvalidRequest, PermissionDenied
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.http.hosts import Hosts

FOREIGN = (403, "PERMISSION_DENIED", "FOREIGN_HOST")
PATHS = ("/", "/v1/models", "/docs", "/static/js/app.js", "/healthz", "/nothing")


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_name_is_refused(http: Http, path: str) -> None:
    reply = http.get(path, {"host": "evil.example"})
    assert reply.outcome == FOREIGN
    assert reply.headers["x-request-id"] == reply.json["request_id"]


def test_a_foreign_name_reads_no_picture(http: Http, fake: FakeRecognizer) -> None:
    host = f"evil.example:{http.port}"
    assert http.recognize(b"a", host=host, origin=f"http://{host}").outcome == FOREIGN
    assert not fake.computed


def test_a_foreign_name_opens_no_stream(server: RecognitionServer) -> None:
    address, host = f"ws://127.0.0.1:{server.http_port}/v1/stream", "evil.example"
    with raw(server) as connection:
        connection.send(
            b"GET /v1/stream HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert connection.head().startswith(b"HTTP/1.1 403 ")
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, proxy=None, open_timeout=PATIENCE, origin=f"http://{host}"),  # type: ignore[arg-type]
    ):
        pass
    assert json.loads(bytes(refused.value.response.body))["reason"] == "FOREIGN_ORIGIN"


def test_an_allowed_origin_does_not_make_a_name_allowed(
    settings: ServerSettings, fake: FakeRecognizer
) -> None:
    origin = "http://evil.example"
    with running_server(fake, settings.model_copy(update={"http_origins": (origin,)})) as server:
        http = Http(server)
        ask = {"origin": origin, "access-control-request-method": "POST", "host": "evil.example"}
        assert http.call("OPTIONS", "/v1/recognize", headers=ask).outcome == FOREIGN
        http.close()


def test_listed_names_are_answered(settings: ServerSettings, fake: FakeRecognizer) -> None:
    listed = settings.model_copy(update={"http_hosts": ("signs.example",)})
    with running_server(fake, listed) as server:
        http = Http(server)
        for host in ("signs.example", "SIGNS.example.:443", f"localhost:{http.port}"):
            assert http.get("/healthz", {"host": host}).status == 200
        assert http.get("/healthz", {"host": "asigns.example"}).outcome == FOREIGN
        http.close()


def allows(hosts: Hosts, name: str) -> bool:
    try:
        hosts.check({"headers": [(b"host", name.encode("latin-1"))]})
    except PermissionDenied:
        return False
    return True


LOCAL = ("localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1:8080", "127.9.9.9", "[::1]:1")
ODD = (
    "", "evil", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "[::1].evil",
    "localhost@evil", "localhost:80:evil", "localhost/evil", "evil, localhost", "127.1", "\xff",
    "localhost ", "0x7f.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_names_of_a_server_on_loopback(host: str) -> None:
    hosts = Hosts(host, ())
    assert all(allows(hosts, name) for name in LOCAL)
    assert not any(allows(hosts, name) for name in (*ODD, "192.0.2.7", "0.0.0.0"))


def test_names_of_a_server_that_others_reach() -> None:
    assert all(allows(Hosts("0.0.0.0", ()), name) for name in (*LOCAL, *ODD))
    listed = Hosts("0.0.0.0", ("signs.example", "2001:db8::1"))
    assert all(
        allows(listed, one) for one in (*LOCAL, "signs.example", "192.0.2.7", "[2001:db8::2]")
    )
    assert not any(allows(listed, name) for name in ODD)


@pytest.mark.parametrize("hosts", ["signs.example:80", "https://a.example", "*", "a b", "a..b"])
def test_hosts_are_checked(hosts: str) -> None:
    with pytest.raises(InvalidRequest, match="must be host names") as caught:
        ServerSettings.load(http_hosts=hosts)
    assert caught.value.field == "http_hosts"


def test_hosts_are_read_from_a_variable_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.toml"
    file.write_text('http_hosts = ["Signs.example", "[2001:db8::1]"]')
    assert ServerSettings.load(file).http_hosts == ("signs.example", "[2001:db8::1]")
    monkeypatch.setenv("LIPIYANA_HTTP_HOSTS", "signs.example, other")
    assert ServerSettings.load().http_hosts == ("signs.example", "other")
