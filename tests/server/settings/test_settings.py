from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import pytest

from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound
from lipiyana.images.loading import ImageLimits
from lipiyana.runtime.container import available_threads
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


def test_one_picture_may_not_take_more_memory_than_all_together() -> None:
    assert ServerSettings().image_limits == ImageLimits(max_seconds=2.0)
    assert (
        ServerSettings(max_pixels=10**9, max_decoded_bytes=2**40).image_limits.max_memory == 10**10
    )
    assert ServerSettings(max_decoded_bytes=2**25).image_limits.max_memory == 2**25


def test_arguments_override_the_environment_which_overrides_the_file(
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
        ("[server]\nport = 1", "server"),
        ('cache_bytes = "many"', "cache_bytes"),
        ('cache_bytes = "1 MiBs"', "cache_bytes"),
        ("cache_bytes = 1.5", "cache_bytes"),
    ],
)
def test_invalid_files_are_refused(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "server.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest) as caught:
        ServerSettings.load(path)
    assert (caught.value.field, caught.value.reason) == (field, "INVALID_SETTINGS")


NUMBERS = tuple(
    name
    for name, field in ServerSettings.model_fields.items()
    if str(field.annotation) in {"<class 'int'>", "<class 'float'>", "int | None", "float | None"}
)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_bool_is_not_accepted_as_a_number(tmp_path: Path, name: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(f"{name} = true\n")
    with pytest.raises(InvalidRequest, match=f"{name} in .*not true or false") as caught:
        ServerSettings.load(path)
    assert (caught.value.field, caught.value.reason) == (name, "INVALID_SETTINGS")
    with pytest.raises(InvalidRequest, match="not true or false"):
        ServerSettings.load(**{name: True})


ABSURD = ("inf", "nan", "-inf", "1e308", "99999999999999999999", "-1")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ABSURD)
def test_no_number_turns_a_limit_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    path = tmp_path / "server.toml"
    path.write_text(f"{name} = {text}\n")
    with pytest.raises(InvalidRequest, match=f"{name} in .* is .*must be") as caught:
        ServerSettings.load(path)
    assert (caught.value.field, caught.value.reason) == (name, "INVALID_SETTINGS")
    monkeypatch.setenv(f"LIPIYANA_{name.upper()}", text)
    with pytest.raises(InvalidRequest, match=f"LIPIYANA_{name.upper()} is .*must be"):
        ServerSettings.load()


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("workers", 256),
        ("threads", 1024),
        ("max_queue", 100_000),
        ("max_streams", 100_000),
        ("model_batch", 1024),
    ],
)
def test_counts_that_the_machine_would_not_survive_are_refused(
    tmp_path: Path, name: str, most: int
) -> None:
    path = tmp_path / "server.toml"
    path.write_text(f"{name} = {10**9}\n")
    with pytest.raises(
        InvalidRequest, match=f"{name} in .* is {10**9}: it must be at most {most}$"
    ):
        ServerSettings.load(path)


ODD: list[Any] = [
    "abc", "", [1], {"a": 1}, True, 3, -5, 1.5, math.nan, math.inf, 10**30, "9" * 5000, "nan",
    None, b"x",
]  # fmt: skip


@pytest.mark.parametrize("name", [*ServerSettings.model_fields])
def test_errors_are_in_our_own_words(name: str) -> None:
    for value in ODD:
        try:
            ServerSettings.load(**{name: value})
        except InvalidRequest as error:
            said = error.message.replace(repr(value), "")
            assert not re.search(r"Input|pydantic|String|valid |pathlib|[0-9]\.0\b|\{", said), said


def test_what_is_no_number_is_said_to_be_none() -> None:
    with pytest.raises(InvalidRequest, match="cache_ttl is nan: it must be a finite number"):
        ServerSettings.load(cache_ttl=math.nan)
    with pytest.raises(InvalidRequest, match=r"must be at most 3153600000$"):
        ServerSettings.load(cache_ttl=math.inf)


