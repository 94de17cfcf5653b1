"""Modules that need an extra, imported when a command asks for them."""

from __future__ import annotations

import importlib
from types import ModuleType

from lipiyana.errors import MissingExtra


def import_with(extra: str, module: str, purpose: str) -> ModuleType:
    """Import one of the project's modules.

    Args:
        extra: the extra that brings what the module needs.
        module: its full name.
        purpose: what needs it, as the beginning of a sentence.

    Raises:
        MissingExtra: something that the extra brings is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "lipiyana":
            raise
        raise MissingExtra.for_extra(extra, purpose) from error
