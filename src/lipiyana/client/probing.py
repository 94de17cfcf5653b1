"""The addresses of a name, and what goes wrong at one of them alone."""

from __future__ import annotations

import ipaddress
import socket

import grpc

from lipiyana.addresses import hosts_and_ports
from lipiyana.client.channel import Endpoint

MOST_ADDRESSES = 4
"""How many addresses of a name are tried."""

PROBE_SECONDS = 2.0
"""How long an address may take."""

_METHOD = "/grpc.health.v1.Health/Check"
"""What is called: it needs no token and computes nothing."""

_LOOPBACK = ("127.0.0.1", "::1")


def addresses_of(target: str) -> list[str]:
    """Give the addresses that gRPC tries for a target, as targets of their own.

    None where the target is one address, about which gRPC has said everything.
    """
    named = hosts_and_ports(target)
    if len(named) == 1 and _is_address(named[0][0]):
        return []
    found = [
        f"ipv6:[{address}]:{port}" if ":" in address else f"ipv4:{address}:{port}"
        for host, port in named
        for address in ([host] if _is_address(host) else _resolved(host, port))
    ]
    return list(dict.fromkeys(found))[:MOST_ADDRESSES]


def failure_at(address: str, endpoint: Endpoint) -> str:
    """Try one address; give gRPC's details of why it cannot be reached, "" where it can."""
    options = list(endpoint.options)
    named = hosts_and_ports(endpoint.target)
    if len(named) == 1:  # whose name the certificate has, not the address's
        options.append(("grpc.ssl_target_name_override", named[0][0]))
    channel = (
        grpc.insecure_channel(address, options)
        if endpoint.tls is None
        else grpc.secure_channel(address, endpoint.tls, options)
    )
    with channel:
        try:
            channel.unary_unary(_METHOD, bytes, bytes)(b"", timeout=PROBE_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return error.details() or ""
    return ""


def _resolved(host: str, port: int) -> list[str]:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:  # gRPC's details say so
        return []
    found = [str(info[4][0]) for info in infos]
    # gRPC tries both, whatever the system's list of hosts has
    return [*found, *_LOOPBACK] if host == "localhost" else found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