@pytest.mark.parametrize("digits", [30, 400])
@pytest.mark.parametrize("unit", ["", " TiB"])
def test_a_size_of_many_digits_is_refused(tmp_path: Path, digits: int, unit: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(f'cache_bytes = "{"9" * digits}{unit}"\n')
    with pytest.raises(InvalidRequest, match="must be at most 1099511627776") as caught:
        ServerSettings.load(path)
    assert caught.value.field == "cache_bytes"


def test_numeric_settings_are_found_and_a_bool_stays_a_bool(tmp_path: Path) -> None:
    assert {"port", "metrics_port", "cache_ttl", "max_message_bytes"} <= set(NUMBERS)
    path = tmp_path / "server.toml"
    path.write_text("reflection = true\n")
    assert ServerSettings.load(path).reflection is True


def test_a_pipe_is_refused_as_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.toml")
    with pytest.raises(InvalidRequest, match="not a regular file") as caught:
        ServerSettings.load(tmp_path / "server.toml")
    assert caught.value.field == "config"


def test_an_invalid_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_CACHE_TTL", "soon")
    with pytest.raises(InvalidRequest, match="LIPIYANA_CACHE_TTL is 'soon': it must be a number"):
        ServerSettings.load()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
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
def test_an_empty_security_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"LIPIYANA_{name}", "")
    with pytest.raises(InvalidRequest, match="is empty") as caught:
        ServerSettings.load()
    assert caught.value.field == name.lower()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_qeue = 1", "unknown setting max_qeue in {}; did you mean max_queue\\?"),
        ("colour = 1", "unknown setting colour in {}$"),
        ("max_queue = 'many'", "max_queue in {} is 'many': it must be a whole number"),
        ("port = 70000", "port in {} is 70000: it must be at most 65535"),
        ("reflection = 'maybe'", "reflection in {} is 'maybe': it must be true or false"),
        ("log_format = 'xml'", "log_format in {} is 'xml': it must be 'text' or 'json'"),
        ("cache_bytes = '64 MEGS'", 'it must be a number of bytes, or a size such as "512 MiB"'),
        ("port = 9090\nmetrics_port = 9090", "port and metrics_port are both 9090"),
        ("[server]", r"{} has a table \[server\]: settings must be at the top"),
    ],
)
def test_errors_use_the_words_of_the_file(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "server.toml"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=says.format(file)):
        ServerSettings.load(file)


def test_secrets_are_not_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("shared_cache_secret = 123456")
    with pytest.raises(InvalidRequest, match="shared_cache_secret") as caught:
        ServerSettings.load(file)
    assert "123456" not in caught.value.message


def test_an_error_names_the_command_line_option() -> None:
    with pytest.raises(InvalidRequest, match="port is 70000: it must be at most 65535"):
        ServerSettings.load(port=70000)


def test_the_variable_that_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_PORT", "tcp://10.0.0.1:50051")
    with pytest.raises(InvalidRequest, match="enableServiceLinks"):
        ServerSettings.load()


@pytest.mark.parametrize("written", ["3 MiB", "3mib", "3_145_728", "3145728 B", "3.0 MiB"])
def test_sizes_may_have_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f'cache_bytes = "{written}"\nmax_queue_bytes = "1 GB"')
    settings = ServerSettings.load(file)
    assert (settings.cache_bytes, settings.max_queue_bytes) == (3 * 2**20, 10**9)
    monkeypatch.setenv("LIPIYANA_CACHE_BYTES", written)
    assert ServerSettings.load().cache_bytes == 3 * 2**20


def test_paths_in_a_file_are_relative_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.toml"
    file.write_text('tokens = "tokens.toml"\nmodels = "../models"\nkeep_unsure = "/srv/unsure"')
    monkeypatch.setenv("LIPIYANA_TLS_KEY", "server.key")
    settings = ServerSettings.load(file, tls_certificate=Path("server.pem"))
    assert settings.tokens == tmp_path / "tokens.toml"
    assert settings.models == tmp_path / "../models"
    assert settings.keep_unsure == Path("/srv/unsure")
    assert (settings.tls_certificate, settings.tls_key) == (Path("server.pem"), Path("server.key"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LIPIYANA_TOKNES", "LIPIYANA_TOKENS"),
        ("LIPIYANA_TOKEN", "LIPIYANA_TOKENS"),
        ("lipiyana_tls_cert", "LIPIYANA_TLS_CERTIFICATE"),
        ("LIPIYANA_TSL_KEY", "LIPIYANA_TLS_KEY"),
        ("LIPIYANA_TLS", ""),
    ],
)
def test_a_misspelt_security_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "file")
    hint = f"; did you mean {meant}" if meant else ""
    with pytest.raises(InvalidRequest, match=f"nothing reads the variable {name}{hint}"):
        ServerSettings.load()


def test_other_misspelt_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_MAX_QEUE", "7")
    assert ServerSettings.load().max_queue == 128
