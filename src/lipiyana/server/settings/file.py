"""The TOML file of a server's settings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from lipiyana.errors import NotFound
from lipiyana.files import read_toml
from lipiyana.server.settings.errors import bad_setting, unknown_setting


def read_settings_file(
    file: Path, names: Collection[str], paths: Collection[str]
) -> dict[str, Any]:
    """Read the settings of a file; their values are not looked at.

    Args:
        file: in TOML.
        names: of all settings.
        paths: names of those that are paths: relative ones are taken from the file's folder.

    Raises:
        NotFound: there is no such file.
        InvalidRequest: it cannot be read, or has what is no setting (INVALID_SETTINGS).
    """
    try:
        values = read_toml(file)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no settings file {file}") from None
    except (OSError, ValueError) as error:  # not TOML, not UTF-8, not readable
        raise bad_setting(f"cannot read {file}: {error}", "config") from None
    for name, value in values.items():
        if isinstance(value, dict):
            raise bad_setting(
                f"{file} has a table [{name}]: settings stand at the top of the file, without one",
                name,
            )
        if name not in names:
            raise unknown_setting(name, file, names)
        if name in paths and isinstance(value, str):
            values[name] = str(file.parent / value)
    return values
