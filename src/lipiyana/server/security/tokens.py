"""Bearer tokens: a file of their hashes, which is read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest, Unauthenticated
from lipiyana.files import read_toml
from lipiyana.server.queue.rate_limits import TokenBucket
from lipiyana.server.security.callers import Grant
from lipiyana.server.security.watched_files import WatchedFiles

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIELDS = {"sha256", "pictures_per_second", "burst"}
_log = logging.getLogger("lipiyana.server")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file; `rate` is None if it has no limit."""

    name: str
    digest: str
    rate: float | None
    burst: float


class Tokens:
    """The keys of callers. If the file becomes invalid, the old keys stay in use.

    The file is TOML, one table per key:

        [gate-camera]
        sha256 = "..."             # hash of the token, in hexadecimal
        pictures_per_second = 20   # optional
        burst = 40                 # optional; default: the pictures of one second

    Tokens must be long and random, because their hashes are not salted.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InvalidRequest: it cannot be read, or its content is invalid (INVALID_SETTINGS).
        """
        self._file = WatchedFiles(path)
        self._path = path
        self._keys: tuple[Key, ...] = ()
        self._grants: dict[str, Grant] = {}
        self._file.changed()
        self._take(read_keys(path))

    def authenticate(self, metadata: Mapping[str, str]) -> Grant:
        """Find the key of a call by its `authorization`.

        Raises:
            Unauthenticated: there is no token, or it is unknown.
        """
        self._reload_if_changed()
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "this server requires a token: send `authorization: Bearer TOKEN`",
                reason="TOKEN_MISSING",
            )
        presented = hashlib.sha256(token.strip().encode()).hexdigest()
        # compare with all keys, so that the time reveals nothing about them
        matches = [key for key in self._keys if hmac.compare_digest(key.digest, presented)]
        if not matches:
            raise Unauthenticated("this server does not know that token", reason="TOKEN_UNKNOWN")
        return self._grants[matches[0].name]

    def _reload_if_changed(self) -> None:
        if not self._file.changed():
            return
        try:
            self._take(read_keys(self._path))
        except InvalidRequest as error:
            _log.error("the old tokens stay in use: %s", error.message)
        else:
            _log.info("read the changed tokens: %d keys", len(self._keys))

    def _take(self, keys: tuple[Key, ...]) -> None:
        """Replace the keys; a key with an unchanged limit keeps the level of its bucket."""
        before = {key.name: key for key in self._keys}
        grants = {}
        for key in keys:
            old = before.get(key.name)
            if old is not None and (old.rate, old.burst) == (key.rate, key.burst):
                grants[key.name] = self._grants[key.name]
            else:
                bucket = None if key.rate is None else TokenBucket(key.rate, key.burst)
                grants[key.name] = Grant(key.name, bucket)
        self._keys, self._grants = keys, grants
        if not keys:
            _log.warning("%s has no key: every call is refused", self._path)


def read_keys(path: Path) -> tuple[Key, ...]:
    """Read a file of keys.

    Raises:
        InvalidRequest: it cannot be read, or its content is invalid (INVALID_SETTINGS).
    """
    try:
        tables = read_toml(path)
    except FileNotFoundError:
        raise _bad(path, "there is no such file") from None
    except (OSError, ValueError) as error:
        raise _bad(path, str(error)) from None
    return tuple(_key(path, name, table) for name, table in tables.items())


def _key(path: Path, name: str, table: Any) -> Key:
    if not _NAME.fullmatch(name):
        raise _bad(path, "a key's name must be at most 64 letters, digits, `.`, `_` and `-`")
    if not isinstance(table, dict):
        raise _bad(path, f"{name} must be a table: the line [{name}], then sha256 = ...")
    if unknown := set(table) - _FIELDS:
        known = "sha256 (of the token), pictures_per_second and burst"
        raise _bad(path, f"[{name}] may have {known}, not {min(unknown)}")
    digest = table.get("sha256")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise _bad(path, f"[{name}] needs sha256, 64 hexadecimal digits in lower case")
    rate = _positive(path, name, table, "pictures_per_second")
    burst = _positive(path, name, table, "burst")
    if rate is None and burst is not None:
        raise _bad(path, f"[{name}] has a burst, but no pictures_per_second")
    return Key(name, digest, rate, burst or max(1.0, rate or 1.0))


def _positive(path: Path, name: str, table: Mapping[str, Any], field: str) -> float | None:
    value = table.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise _bad(path, f"[{name}] {field} must be a number above 0")
    return float(value)


def _bad(path: Path, problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"cannot use the tokens of {path}: {problem}", field="tokens", reason="INVALID_SETTINGS"
    )
