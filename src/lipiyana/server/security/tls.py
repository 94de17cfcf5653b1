"""TLS certificates of the server; replaced without a restart."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from lipiyana.errors import InvalidRequest
from lipiyana.files import MAX_SETTINGS_BYTES, read_file
from lipiyana.server.security.watched_files import WatchedFiles

_log = logging.getLogger("lipiyana.server")


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """PEM files: certificate chain, private key, and the CA of client certificates if required."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def by_setting(self) -> tuple[tuple[str, Path], ...]:
        """All files, each with the name of its setting."""
        optional = () if self.client_ca is None else (("tls_client_ca", self.client_ca),)
        return (("tls_certificate", self.certificate), ("tls_key", self.key), *optional)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(path for _, path in self.by_setting)


def server_credentials(files: TLSFiles) -> grpc.ServerCredentials:
    """Create credentials that check for changed files at each handshake.

    A certificate and a key that do not match are ignored, because they are often replaced one after
    the other.

    Raises:
        InvalidRequest: the files cannot be used (INVALID_SETTINGS).
    """
    watched = WatchedFiles(*files.paths)
    watched.changed()
    first = _configuration(files)

    def newer() -> Any:
        if not watched.changed():
            return None
        try:
            found = _configuration(files)
        except InvalidRequest as error:
            _log.error("the old certificate stays in use: %s", error.message)
            return None
        _log.info("read the changed certificate %s", files.certificate)
        return found

    return grpc.dynamic_ssl_server_credentials(
        first, newer, require_client_authentication=files.client_ca is not None
    )


class ReloadedTLS:
    """TLS of Python's `ssl`, for HTTP; it checks for changed files at each connection."""

    def __init__(self, files: TLSFiles) -> None:
        """Read the files.

        Raises:
            InvalidRequest: they cannot be used (INVALID_SETTINGS).
        """
        self._files = files
        self._watched = WatchedFiles(*files.paths)
        self._watched.changed()
        self._context = _context(files)

    def context(self) -> ssl.SSLContext:
        """The context for the next connection."""
        if self._watched.changed():
            try:
                self._context = _context(self._files)
            except InvalidRequest as error:
                _log.error("the old certificate of HTTP stays in use: %s", error.message)
            else:
                _log.info("read the changed certificate %s for HTTP", self._files.certificate)
        return self._context


def _context(files: TLSFiles) -> ssl.SSLContext:
    _configuration(files)  # with its errors
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key, password="")
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _configuration(files: TLSFiles) -> Any:
    for setting, path in files.by_setting:
        if not path.exists():
            raise InvalidRequest(
                f"{setting} is {path}, and there is no such file",
                field=setting,
                reason="INVALID_SETTINGS",
            )
    try:
        # read the files first: OpenSSL would block on a pipe
        certificate, key, *client_ca = (read_file(path, MAX_SETTINGS_BYTES) for path in files.paths)
        _check(files)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        what = ", ".join(str(path) for path in files.paths)
        why = "the key is not that of the certificate" if _mismatch(error) else str(error)
        raise InvalidRequest(
            f"TLS cannot use {what}: {why}; tls_certificate names a PEM file with the server's "
            "certificate first, tls_key one with its private key, without a password",
            field="tls_certificate",
            reason="INVALID_SETTINGS",
        ) from None
    return grpc.ssl_server_certificate_configuration([(key, certificate)], *client_ca)


def _mismatch(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH"


def _check(files: TLSFiles) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # an empty password makes OpenSSL reject an encrypted key instead of prompting for its password
    context.load_cert_chain(files.certificate, files.key, password="")
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
