"""Converts gRPC errors to errors of this project that say what to do.

gRPC reports every failed connection as UNAVAILABLE, and only the details say why (TLS, not gRPC).
If a name has several addresses, the details are about the address that failed last, where perhaps
nothing listens. Each address is then probed once more by itself.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from lipiyana.addresses import hosts_and_ports
from lipiyana.client.channel import Endpoint
from lipiyana.client.stream_end import SENDING_FAILED
from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    LipiyanaError,
    MessageTooLarge,
    Unauthenticated,
    Unavailable,
)
from lipiyana.wire.status import DETAILS_KEY, from_status

_CANCELLED_HERE = ("Locally cancelled by application!", "Channel closed!")
_METADATA_TOO_LARGE = "metadata size exceeds"
"""Part of gRPC's message, on the client and on the server. It contains keys and sizes, no values.
"""

_TOO_LARGE = re.compile(r"(Sent|Received) message larger than max \((\d+) vs\. (\d+)\)")


def closed() -> Cancelled:
    """Create the error of a call whose client was closed."""
    return Cancelled("the client was closed")


def to_error(
    code: grpc.StatusCode,
    details: str | None,
    trailers: Iterable[Any] | None,
    endpoint: Endpoint,
) -> LipiyanaError:
    """Return the error that the server raised, or the matching one for an error of gRPC itself.

    This may take seconds if a server cannot be reached: see `unreachable`.
    """
    for key, value in trailers or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                error = from_status(Status.FromString(value))
            except DecodeError:
                break
            return name_token_setting(error, endpoint)
    text = details or ""
    if large := _too_large(text, endpoint):
        return large
    if unavailable := _unavailable(code, text, endpoint):
        return unavailable
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"no answer from {endpoint.target} within the timeout")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Unavailable(
            f"{endpoint.target} answers, but it is not a lipiyana server, or an older version",
            reason="NOT_LIPIYANA",
        )
    number: int = code.value[0]
    return from_status(Status(code=number, message=text or f"{endpoint.target}: {code.name}"))


def _unavailable(code: grpc.StatusCode, text: str, endpoint: Endpoint) -> Unavailable | None:
    if code is grpc.StatusCode.UNAVAILABLE:
        return unreachable(text, endpoint)
    if code is grpc.StatusCode.CANCELLED and text not in _CANCELLED_HERE:
        # gRPC cancels a call that reaches a stopping server; no work was done on it
        return Unavailable(f"{endpoint.target} is shutting down", reason="DRAINING")
    if text == SENDING_FAILED:
        return Unavailable(
            f"{endpoint.target} ended the stream before it accepted the frames; call `recognize` "
            "with one picture to see why",
            reason="STREAM_REFUSED",
        )
    return None


def _too_large(text: str, endpoint: Endpoint) -> LipiyanaError | None:
    if _METADATA_TOO_LARGE in text:
        return InvalidRequest(
            f"the token and the other metadata of a call are larger than {endpoint.target} "
            f"accepts ({text})",
            field="token",
            reason="METADATA_TOO_LARGE",
        )
    found = _TOO_LARGE.search(text)
    if found is None:
        return None
    verb, size, limit = found.groups()
    message = f"a message of {size} bytes is over the limit of {limit}"
    if int(limit) == endpoint.max_message_bytes:
        return MessageTooLarge(f"{message}; raise max_message_bytes of the client and the server")
    where = "server" if verb == "Received" else "client"
    return MessageTooLarge(f"{message}; raise max_message_bytes of the {where}")


TLS_FAILED = "TLS_FAILED"
"""Reason of an `Unavailable` that a retry does not help: the TLS settings must change."""

NOT_GRPC = "NOT_GRPC"
"""Reason of an `Unavailable` that a retry does not help: another program listens on the port."""

_HTTP = re.compile(r"http1\.x server|Expected SETTINGS frame")
_CONNECTING = re.compile(r"last error: .*", re.DOTALL)
_NO_CONNECTION = re.compile(r"Failed to connect to remote host: (.+)", re.DOTALL)
_CLOSED = re.compile(r"Socket closed|Connection reset by peer|Broken pipe|End of TCP stream")
_SET_CA = "LIPIYANA_SERVER_CA (the commands) or `tls` (Python)"
_SET_OWN = (
    "set LIPIYANA_SERVER_CERTIFICATE and LIPIYANA_SERVER_KEY (the commands), or create `tls` with "
    "a key and a certificate (Python)"
)
_SET_TOKEN = "LIPIYANA_SERVER_TOKEN (the commands) or `token` (Python)"  # noqa: S105


_WHY_WITH_TLS = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (
            "WRONG_VERSION_NUMBER",
            f"does not speak TLS; leave out {_SET_CA}, or give the server a certificate",
        ),
        (
            "Hostname Verification Check failed",
            "presents a certificate for another name; call the server by a name or an address "
            "that its certificate contains (subjectAltName)",
        ),
        (
            "CERTIFICATE_VERIFY_FAILED(?:: (?P<detail>[^:]+))?",
            "presents a certificate that is not trusted{detail}; set the PEM file of its issuer: "
            f"{_SET_CA}",
        ),
        (
            "Failed to create security handshaker",
            f"cannot be verified: the file of {_SET_CA} has no PEM certificate, or the key and the "
            "certificate of this client do not match",
        ),
        (
            f"ALERT_|CERTIFICATE_REQUIRED|{_CLOSED.pattern}",
            "closes connections after the handshake: it requires a client certificate, or does "
            f"not trust the one that it received; {_SET_OWN}",
        ),
        (
            "Tls handshake failed(?P<detail>.{0,200})",
            "and this client cannot agree on TLS{detail}",
        ),
    )
)


def unreachable(text: str, endpoint: Endpoint) -> Unavailable:
    """Explain an UNAVAILABLE call by gRPC's details, or by probing each address."""
    error = _explained(text, endpoint)
    if error is None and _CONNECTING.search(text):
        details = (probe(address, endpoint) for address in addresses_of(endpoint.target))
        error = next((found for one in details if (found := _explained(one, endpoint))), None)
    return error or Unavailable(
        f"no answer from {endpoint.target} ({_cause(text)}); is `lipiyana serve` running there, "
        "and has it logged that it is serving?"
    )


