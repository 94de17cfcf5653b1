"""A reachable server that cannot be used: the error says what is wrong and what to set."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from certificates import Authority, Certificate
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from served_fake import FakeRecognizer

from lipiyana import AsyncClient, Client
from lipiyana.client.channel import Endpoint
from lipiyana.client.failures import MOST_ADDRESSES, NOT_GRPC, TLS_FAILED, addresses_of, unreachable
from lipiyana.errors import Unauthenticated, Unavailable
from lipiyana.server import ServerSettings, running_server
from lipiyana.server.rpc.messages import SERVICE


class Parties:
    """Certificate authorities and the certificates that they signed."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "authority")
        self.served = self.authority.sign("server")
        self.elsewhere = self.authority.sign("elsewhere", "DNS:elsewhere.example")
        (folder / "other").mkdir()
        self.stranger = Authority(folder / "other", "stranger")
        self.strange = self.stranger.sign("camera")

    def trusts(self, who: Authority, own: Certificate | None = None) -> grpc.ChannelCredentials:
        pair = () if own is None else (own.key.read_bytes(), own.certificate.read_bytes())
        return grpc.ssl_channel_credentials(who.files.certificate.read_bytes(), *pair)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return Parties(tmp_path_factory.mktemp("parties"))


@contextlib.contextmanager
def served(
    files: Certificate | None, client_ca: Path | None = None, tokens: Path | None = None
) -> Iterator[str]:
    settings = ServerSettings(
        port=0,
        threads=1,
        tls_certificate=files.certificate if files else None,
        tls_key=files.key if files else None,
        tls_client_ca=client_ca,
        tokens=tokens,
    )
    with running_server(FakeRecognizer(), settings) as server:
        yield server.target


CASES = {
    "plaintext": "expects TLS.*LIPIYANA_SERVER_CA.*`tls`",
    "no TLS": "does not speak TLS; leave out LIPIYANA_SERVER_CA",
    "stranger": r"not trusted \(.*LIPIYANA_SERVER_CA",
    "other name": "another name",
    "no PEM": "no PEM certificate",
    "no certificate": "LIPIYANA_SERVER_CERTIFICATE and LIPIYANA_SERVER_KEY",
    "strange certificate": "LIPIYANA_SERVER_CERTIFICATE and LIPIYANA_SERVER_KEY",
}


@pytest.mark.parametrize("case", CASES)
async def test_tls_failures_are_explained(parties: Parties, case: str) -> None:
    known = parties.trusts(parties.authority)
    tls = {
        "plaintext": None,
        "stranger": parties.trusts(parties.stranger),
        "no PEM": grpc.ssl_channel_credentials(b"nonsense"),
        "strange certificate": parties.trusts(parties.authority, parties.strange),
    }.get(case, known)
    files = {"no TLS": None, "other name": parties.elsewhere}.get(case, parties.served)
    client_ca = parties.authority.files.certificate if "certificate" in case else None
    with served(files, client_ca) as target:
        with (
            Client(target, tls=tls) as client,
            pytest.raises(Unavailable, match=CASES[case]) as caught,
        ):
            client.recognize(b"a")
        assert caught.value.reason == TLS_FAILED
        assert caught.value.message.startswith(target)
        async with AsyncClient(target, tls=tls) as asynchronous:
            with pytest.raises(Unavailable, match=CASES[case]):
                await asynchronous.recognize(b"a")


@pytest.mark.parametrize("case", ["plaintext", "no TLS", "stranger", "other name"])
@pytest.mark.parametrize("target", ["localhost:{port}", "ipv4:127.0.0.2:{port},127.0.0.1:{port}"])
def test_one_of_two_addresses_suffices_for_the_diagnosis(
    parties: Parties, case: str, target: str
) -> None:
    """The diagnosis must not depend on which address gRPC tries last; one of them is closed."""
    tls = {
        "plaintext": None,
        "stranger": parties.trusts(parties.stranger),
    }.get(case, parties.trusts(parties.authority))
    files = {"no TLS": None, "other name": parties.elsewhere}.get(case, parties.served)
    with served(files) as at:
        there = target.format(port=at.rpartition(":")[2])
        with Client(there, tls=tls) as client, pytest.raises(Unavailable) as caught:
            client.recognize(b"a")
        endpoint = Endpoint(there, None, 1_000_000, tls, None)
        for last in REFUSED:
            assert re.search(CASES[case], unreachable(last, endpoint).message)
    assert re.search(CASES[case], caught.value.message)
    assert caught.value.reason == TLS_FAILED


