from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest, MissingExtra
from lipiyana.events.sinks.addresses import (
    LOGIN_VARIABLE,
    SECRET_VARIABLE,
    Credentials,
    is_open,
    open_sender,
)
from lipiyana.events.sinks.opening import open_event_sink


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ftp://host/path", "use https://HOST/PATH"),
        ("http://example.com/hook", "rows are personal data: use https://"),
        ("https://user:password@example.com/", "a login in an address"),
        ("https:///hook", "the name of a host is missing"),
        ("https://host:port/hook", "its port is not a number"),
        ("grpc://127.0.0.1:0", "its port is not a number"),
        ("https://[::1", "around an IPv6 address"),
        ("grpc://[::1", "around an IPv6 address"),
        ("mqtt://[::1/t", "around an IPv6 address"),
        ("https://host/a b", "it has spaces"),
        ("https://host/a\n", "it has line breaks"),
        ("https://host/#a", "write %23"),
        ("mqtt://127.0.0.1/a/#", r"without \+ and #"),
        ("mqtt://127.0.0.1/a?b", r"write \? as %3F"),
        ("mqtt://host", "mqtt://HOST/TOPIC"),
        ("mqtt://127.0.0.1/a/+", r"without \+ and #"),
        pytest.param("mqtt://127.0.0.1/" + 32_768 * "é", "has 65536 bytes", id="long_topic"),
        ("grpc://host", "use grpc://HOST:PORT"),
        ("grpcs://host:1/path", "use grpcs://HOST:PORT"),
    ],
)
def test_addresses_that_cannot_be_used(address: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        open_sender(address, Credentials())
    assert "password" not in caught.value.message
    with pytest.raises(InvalidRequest, match=says):
        open_event_sink(address, Credentials(), print)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.com/", False),
        ("mqtts://example.com/t", False),
        ("mqtt://example.com/t", True),
        ("grpc://example.com:1", True),
        ("grpcs://example.com:1", False),
        ("mqtt://localhost/t", False),
        ("http://[::1]:8080/", False),
        ("http://10.0.0.1/", True),
    ],
)
def test_what_crosses_a_network_unencrypted(address: str, expected: bool) -> None:
    assert is_open(address) is expected


def test_secrets_come_from_files_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "of the environment")
    monkeypatch.setenv(LOGIN_VARIABLE, "user:pass:word")
    loaded = Credentials.load(None, None, None)
    assert (loaded.secret, loaded.login) == (b"of the environment", ("user", "pass:word"))
    assert "of the environment" not in repr(loaded)
    assert "pass" not in repr(loaded)
    file = tmp_path / "secret"
    file.write_text("of the file\n", "utf-8")
    assert Credentials.load(file, None, None).secret == b"of the file"
    with pytest.raises(InvalidRequest, match="must hold user:password"):
        Credentials.load(None, file, None)
    file.write_text("\n", "utf-8")
    with pytest.raises(InvalidRequest, match="is empty"):
        Credentials.load(file, None, None)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        Credentials.load(Path(os.devnull), None, None)


def test_a_broker_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "lipiyana.events.senders.mqtt_sender", raising=False)
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    with pytest.raises(MissingExtra, match="'mqtt'"):
        open_sender("mqtt://localhost/topic", Credentials())
