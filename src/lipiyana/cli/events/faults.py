"""Warnings and errors of `lipiyana rules` and `lipiyana forward`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lipiyana.cli.console import say_warning
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest
from lipiyana.events.sinks.addresses import is_address, is_open


def warn_of_open_network(address: str) -> None:
    """Warn if rows would cross a network where others can read them."""
    scheme = _scheme(address)
    # http:// to another machine is refused
    if is_address(address) and scheme != "http" and is_open(address):
        say_warning(f"{scheme}:// is not encrypted, and plates are personal data; use {scheme}s://")


def check_secrets(
    addresses: Sequence[str], secret_file: Path | None, login_file: Path | None
) -> None:
    """Refuse a secret that no receiver would get.

    Raises:
        InvalidRequest: there is one.
    """
    brokers = [one for one in addresses if _scheme(one).startswith("mqtt")]
    others = [one for one in addresses if is_address(one) and one not in brokers]
    if login_file is not None and not brokers:
        raise InvalidRequest("--login-file is for mqtt:// and mqtts://", field="login_file")
    if secret_file is not None and not others:
        raise InvalidRequest("--secret-file is for https:// and grpcs://", field="secret_file")


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower()


def plain(error: OSError | ValueError) -> str:
    """Say what failed, with the file and without numbers of the system."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = "" if error.filename is None else f"{shown(str(error.filename))}: "
    return f"{where}{error.strerror}"
