"""Finds `LIPIYANA_*` environment variables that nothing reads, and what they may stand for."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

PREFIX = "LIPIYANA_"

OTHERS = frozenset(
    {
        "LIPIYANA_FONTS",
        "LIPIYANA_MAX_PIXELS",
        "LIPIYANA_MODELS",
        "LIPIYANA_MQTT_LOGIN",
        "LIPIYANA_PADDLE_PYTHON",
        "LIPIYANA_SERVER_CA",
        "LIPIYANA_SERVER_CERTIFICATE",
        "LIPIYANA_SERVER_KEY",
        "LIPIYANA_SERVER_TOKEN",
        "LIPIYANA_WEBHOOK_SECRET",
    }
)
"""Variables that are no setting of a server."""

# Kubernetes and Docker set these in every container beside a service that is called lipiyana
_OF_A_SERVICE = re.compile(r"\w+_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP)\w*)")
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class UnreadVariable:
    """A variable that nothing reads; `nearest` is the one that may be meant, or ""."""

    name: str
    nearest: str

    def __str__(self) -> str:
        """Describe it, with the variable that may be meant."""
        hint = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"nothing reads the variable {self.name}{hint}"


def unread_variables(
    settings: Collection[str], environment: Mapping[str, str] | None = None
) -> Iterator[UnreadVariable]:
    """Find the variables that begin with `LIPIYANA_` and are not known.

    Args:
        settings: names of the server's settings, in lower case; the case of theirs does not matter.
        environment: by default that of the process.
    """
    known = {PREFIX + setting.upper() for setting in settings} | OTHERS
    for name, value in sorted((os.environ if environment is None else environment).items()):
        upper = name.upper()
        if not upper.startswith(PREFIX) or name in OTHERS or _of_a_service(name, value):
            continue
        setting = upper.removeprefix(PREFIX)
        if setting.lower() in settings:
            continue
        nearest = nearest_name(setting, {one.removeprefix(PREFIX) for one in known})
        yield UnreadVariable(name, nearest and PREFIX + nearest)


def _of_a_service(name: str, value: str) -> bool:
    return bool(_OF_A_SERVICE.fullmatch(name)) or value.startswith(("tcp://", "udp://"))


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Give the one of `names` that `name` may be a misspelling of, "" if none is near."""
    found = difflib.get_close_matches(name, sorted(names), n=1, cutoff=_ALIKE)
    return found[0] if found else ""
