"""Why a file or a folder cannot be written, and what to do, for people."""

from __future__ import annotations

import errno
from pathlib import Path

from lipiyana.errors import InvalidRequest

_WHY = {
    (errno.EACCES, errno.EPERM): "this user may not write to {path}: change its rights, or name "
    "another place",
    (errno.EROFS,): "{path} is on a disk that is mounted read-only; name another place",
    (errno.ENOSPC, errno.EDQUOT): "there is no room left for {path}: free some, or name another "
    "place",
    (errno.ENOENT, errno.EINVAL, errno.ENOTDIR, errno.EEXIST): "nothing can be made at {path}; "
    "name another place",
}


def cannot_write(path: Path, error: OSError) -> InvalidRequest:
    """Make the error for an output that the command line names."""
    return InvalidRequest(_why(path, error), field="path", reason="CANNOT_WRITE")


def _why(path: Path, error: OSError) -> str:
    blocking = next((part for part in path.parents if part.exists()), None)
    if path.is_dir() and error.errno == errno.EISDIR:
        return f"{path} is a folder; name a file in it"
    if blocking is not None and not blocking.is_dir():
        return f"{blocking} is a file; name a folder in place of it"
    if not path.parent.exists():
        return f"there is no folder {path.parent}; make it first"
    told = next((why for numbers, why in _WHY.items() if error.errno in numbers), None)
    if told is None:
        return f"{path} cannot be written ({error.strerror or error}); name another place"
    return told.format(path=path)
