"""Warnings and errors of `lipiyana rules` and `lipiyana forward`."""

from __future__ import annotations

from urllib.parse import urlsplit

from lipiyana.cli.console import say_warning
from lipiyana.conversions.visible_text import shown
from lipiyana.events.sinks.addresses import is_address, is_open


def warn_of_open_network(address: str) -> None:
    """Warn if rows would cross a network where others can read them."""
    if is_address(address) and is_open(address):
        scheme = urlsplit(address).scheme
        say_warning(f"{scheme}:// is not encrypted, and plates are personal data; use {scheme}s://")


def plain(error: OSError | ValueError) -> str:
    """Say what failed, with the file and without numbers of the system."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = "" if error.filename is None else f"{shown(str(error.filename))}: "
    return f"{where}{error.strerror}"
