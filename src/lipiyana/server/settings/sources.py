"""Reads the settings of a server from the TOML file and the environment, and explains errors.

An error names the setting, where its value was set, and what the value must be.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import read_toml
from lipiyana.variables import PREFIX, nearest_name, unread_variables


def read_settings_file(
    file: Path, names: Collection[str], paths: Collection[str]
) -> dict[str, Any]:
    """Read the settings of a file; their values are not checked.

    Args:
        file: a TOML file.
        names: names of all settings.
        paths: names of the settings that are paths; relative ones start at the file's folder.

    Raises:
        NotFound: there is no such file.
        InvalidRequest: it cannot be read, or contains an unknown setting (INVALID_SETTINGS).
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
                f"{file} has a table [{name}]: settings must be at the top of the file, without a "
                "table",
                name,
            )
        if name not in names:
            raise unknown_setting(name, file, names)
        if name in paths and isinstance(value, str):
            values[name] = str(file.parent / value)
    return values


GUARDS = ("tls_certificate", "tls_key", "tls_client_ca", "tokens")
"""Settings of access control. A misspelt variable for one of them must not be ignored."""

_LIKE_GUARDS = ("tls", "token")
_SECRETS = ("shared_cache_url", "shared_cache_secret")

_WANTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a number of fewer digits",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "path_type": "a path in quotes",
    "literal_error": "{expected}",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "string_too_short": "a name or an address",
    "string_pattern_mismatch": "up to 64 letters, digits, `.`, `_` and `-`",
}
"""The requirement of a value, by the type of pydantic's error."""

_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number")


def bad_setting(problem: str, field: str) -> InvalidRequest:
    """Create the error for an invalid setting."""
    return InvalidRequest(f"bad settings: {problem}", field=field, reason="INVALID_SETTINGS")


def unknown_setting(name: str, file: Path | None, names: Collection[str]) -> InvalidRequest:
    """Create the error for an unknown setting; it suggests the nearest known one."""
    nearest = nearest_name(name.lower(), names)
    where = "" if file is None else f" in {file}"
    hint = f"; did you mean {nearest}?" if nearest else ""
    return bad_setting(f"unknown setting {name}{where}{hint}", name)


def as_bad_setting(
    error: ValidationError, given: Mapping[str, Any], file: Path | None, names: Collection[str]
) -> InvalidRequest:
    """Convert the first error of pydantic: which setting, where it was set, what it must be.

    Args:
        error: the validation error.
        given: the arguments, which take precedence over the environment and the file.
        file: the settings file.
        names: names of all settings.
    """
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    if not field:  # a conflict between settings
        return bad_setting(text, field)
    if first["type"] == "extra_forbidden":
        return unknown_setting(field, None, names)
    variable = next((name for name in os.environ if name.upper() == PREFIX + field.upper()), None)
    if field in given:
        where = field
    elif variable is not None:
        where = variable
    else:
        where = field if file is None else f"{field} in {file}"
    value = "not usable" if field in _SECRETS else repr(first["input"])
    if first["type"] in _BOUNDS and _is_nan(first["input"]):
        wanted = f"must be {_WANTED['finite_number']}"
    elif first["type"] == "value_error":
        wanted = text
    else:
        limits = {name: _plain(limit) for name, limit in first.get("ctx", {}).items()}
        wanted = f"must be {_WANTED.get(first['type'], 'another value').format_map(limits)}"
    hint = ""
    if variable is not None and "://" in str(first["input"]) and field == "port":
        hint = " (set by Kubernetes for a Service of this name; use enableServiceLinks: false)"
    return bad_setting(f"{where} is {value}: it {wanted}{hint}", field)


def _is_nan(given: object) -> bool:
    if isinstance(given, str):
        return given.strip().lower().lstrip("+-") == "nan"
    return given != given  # noqa: PLR0124


def _plain(limit: object) -> object:
    """Write a limit without the fraction that whole numbers of a float setting have."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def refuse_doubtful_guards(names: Collection[str]) -> None:
    """Reject variables that look like settings of TLS or tokens but have no effect.

    Raises:
        InvalidRequest: such a variable is empty, or is no setting (INVALID_SETTINGS).
    """
    for name, text in os.environ.items():
        setting = name.lower().removeprefix(PREFIX.lower())
        if setting in GUARDS and name.lower() != setting and not text:
            raise bad_setting(f"{name} is empty; name a file, or do not set it", setting)
    for unread in unread_variables(names):
        meant = unread.nearest.removeprefix(PREFIX).lower()
        words = unread.name.removeprefix(PREFIX).lower().split("_")
        if meant in GUARDS or any(word.startswith(_LIKE_GUARDS) for word in words):
            raise bad_setting(f"{unread}", unread.name)
