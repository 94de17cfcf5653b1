from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.addresses import check_target, host_of, hosts_and_ports
from lipiyana.errors import InvalidRequest


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("localhost:50051", [("localhost", 50051)]),
        ("192.0.2.1:1", [("192.0.2.1", 1)]),
        ("[::1]:65535", [("::1", 65535)]),
        ("dns:gate.example:1", [("gate.example", 1)]),
        ("dns:///gate.example:1", [("gate.example", 1)]),
        ("dns://192.0.2.53/gate.example:1", [("gate.example", 1)]),
        ("ipv4:192.0.2.1:1,192.0.2.2:2", [("192.0.2.1", 1), ("192.0.2.2", 2)]),
        ("ipv6:[2001:db8::1]:1", [("2001:db8::1", 1)]),
        ("unix:/run/lipiyana.sock", []),
        ("unix:///run/lipiyana.sock", []),
        ("xds:///gate", []),
    ],
)
def test_targets(target: str, named: list[tuple[str, int]]) -> None:
    check_target(target)
    assert hosts_and_ports(target) == named
    assert len(named) != 1 or host_of(target) == named[0][0]


@pytest.mark.parametrize(
    ("target", "write"),
    [
        (50051, "'localhost:50051'"),
        (None, "'localhost:50051'"),
        (b"localhost:50051", "'localhost:50051'"),
        ("", "'localhost:50051'"),
        ("gate.example", "'gate.example:50051'"),
        ("gate.example:", "'localhost:50051'"),
        ("gate.example:http", "'localhost:50051'"),
        ("gate.example:0", "'localhost:50051'"),
        ("gate.example:65536", "'localhost:50051'"),
        ("gate example:1", "'localhost:50051'"),
        ("http://gate.example:1", "'gate.example:1'"),
        ("http://gate.example:1/v1", "'gate.example:1'"),
        ("https://gate.example", "'gate.example:50051' and `tls`"),
        ("grpc://gate.example:1", "'gate.example:1'"),
        ("::1", "'[::1]:50051'"),
        ("[::1]", "'[::1]:50051'"),
        ("dns:///gate.example", "'localhost:50051'"),
        ("ipv4:192.0.2.1:1,192.0.2.2", "'localhost:50051'"),
        ("ipv4:1", "'localhost:50051'"),
        ("dns:1", "'localhost:50051'"),
    ],
)
def test_invalid_targets_are_refused(target: Any, write: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_target(target)
    assert caught.value.message.endswith(f"write {write}")
    assert (caught.value.field, caught.value.reason) == ("target", "INVALID_SETTINGS")


@given(st.text() | st.from_regex(r"(dns:///|ipv4:|http://)?[a-z.\[\]]*:?:?[0-9]*"))
def test_any_text_is_a_target_or_refused(target: str) -> None:
    try:
        check_target(target)
    except InvalidRequest as error:
        written = error.message.rpartition("write ")[2].removesuffix(" and `tls`").strip("'")
        assert hosts_and_ports(written)
    else:
        assert all(host and 0 < port < 2**16 for host, port in hosts_and_ports(target))
