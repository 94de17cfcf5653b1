"""The names by which clients may call: those of other hosts are refused.

A page can let the name of its own host resolve to a loopback address (DNS rebinding). Browsers then
take this server for the page's own, so the page could read answers and open streams. The `Host`
header still has the page's name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

from lipiyana.addresses import is_loopback
from lipiyana.errors import PermissionDenied
from lipiyana.server.http.requests.exchange import Scope, headers_of_scope

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{0,5})?", re.IGNORECASE)


class Hosts:
    """The host names of one server."""

    def __init__(self, host: str, names: Collection[str]) -> None:
        """Allow loopback names and `names`.

        Args:
            host: address that the server listens on. Where others reach it, any name is allowed if
                there are no `names`, and any address.
            names: more names, such as `signs.example`.
        """
        self._is_local = is_loopback(host)
        self._names = frozenset(name.lower().strip("[]") for name in names)

    def check(self, scope: Scope) -> None:
        """Refuse a request to a foreign name. Only HTTP/1.0 needs no name, and browsers send one.

        Raises:
            PermissionDenied: it is foreign (FOREIGN_HOST).
        """
        given = headers_of_scope(scope).get("host")
        if given is not None and not self._allows(given):
            raise PermissionDenied(
                "this server is not called by that name in `Host`: use its address, or list the "
                "name in the server's setting http_hosts",
                reason="FOREIGN_HOST",
            )

    def _allows(self, given: str) -> bool:
        if not self._is_local and not self._names:
            return True
        found = _HOST.fullmatch(given)
        if found is None:
            return False
        name = found["name"].lower().strip("[]")
        if name in self._names or name.endswith(".localhost") or is_loopback(name):
            return True
        return not self._is_local and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
