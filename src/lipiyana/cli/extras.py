"""Imports modules that need an extra, when a command needs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from lipiyana.errors import MissingExtra


def import_with(extra: str, module: str, purpose: str) -> ModuleType:
    """Import one of the project's modules.

    Args:
        extra: the extra that installs the packages of the module.
        module: full name of the module.
        purpose: what needs it, as the start of the error message.

    Raises:
        MissingExtra: a package of the extra is not installed.
    """
    try:
        return importlib.import_module(module)
    except MissingExtra as error:
        # such as `render`, which is a part of `train`
        raise MissingExtra.for_extra(extra, purpose) from error
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "lipiyana":
            raise
        raise MissingExtra.for_extra(extra, purpose) from error
