from __future__ import annotations

import os
import ssl
from pathlib import Path

import grpc
import pytest
from certificates import Authority, Certificate
from served_fake import FakeRecognizer

from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, Unavailable
from lipiyana.server import ServerSettings, running_server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def served(authority: Authority) -> Certificate:
    return authority.sign("server")


def settings(served: Certificate, client_ca: Path | None = None) -> ServerSettings:
    return ServerSettings(
        port=0,
        threads=1,
        tls_certificate=served.certificate,
        tls_key=served.key,
        tls_client_ca=client_ca,
    )


def trusting(authority: Authority, own: Certificate | None = None) -> grpc.ChannelCredentials:
    key = None if own is None else own.key.read_bytes()
    certificate = None if own is None else own.certificate.read_bytes()
    return grpc.ssl_channel_credentials(authority.files.certificate.read_bytes(), key, certificate)


def common_name(target: str) -> str:
    host, _, port = target.rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)), timeout=10)
    certificate = ssl.PEM_cert_to_DER_cert(pem)
    return "renewed" if b"renewed" in certificate else "server"


def test_tls(fake: FakeRecognizer, authority: Authority, served: Certificate) -> None:
    with running_server(fake, settings(served)) as server:
        with Client(server.target, tls=trusting(authority)) as client:
            assert client.recognize(b"a").image_width == 64
        with Client(server.target) as plain, pytest.raises(Unavailable):
            plain.recognize(b"a")
    assert fake.computed == [b"a"]


def test_clients_trust_only_their_own_authority(
    fake: FakeRecognizer, served: Certificate, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    with (
        running_server(fake, settings(served)) as server,
        Client(server.target, tls=trusting(stranger)) as client,
        pytest.raises(Unavailable),
    ):
        client.recognize(b"a")


def test_clients_must_show_a_certificate(
    fake: FakeRecognizer, authority: Authority, served: Certificate, tmp_path: Path
) -> None:
    strange = Authority(tmp_path, "stranger").sign("camera")
    known = authority.sign("camera")
    with running_server(fake, settings(served, authority.files.certificate)) as server:
        with Client(server.target, tls=trusting(authority, known)) as client:
            assert client.recognize(b"a").image_width == 64
        for own in (None, strange):
            with (
                Client(server.target, tls=trusting(authority, own)) as client,
                pytest.raises(Unavailable),
            ):
                client.recognize(b"b")
    assert fake.computed == [b"a"]


def test_a_new_certificate_needs_no_restart(
    fake: FakeRecognizer, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, renewed = authority.sign("server"), authority.sign("renewed")
    used = Certificate(tmp_path / "used.pem", tmp_path / "used.key")
    used.certificate.write_bytes(first.certificate.read_bytes())
    used.key.write_bytes(first.key.read_bytes())
    with running_server(fake, settings(used)) as server:
        assert common_name(server.target) == "server"
        used.certificate.write_bytes(renewed.certificate.read_bytes())
        assert common_name(server.target) == "server"  # the new key is not there yet
        assert "the old certificate stays in use" in caplog.text
        used.key.write_bytes(renewed.key.read_bytes())
        assert common_name(server.target) == "renewed"
        with Client(server.target, tls=trusting(authority)) as client:
            assert client.recognize(b"a").image_width == 64


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key", "tls_client_ca"])
def test_a_missing_file_is_named(
    fake: FakeRecognizer, authority: Authority, served: Certificate, tmp_path: Path, missing: str
) -> None:
    files = {
        "tls_certificate": served.certificate,
        "tls_key": served.key,
        "tls_client_ca": authority.files.certificate,
    }
    files[missing] = tmp_path / "none.pem"
    with (
        pytest.raises(InvalidRequest, match=f"{missing} is .*none.pem, and there") as caught,
        running_server(fake, ServerSettings(host="127.0.0.1", port=0, **files)),
    ):
        pass
    assert (caught.value.field, caught.value.reason) == (missing, "INVALID_SETTINGS")


@pytest.mark.parametrize("wrong", ["other key", "no PEM", "pipe"])
def test_unusable_files_are_reported(
    fake: FakeRecognizer, authority: Authority, served: Certificate, tmp_path: Path, wrong: str
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    os.mkfifo(tmp_path / "pipe.pem")
    files = {
        "pipe": Certificate(served.certificate, tmp_path / "pipe.pem"),
        "other key": Certificate(served.certificate, authority.files.key),
        "no PEM": Certificate(served.certificate, empty),
    }[wrong]
    why = {"other key": "the key is not that of the certificate"}.get(wrong, "")
    with (
        pytest.raises(InvalidRequest, match=f"TLS cannot use .*{why}.*tls_key one") as caught,
        running_server(fake, settings(files)),
    ):
        pass
    assert (caught.value.field, caught.value.reason) == ("tls_certificate", "INVALID_SETTINGS")
