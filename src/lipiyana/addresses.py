"""Addresses of servers."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine and nobody else reaches it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(target: str) -> str:
    """Give the host of a gRPC target: `host:port`, `[::1]:port`, `dns:///host:port`, `unix:path`.

    A socket of the file system counts as `localhost`.
    """
    if target.startswith(("unix:", "unix-abstract:")):
        return "localhost"
    name = target.rpartition("/")[2]
    name = name.removeprefix("dns:").removeprefix("ipv4:").removeprefix("ipv6:")
    if name.startswith("["):
        return name[1:].partition("]")[0]
    host, colon, _ = name.rpartition(":")
    return host if colon and ":" not in host else name