def _cause(text: str) -> str:
    """Leave out of gRPC's details what repeats the address."""
    found = _NO_CONNECTION.search(text)
    return found[1] if found else text


def _explained(text: str, endpoint: Endpoint) -> Unavailable | None:
    found = _CONNECTING.search(text)
    if found is None:  # the connection was good, and the call ended later
        return None
    if "backend unhealthy" in text:
        return Unavailable(
            f"{endpoint.target} is still starting, or is shutting down; try again in a few seconds",
            reason="NOT_SERVING",
        )
    if endpoint.tls is None and _HTTP.search(found[0]):
        return Unavailable(
            f"{endpoint.target} does not speak gRPC; give the port of `lipiyana serve` (--port), "
            "not that of its metrics or of another program",
            reason=NOT_GRPC,
        )
    why = (_without_tls if endpoint.tls is None else _with_tls)(found[0])
    return Unavailable(f"{endpoint.target} {why}", reason=TLS_FAILED) if why else None


def _without_tls(last: str) -> str:
    if not _CLOSED.search(last):
        return ""
    return (
        "accepts connections and closes them without an answer; it probably expects TLS: set the "
        f"PEM file of the issuer of its certificate: {_SET_CA}"
    )


def _with_tls(last: str) -> str:
    for pattern, why in _WHY_WITH_TLS:
        if found := pattern.search(last):
            detail = found.groupdict().get("detail")
            return why.format(detail=f" ({detail.strip()})" if detail else "")
    return ""


def name_token_setting(error: LipiyanaError, endpoint: Endpoint) -> LipiyanaError:
    """Add which setting contains the token to the error of a rejected token."""
    if not isinstance(error, Unauthenticated):
        return error
    do = "set" if endpoint.token is None else "correct"
    return Unauthenticated(f"{error.message}; {do} {_SET_TOKEN}", reason=error.reason)


MOST_ADDRESSES = 4
"""Maximum number of addresses of a name that are probed."""

PROBE_SECONDS = 2.0
"""Timeout of the probe of one address."""

_METHOD = "/grpc.health.v1.Health/Check"
"""The method that a probe calls: it needs no token and computes nothing."""

_LOOPBACK = ("127.0.0.1", "::1")


def addresses_of(target: str) -> list[str]:
    """Return the addresses that gRPC tries for a target, each as a target.

    The list is empty if the target is a single address: gRPC's details are complete then.
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


def probe(address: str, endpoint: Endpoint) -> str:
    """Call one address; return gRPC's details of why it is unreachable, "" if it answers."""
    options = list(endpoint.options)
    named = hosts_and_ports(endpoint.target)
    if len(named) == 1:  # the certificate contains the name, not the address
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
    except OSError:  # gRPC's details contain this error
        return []
    found = [str(info[4][0]) for info in infos]
    # gRPC tries both addresses of localhost, whatever /etc/hosts contains
    return [*found, *_LOOPBACK] if host == "localhost" else found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