REFUSED = [
    f"connections to all backends failing; last error: UNKNOWN: {address}:1: Failed to connect to "
    "remote host: Connection refused"
    for address in ("ipv6:%5B::1%5D", "ipv4:127.0.0.2")
]


def test_the_certificate_is_checked_for_the_host_name(parties: Parties) -> None:
    """The client connects to the address, but checks the certificate for the host name."""
    tls = parties.trusts(parties.authority)
    files = parties.authority.sign("named", "DNS:localhost")
    with served(files) as at:
        endpoint = Endpoint(f"localhost:{at.rpartition(':')[2]}", None, 1_000_000, tls, None)
        assert unreachable(REFUSED[0], endpoint).reason == "UNAVAILABLE"
        other = Endpoint(at, None, 1_000_000, tls, None)
        with Client(other.target, tls=tls) as client, pytest.raises(Unavailable, match="name"):
            client.recognize(b"a")


def test_addresses_of_targets() -> None:
    assert addresses_of("127.0.0.1:1") == addresses_of("unix:///run/none.sock") == []
    assert addresses_of("ipv4:127.0.0.1:1") == []
    assert set(addresses_of("localhost:1")) == {"ipv4:127.0.0.1:1", "ipv6:[::1]:1"}
    assert addresses_of("ipv4:192.0.2.1:1,192.0.2.2:2") == ["ipv4:192.0.2.1:1", "ipv4:192.0.2.2:2"]
    many = ",".join(f"192.0.2.{last}:1" for last in range(1, 20))
    assert len(addresses_of(f"ipv4:{many}")) == MOST_ADDRESSES
    assert addresses_of("nowhere.invalid:1") == []


@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:1"])
def test_an_unreachable_server_is_not_a_tls_failure(parties: Parties, target: str) -> None:
    for tls in (None, parties.trusts(parties.authority)):
        with (
            Client(target, tls=tls) as client,
            pytest.raises(Unavailable, match="is `lipiyana serve` running there, and") as caught,
        ):
            client.recognize(b"a")
        assert caught.value.reason == "UNAVAILABLE"


@pytest.mark.parametrize("target", ["127.0.0.1:{port}", "localhost:{port}"])
def test_the_metrics_port_is_recognized(target: str) -> None:
    settings = ServerSettings(port=0, metrics_port=0, threads=1)
    with (
        running_server(FakeRecognizer(), settings) as server,
        Client(target.format(port=server.metrics_port)) as client,
        pytest.raises(Unavailable, match="does not speak gRPC; give the port of") as caught,
    ):
        client.recognize(b"a")
    assert caught.value.reason == NOT_GRPC


@pytest.mark.parametrize("target", ["127.0.0.1:{port}", "localhost:{port}"])
def test_a_starting_server_is_recognized(target: str) -> None:
    server = grpc.server(ThreadPoolExecutor(8))
    # by default it sends while holding its lock, and deadlocks if a watcher leaves at that moment
    health = HealthServicer(experimental_non_blocking=False)
    health.set(SERVICE, HealthCheckResponse.NOT_SERVING)
    add_HealthServicer_to_server(health, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with (
        Client(target.format(port=port)) as client,
        pytest.raises(Unavailable, match="still starting, or is shutting down") as caught,
    ):
        client.recognize(b"a")
    server.stop(0).wait()
    assert caught.value.reason == "NOT_SERVING"


@pytest.mark.parametrize(
    ("token", "reason", "says"),
    [(None, "TOKEN_MISSING", "set"), ("other", "TOKEN_UNKNOWN", "correct")],
)
async def test_refused_tokens_are_explained(
    tmp_path: Path, token: str | None, reason: str, says: str
) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[a]\nsha256 = "{hashlib.sha256(b"secret").hexdigest()}"\n')
    words = rf"; {says} LIPIYANA_SERVER_TOKEN \(the commands\) or `token`"
    with served(None, tokens=tokens) as target:
        with (
            Client(target, token=token) as client,
            pytest.raises(Unauthenticated, match=words) as caught,
        ):
            client.recognize(b"a")
        assert caught.value.reason == reason
        async with AsyncClient(target, token=token) as asynchronous:
            with pytest.raises(Unauthenticated, match=words):
                await asynchronous.recognize(b"a")
