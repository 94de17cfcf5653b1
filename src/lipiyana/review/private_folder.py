"""Folders with people's pictures: readable by their owner only, never someone else's folder.

A folder that keeps pictures has a notice in it, by which it is known again. Files are removed from
it only where they are this project's: named by the hash of their content, or listed in a note.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from pathlib import Path

from lipiyana.files import read_file, write_atomically
from lipiyana.review.kept import NOTE_BEGINNING, note_of, picture_name, read_without_links, says_of

NOTICE = (
    "Pictures that the models were unsure of, kept by lipiyana.\n"
    "They may show number plates and faces, which are personal data: keep them no longer,\n"
    "and show them to no more people, than labelling needs.\n"
    "Removing this folder removes everything.\n"
)

NOTICE_FILE = "PRIVATE.txt"

_MODE = 0o700
_KNOWN_BY = NOTICE.partition("\n")[0].encode()
_EMPTY_ALL_THE_SAME = {"lost+found", f".{NOTICE_FILE}.part"}
_PART = re.compile(r"\.(.+)\.part")


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter; an existing one stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(_MODE, exist_ok=True)


def identity(folder: Path) -> tuple[int, int]:
    """Give the identity of a folder (not of a link), to detect a replacement.

    Raises:
        OSError: it is not there, or is no folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, "it is not a folder", os.fspath(folder))
    return found.st_dev, found.st_ino


def take_folder(folder: Path) -> None:
    """Make a folder for pictures, or take one that is empty or has the notice; write the notice.

    Raises:
        OSError: it cannot be made, is a link, or holds other things.
    """
    make_private(folder)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link", os.fspath(folder))
    if not _is_ours(folder) and {one.name for one in folder.iterdir()} - _EMPTY_ALL_THE_SAME:
        raise OSError(
            errno.ENOTEMPTY, f"it is not empty, and has no {NOTICE_FILE} of lipiyana's", str(folder)
        )
    _close(folder)
    write_atomically(folder / NOTICE_FILE, NOTICE.encode())


def _is_ours(folder: Path) -> bool:
    try:
        return read_without_links(folder / NOTICE_FILE).startswith(_KNOWN_BY)
    except OSError:
        return False


def _close(folder: Path) -> None:
    """Restrict the folder to its owner; a link that has replaced it is not followed."""
    if not hasattr(os, "O_DIRECTORY"):
        folder.chmod(_MODE)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, _MODE)
    finally:
        os.close(descriptor)


def remove_strays(folder: Path, whole: set[str], max_bytes: int) -> None:
    """Remove leftovers of a killed process: pictures without notes, lone notes, parts.

    Args:
        folder: that was taken.
        whole: names of the files that belong together.
        max_bytes: that a picture may have.

    Raises:
        OSError: the folder cannot be read, or something not removed.
    """
    for path in sorted(folder.iterdir()):
        if path.name not in whole and _is_stray(path, max_bytes):
            path.unlink(missing_ok=True)


def _is_stray(path: Path, max_bytes: int) -> bool:
    """Say whether this project wrote a file, judged by its content and its neighbours."""
    part = _PART.fullmatch(path.name)
    name = part[1] if part else path.name
    picture = picture_name(name)
    if picture is None or not stat.S_ISREG(path.lstat().st_mode):
        return False
    try:
        if part and name == picture:  # its note was written before it
            return says_of(note_of(path.with_name(picture)), picture) or not path.lstat().st_size
        content = read_file(path, max_bytes, follow_links=False)
    except OSError:
        return False
    if part:
        beginning = NOTE_BEGINNING.format(picture).encode()
        return content.startswith(beginning) or beginning.startswith(content)
    if name == picture:
        return hashlib.sha256(content).hexdigest().startswith(name[:20])
    return says_of(path, picture)
