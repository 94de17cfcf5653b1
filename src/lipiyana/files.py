"""Reads files that a user names, and writes files so that they are never half-written.

Only regular files of a bounded size are read. A pipe waits for a writer and a device may never end;
both are refused, so that the user gets an error instead of a process that hangs. This module
decodes no pictures and imports nothing heavy.
"""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from lipiyana.errors import InvalidImage, NotFound, PermissionDenied

MAX_FILE_BYTES = 100_000_000

MAX_SETTINGS_BYTES = 4 * 1024 * 1024
"""Of certificates and keys."""

MAX_TOML_BYTES = 1024 * 1024
"""Of a file that people write by hand: settings, tokens, manifests."""

_MOST_DOTS = 4_000_000
"""Sum, over the lines of a TOML file, of the square of the number of dots. A name of many parts
(`a.b.c`) costs as much: one of 40 kB took 7 s and 1.5 GB."""

MAX_MODEL_BYTES = 2**31
"""Of a model's file, a checkpoint, or a file of labels."""

_LONGEST_NAME = 1000
_BLOCK = 1 << 16
"""Characters of a name that a message quotes in full: a longer name is hardly a path."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")


def open_regular(path: os.PathLike[str] | str, *, follow_links: bool = True) -> BinaryIO:
    """Open a regular file to read its bytes.

    Raises:
        OSError: it cannot be opened, or is a folder, a device, a pipe, or, without `follow_links`,
            a link.
    """
    # opening a pipe waits for a writer, unless it is opened so
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
    flags |= 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
    # before opening it: opening a device may already have an effect
    # not Path(path).stat(): of the empty name that would be the folder that the process is in
    _check_regular(os.stat(path, follow_symlinks=follow_links), path)  # noqa: PTH116
    descriptor = os.open(path, flags)
    try:
        _check_regular(os.fstat(descriptor), path)  # it may have been replaced meanwhile
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_file(
    path: os.PathLike[str] | str, max_bytes: int = MAX_FILE_BYTES, *, follow_links: bool = True
) -> bytes:
    """Read a regular file.

    Args:
        path: of the file.
        max_bytes: that it may have.
        follow_links: whether it may be a link.

    Raises:
        OSError: as `open_regular`, or it has more than `max_bytes`.
    """
    with open_regular(path, follow_links=follow_links) as file:
        # files of the kernel call themselves regular, have no size, and may have nothing to give
        data: bytes | None = file.read(max_bytes + 1)
    if data is None:
        raise OSError(errno.EAGAIN, "nothing can be read now", os.fspath(path))
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes} bytes", os.fspath(path))
    return data


def read_text(
    path: os.PathLike[str] | str,
    encoding: str = "utf-8",
    errors: str = "strict",
    *,
    max_bytes: int = MAX_FILE_BYTES,
) -> str:
    """Read a regular file of text; its lines end in a line feed however they end in the file.

    Raises:
        OSError: as `read_file`.
        UnicodeDecodeError: it is not in that encoding.
    """
    text = read_file(path, max_bytes).decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_toml(path: os.PathLike[str] | str) -> dict[str, Any]:
    """Read a TOML file of at most `MAX_TOML_BYTES`.

    Raises:
        OSError: as `read_file`.
        ValueError: it is no TOML, not UTF-8, nested too deeply, or has names of too many parts.
    """
    text = read_text(path, max_bytes=MAX_TOML_BYTES)
    # those in strings and comments count as well: to know them it would have to be parsed
    if sum(line.count(".") ** 2 for line in text.split("\n")) > _MOST_DOTS:
        raise ValueError("it has too many dots in its lines: names there have too many parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; bytes are UTF-8, whatever zeros are among them.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_json_object(text: bytes) -> bool:
    """Whether a text is an object of JSON, as a row is; NaN and infinity are none of JSON."""
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant, parse_float=_finite), dict)
    except (RecursionError, ValueError):
        return False


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file as a whole: what the body writes to the given path is renamed to `path`.

    If the body raises, `path` stays as it was and what the body wrote is removed. A symbolic link
    at `path` is replaced, not followed.

    Yields:
        A path beside `path`, where nothing is.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "state.json"
        ...     with replacing(file) as partial:
        ...         _ = partial.write_text("{}")
        ...     file.read_text()
        '{}'
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        # what lies there may be a link to another file: it goes, and a new one is made
        partial.unlink(missing_ok=True)
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file so that it is complete or as it was before, also after a power cut.

    Args:
        path: of the file; a symbolic link there is replaced, not followed.
        data: all of its bytes.
        mode: its permissions, less the umask.

    Raises:
        OSError: it cannot be written, or is a folder, a device or a pipe; nothing is left of it.
    """
    with suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISLNK(found.st_mode):
            _check_regular(found, path)
    with replacing(path) as partial:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(partial, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _check_regular(found: os.stat_result, path: os.PathLike[str] | str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a regular file", os.fspath(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))


def read_picture_file(
    path: str | os.PathLike[str], max_bytes: int = MAX_FILE_BYTES, *, named: str | None = None
) -> bytes:
    """Read the bytes of a picture's file.

    Args:
        path: of the file.
        max_bytes: that it may have.
        named: what messages call it; by default its path.

    Raises:
        InvalidImage: a folder, a device or a pipe, or too large.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
    """
    name = os.fsdecode(path) if named is None else named
    shown = _printable(name) or "''"
    try:
        return read_file(path, max_bytes)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {shortened(shown)}{what_was_meant(name)}") from None
    except PermissionError:
        raise PermissionDenied(f"{shown} may not be read; check its permissions") from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.EFBIG:
            raise InvalidImage(
                f"the picture has more than {max_bytes} bytes, the most that is accepted",
                reason="IMAGE_TOO_LARGE",
            ) from None
        why = getattr(error, "strerror", None) or error
        raise InvalidImage(
            f"{shortened(shown)} cannot be read: {why}{what_was_meant(name) or '; name a picture'}",
            reason="NOT_AN_IMAGE",
        ) from error


def shortened(name: str) -> str:
    """Give a name as a message quotes it: pictures as text are sometimes taken for one."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:60]}..."


def what_was_meant(name: str) -> str:
    """Give advice, for the end of a message, on a name that is not a path; "" for a path."""
    if name.startswith("file://"):
        return "; write the path without file://"
    if _URL.match(name):
        return "; pictures are not fetched from a URL: download it first"
    if len(name) > _LONGEST_NAME:
        return "; this is too long for a path: base64.b64decode(text) gives the bytes of a picture"
    if name.startswith("~"):
        return "; ~ is not expanded: os.path.expanduser(path) does that"
    if glob.has_magic(name):
        return "; a pattern is not expanded: glob.glob(pattern) lists the paths that fit"
    return ""


def _printable(name: str) -> str:
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # no file can have this name
        return ascii(name)


def drop_partial_line(file: IO[bytes]) -> int:
    """Remove what a crash left of the last line of JSON Lines, open to read and append.

    An object that is whole and lacks only its newline gets one.

    Args:
        file: its position is at its end afterwards.

    Returns:
        The bytes that were removed.
    """
    end = file.seek(0, os.SEEK_END)
    position = end
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position == end:
        return 0
    if end - position <= MAX_FILE_BYTES:
        file.seek(position)
        if is_json_object(file.read(end - position)):
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            file.flush()
            return 0
    file.truncate(position)
    file.seek(0, os.SEEK_END)
    return end - position
