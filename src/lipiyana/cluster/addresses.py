"""Files of this machine and of stores (`s3://bucket/key`), by fsspec."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lipiyana.conversions.visible_text import shown
from lipiyana.errors import (
    InternalError,
    InvalidImage,
    InvalidRequest,
    LipiyanaError,
    MissingExtra,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from lipiyana.files import MAX_FILE_BYTES, read_picture_file

if TYPE_CHECKING:
    import fsspec

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")

# botocore's, by name: other stores do not have it, and nothing here imports it
_WITHOUT_CREDENTIALS = {
    "CredentialRetrievalError", "NoAuthTokenError", "NoCredentialsError",
    "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}  # fmt: skip
_CODES_OF_ONE_FILE = {"AccessDenied", "403", "AllAccessDisabled", "InvalidObjectState"}
_UNREACHABLE = {
    "ClientConnectorError", "ConnectTimeoutError", "ConnectionClosedError",
    "ConnectionError", "EndpointConnectionError", "HTTPClientError", "ReadTimeoutError",
    "ServerTimeoutError", "SSLError",
}  # fmt: skip


def scheme_of(path: str) -> str:
    """The scheme of an address, such as `s3`; "" for a path of this machine."""
    found = _SCHEME.match(path)
    return found[1].lower() if found else ""


def open_store(address: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Find the file system of an address, and the path in it.

    Raises:
        MissingExtra: the package for the scheme is not installed.
        InvalidRequest: the scheme is unknown, or a setting of the store is invalid.
    """
    scheme = scheme_of(address)
    return _store(scheme), address[len(scheme) + len("://") :]


@lru_cache(maxsize=8)
def _store(scheme: str) -> fsspec.AbstractFileSystem:
    import fsspec

    try:
        # a listing that is cached would hide what was written since
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        if scheme in {"s3", "s3a"}:
            raise MissingExtra.for_extra("s3", f"reading {scheme}://") from error
        raise MissingExtra(
            f"reading {scheme}:// needs another package of fsspec: {error}", extra=""
        ) from error
    except ValueError as error:
        raise InvalidRequest(f"{scheme}:// cannot be read: {error}", field="path") from error


def read_picture(path: str, folder: str = "") -> bytes | LipiyanaError:
    """Read the bytes of a picture, or give the error of its row.

    Args:
        path: of a file, or its address in a store.
        folder: that a relative path begins in.
    """
    try:
        if not scheme_of(path):
            whole = os.path.join(folder, path)  # noqa: PTH118 - keeps "./"
            return read_picture_file(whole, named=path)
        return _read_from_store(path)
    except LipiyanaError as error:
        return error
    except Exception as error:  # a picture must not lose the others of its batch
        return error_of_store(error, path)


def _read_from_store(address: str) -> bytes:
    store, path = open_store(address)
    try:
        data: bytes = store.cat_file(path, start=0, end=MAX_FILE_BYTES + 1)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError:
        # an empty file has no such range
        if store.size(path) != 0:
            raise
        return b""
    if len(data) > MAX_FILE_BYTES:
        raise InvalidImage(
            f"the picture has more than {MAX_FILE_BYTES} bytes, the most that is accepted",
            reason="IMAGE_TOO_LARGE",
        )
    return data


def error_of_store(error: BaseException, address: str) -> LipiyanaError:
    """Say what an exception of a store means.

    `Unauthenticated` and `Unavailable` concern all pictures of the store, the others this one.
    """
    if isinstance(error, LipiyanaError):
        return error
    where = shown(address)
    names = {type(one).__name__ for one in _chain(error)}
    if names & _WITHOUT_CREDENTIALS:
        return Unauthenticated(
            f"there are no credentials for {where}: {error}; every machine that reads needs them "
            "in its environment"
        )
    if isinstance(error, FileNotFoundError):
        return NotFound(f"there is nothing at {where}")
    if isinstance(error, PermissionError):
        return _refused(error, where)
    if isinstance(error, ConnectionError | TimeoutError) or names & _UNREACHABLE:
        return Unavailable(f"the store of {where} cannot be reached: {error}")
    return InternalError(f"{where} cannot be read: {type(error).__name__}: {error}")


def _refused(error: PermissionError, where: str) -> LipiyanaError:
    code = next(filter(None, map(_code, _chain(error))), "AccessDenied")
    if code in _CODES_OF_ONE_FILE:
        return PermissionDenied(f"no permission for {where}; check the rights in the store")
    return Unauthenticated(f"the store refuses the credentials for {where}: {code}")


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _code(error: BaseException) -> str:
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ""
    return str(response.get("Error", {}).get("Code", ""))
