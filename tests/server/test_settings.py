from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound
from lipiyana.images import ImageLimits
from lipiyana.runtime import available_threads
from lipiyana.server import ServerSettings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text('port = 1\nmax_queue = 200\nhost = "::1"\nmodels = "/srv/models"\n')
    return path


def test_the_defaults() -> None:
    settings = ServerSettings.load()
    assert (settings.host, settings.port, settings.reflection) == ("127.0.0.1", 50051, False)
    assert (settings.workers, settings.threads) == (1, available_threads())
    assert settings.metrics_port is None


def test_no_picture_may_take_more_than_all_of_them_together() -> None:
    assert ServerSettings().image_limits == ImageLimits(max_seconds=2.0)
    assert (
        ServerSettings(max_pixels=10**9, max_decoded_bytes=2**40).image_limits.max_memory == 10**10
    )
    assert ServerSettings(max_decoded_bytes=2**25).image_limits.max_memory == 2**25


def test_arguments_beat_the_environment_and_that_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPIYANA_PORT", "2")
    monkeypatch.setenv("LIPIYANA_MAX_QUEUE", "300")
    settings = ServerSettings.load(file, port=3, host=None)
    assert (settings.port, settings.max_queue, settings.host) == (3, 300, "::1")
    assert settings.models == Path("/srv/models")
    assert type(settings) is ServerSettings


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("port = 70000", "port"),
        ("prot = 1", "prot"),
        ('threads = "many"', "threads"),
        ("workers = 0", "workers"),
        ("tls_key = 'key.pem'", ""),
        ("tls_client_ca = 'ca.pem'", ""),
        ("max_queue_bytes = 1024", ""),
        ('log_format = "xml"', "log_format"),
        ("max_batch = 1000", ""),
        ("max_decoded_bytes = 1000", "max_decoded_bytes"),
        ("port =", "config"),
        ("host = 'a\xff'", "config"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "server.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest) as caught:
        ServerSettings.load(path)
    assert (caught.value.field, caught.value.reason) == (field, "INVALID_SETTINGS")


def test_a_file_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.toml")
    with pytest.raises(InvalidRequest, match="no regular file") as caught:
        ServerSettings.load(tmp_path / "server.toml")
    assert caught.value.field == "config"


def test_a_variable_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_CACHE_TTL", "soon")
    with pytest.raises(InvalidRequest, match="cache_ttl"):
        ServerSettings.load()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        ServerSettings.load(tmp_path / "none.toml")
    assert isinstance(caught.value, LipiyanaError)


def test_empty_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEEP_UNSURE", "MODELS", "METRICS_PORT", "PORT"):
        monkeypatch.setenv(f"LIPIYANA_{name}", "")
    settings = ServerSettings.load()
    assert (settings.keep_unsure, settings.models, settings.metrics_port) == (None, None, None)
    assert settings.port == 50051


@pytest.mark.parametrize("name", ["TOKENS", "TLS_CERTIFICATE", "TLS_KEY", "tls_client_ca"])
def test_an_empty_variable_opens_no_door(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"LIPIYANA_{name}", "")
    with pytest.raises(InvalidRequest, match="is empty") as caught:
        ServerSettings.load()
    assert caught.value.field == name.lower()
