"""Addresses of servers: parsed, checked and written."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from lipiyana.errors import InvalidRequest
from lipiyana.words import shown

_LISTED = ("ipv4:", "ipv6:")
_UNCHECKED = ("unix:", "unix-abstract:", "vsock:", "xds:", "google-c2p:")
"""Kinds of targets whose names have no port that could be missing."""

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[\w.%-]*:[\w:.%-]*\]|[\w.-]+):(?P<port>[0-9]{1,5})")


def is_loopback(host: str) -> bool:
    """Say whether a host is a loopback address of this machine."""
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


def hosts_and_ports(target: str) -> list[tuple[str, int]]:
    """Give the hosts that a gRPC target names, without brackets, and their ports.

    Several stand in a list of addresses (`ipv4:10.0.0.1:1,10.0.0.2:1`), and none in a target
    that is no name of the network.

    Raises:
        ValueError: one of them is not `host:port`.
    """
    if target.startswith(_UNCHECKED):
        return []
    if target.startswith("dns:"):
        names = [target.removeprefix("dns:").rpartition("/")[2]]
    elif target.startswith(_LISTED):
        names = target[len("ipv4:") :].split(",")
    else:
        names = [target]
    return [_host_and_port(name) for name in names]


def check_target(target: object) -> None:
    """Refuse an invalid gRPC target.

    Raises:
        InvalidRequest: the message says what to write.
    """
    if not isinstance(target, str):
        raise _bad_target(target, "localhost:50051")
    scheme = _SCHEME.match(target)
    if scheme and not target.startswith(("dns:", *_UNCHECKED)):
        rest = target[scheme.end() :].partition("/")[0]
        tls = " and `tls`" if scheme[0] == "https://" else ""
        raise _bad_target(target, _with_port(rest), tls)
    try:
        hosts_and_ports(target)
    except ValueError:
        raise _bad_target(target, _with_port(target)) from None


def _host_and_port(name: str) -> tuple[str, int]:
    found = _HOST_AND_PORT.fullmatch(name)
    if found is None or not 0 < int(found["port"]) < 2**16:
        raise ValueError(name)
    return found["host"].strip("[]"), int(found["port"])


def _with_port(name: str) -> str:
    """Write the target that was probably meant, or an example."""
    try:
        written = f"[{ipaddress.IPv6Address(name)}]"
    except ValueError:
        written = name
    for candidate in (written, f"{written}:50051"):
        try:
            _host_and_port(candidate)
            hosts_and_ports(candidate)  # `ipv4:1` looks like a host and a port, and is a list
        except ValueError:
            continue
        return candidate
    return "localhost:50051"


def _bad_target(target: object, example: str, more: str = "") -> InvalidRequest:
    return InvalidRequest(
        f"a server is named by its host and port, not {shown(target)}; write {example!r}{more}",
        field="target",
        reason="INVALID_SETTINGS",
    )


def fault_of_address(address: str) -> str:
    """Say what is wrong with a URL, or "" if it has a host and a port that can be."""
    if not address.isprintable():
        return "it has line breaks or other control characters"
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return "[ and ] are around an IPv6 address, such as [::1]"
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        return "its port is not a number from 1 to 65535"
    return "" if host else "the name of a host is missing after ://"
