"""Why a server cannot be reached though it is there: TLS and tokens, and what has to be set.

gRPC reports every failure of a handshake as UNAVAILABLE; its details say which it was. Where a name
has several addresses, the details are those of the one that failed last, which may be one where
nothing listens: then each address is tried once more by itself.
"""

from __future__ import annotations

import re

from lipiyana.client.channel import Endpoint
from lipiyana.client.probing import addresses_of, failure_at
from lipiyana.errors import Unauthenticated, Unavailable

TLS_FAILED = "TLS_FAILED"
"""Reason of an `Unavailable` that waiting does not mend: how the client speaks must change."""

NOT_GRPC = "NOT_GRPC"
"""Reason of an `Unavailable` that waiting does not mend: something else answers at the port."""

_HTTP = re.compile(r"http1\.x server|Expected SETTINGS frame")
_CONNECTING = re.compile(r"last error: .*", re.DOTALL)
_CLOSED = re.compile(r"Socket closed|Connection reset by peer|Broken pipe|End of TCP stream")
_SET_CA = "LIPIYANA_SERVER_CA (the commands) or `tls` (Python)"
_SET_OWN = (
    "set LIPIYANA_SERVER_CERTIFICATE and LIPIYANA_SERVER_KEY (the commands), or give `tls` a key "
    "and a certificate (Python)"
)
_SET_TOKEN = "LIPIYANA_SERVER_TOKEN (the commands) or `token` (Python)"  # noqa: S105


_WHY_WITH_TLS = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (
            "WRONG_VERSION_NUMBER",
            f"does not speak TLS; leave out {_SET_CA}, or let the server have a certificate",
        ),
        (
            "Hostname Verification Check failed",
            "shows a certificate for another name; call the server by a name or an address that "
            "its certificate has (subjectAltName)",
        ),
        (
            "CERTIFICATE_VERIFY_FAILED(?:: (?P<detail>[^:]+))?",
            "shows a certificate that is not trusted{detail}; name the PEM file of who signed it: "
            f"{_SET_CA}",
        ),
        (
            "Failed to create security handshaker",
            f"cannot be verified: what {_SET_CA} names holds no PEM certificate, or key and "
            "certificate of this client do not fit together",
        ),
        (
            f"ALERT_|CERTIFICATE_REQUIRED|{_CLOSED.pattern}",
            "ends connections after the handshake: it asks for a certificate of this client, or "
            f"does not trust the one that it got; {_SET_OWN}",
        ),
        (
            "Tls handshake failed(?P<detail>.{0,200})",
            "and this client cannot agree on TLS{detail}",
        ),
    )
)


def unreachable(text: str, endpoint: Endpoint) -> Unavailable:
    """Explain an UNAVAILABLE call by the details that gRPC gives, or by trying each address."""
    error = _explained(text, endpoint)
    if error is None and _CONNECTING.search(text):
        tries = (failure_at(address, endpoint) for address in addresses_of(endpoint.target))
        error = next((found for one in tries if (found := _explained(one, endpoint))), None)
    return error or Unavailable(
        f"no answer from {endpoint.target} ({text}); is `lipiyana serve` running there, and has "
        "it logged that it serves?"
    )


def _explained(text: str, endpoint: Endpoint) -> Unavailable | None:
    found = _CONNECTING.search(text)
    if found is None:  # a call that ended on a connection that was good
        return None
    if "backend unhealthy" in text:
        return Unavailable(
            f"{endpoint.target} is still starting, or is shutting down; try again in some seconds",
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
        "takes connections and closes them unanswered; if it expects TLS, as it seems, name the "
        f"PEM file of who signs its certificate: {_SET_CA}"
    )


def _with_tls(last: str) -> str:
    for pattern, why in _WHY_WITH_TLS:
        if found := pattern.search(last):
            detail = found.groupdict().get("detail")
            return why.format(detail=f" ({detail.strip()})" if detail else "")
    return ""


def refused_token(error: Unauthenticated, endpoint: Endpoint) -> Unauthenticated:
    """Say beside the server's words which setting has the token."""
    do = "set" if endpoint.token is None else "correct"
    return Unauthenticated(f"{error.message}; {do} {_SET_TOKEN}", reason=error.reason)
