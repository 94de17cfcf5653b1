from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import Authority
from served_fake import FakeRecognizer

from lipiyana.cli.recognizers import (
    CA_VARIABLE,
    CERTIFICATE_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    Engines,
    connect,
    in_process,
)
from lipiyana.errors import InvalidRequest, NotFound, Unauthenticated, Unavailable
from lipiyana.images.loading import MAX_PIXELS_VARIABLE
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, running_server


def test_the_environment_configures_token_and_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "authority")
    own = authority.sign("server")
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[a]\nsha256 = "{hashlib.sha256(b"secret").hexdigest()}"\n')
    settings = ServerSettings(
        port=0, threads=1, tls_certificate=own.certificate, tls_key=own.key, tokens=tokens
    )
    monkeypatch.setenv(CA_VARIABLE, str(authority.files.certificate))
    with running_server(FakeRecognizer(), settings) as server:
        for token, known in (("secret", True), ("", False)):
            monkeypatch.setenv(TOKEN_VARIABLE, token)
            recognizer = connect(server.target, None).recognizer
            if known:
                assert recognizer.recognize(b"a").image_width == 64
            else:
                with pytest.raises(Unauthenticated, match=f"; set {TOKEN_VARIABLE}"):
                    recognizer.recognize(b"a")
            recognizer.close()


def test_a_missing_certificate_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CA_VARIABLE, "none.pem")
    with pytest.raises(NotFound, match=r"none\.pem"):
        connect("localhost:1", None)


def test_a_pipe_is_refused_as_a_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    monkeypatch.setenv(CA_VARIABLE, str(tmp_path / "ca.pem"))
    with pytest.raises(NotFound, match="not a regular file"):
        connect("localhost:1", None)


def test_a_server_that_requires_a_client_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "authority")
    served, own = authority.sign("server"), authority.sign("own")
    settings = ServerSettings(
        port=0,
        threads=1,
        tls_certificate=served.certificate,
        tls_key=served.key,
        tls_client_ca=authority.files.certificate,
    )
    monkeypatch.setenv(CA_VARIABLE, str(authority.files.certificate))
    with running_server(FakeRecognizer(), settings) as server:
        recognizer = connect(server.target, None).recognizer
        with pytest.raises(Unavailable, match=f"{CERTIFICATE_VARIABLE} and {KEY_VARIABLE}"):
            recognizer.recognize(b"a")
        recognizer.close()
        monkeypatch.setenv(CERTIFICATE_VARIABLE, str(own.certificate))
        with pytest.raises(InvalidRequest, match="together, or only"):
            connect(server.target, None)
        monkeypatch.setenv(KEY_VARIABLE, str(own.key))
        recognizer = connect(server.target, None).recognizer
        assert recognizer.recognize(b"a").image_width == 64
        recognizer.close()


@pytest.mark.parametrize(("verbosity", "is_quiet"), [(None, True), ("INFO", False)])
def test_grpc_does_not_log_besides_the_error(
    tmp_path: Path, verbosity: str | None, is_quiet: bool
) -> None:
    authority = Authority(tmp_path, "authority")
    own = authority.sign("server")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger")
    settings = ServerSettings(port=0, threads=1, tls_certificate=own.certificate, tls_key=own.key)
    (tmp_path / "a.jpg").write_bytes(b"a")
    environment = {name: text for name, text in os.environ.items() if name != "GRPC_VERBOSITY"}
    environment[CA_VARIABLE] = str(stranger.files.certificate)
    if verbosity is not None:
        environment["GRPC_VERBOSITY"] = verbosity
    with running_server(FakeRecognizer(), settings) as server:
        command = ["read", str(tmp_path / "a.jpg"), "--server", server.target]
        done = subprocess.run(
            [Path(sys.executable).with_name("lipiyana"), *command],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "is not trusted" in done.stderr
    assert ("ssl_transport_security" not in done.stderr) == is_quiet


@pytest.mark.parametrize(("text", "pixels"), [("", 50_000_000), ("1000", 1000)])
def test_the_pixel_limit_comes_from_the_environment(
    text: str, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, text)
    recognizer = in_process(Engines(), None, 1).recognizer
    assert isinstance(recognizer, LocalRecognizer)
    assert recognizer.limits.max_pixels == pixels


@pytest.mark.parametrize("text", ["0", "-3", "many", "5e7", "inf", "1000000001"])
def test_an_invalid_pixel_limit_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, text)
    with pytest.raises(InvalidRequest, match="LIPIYANA_MAX_PIXELS"):
        in_process(Engines(), None, 1)


def test_a_misspelt_variable_of_the_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "LIPIYANA_TLS_CERTIFICATE", "server.pem"
    )  # a setting of the server, not of the client
    connect("localhost:1", None).recognizer.close()
    monkeypatch.setenv("LIPIYANA_SERVER_TOKNE", "secret")
    with pytest.raises(InvalidRequest, match="did you mean LIPIYANA_SERVER_TOKEN") as caught:
        connect("localhost:1", None)
    assert "secret" not in caught.value.message
