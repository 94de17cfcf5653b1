"""Which pictures the INPUTs of a command line mean.

Paths stay strings: a `Path` would drop the "./" that the user wrote.
"""

# ruff: noqa: PTH112, PTH118, PTH119, PTH207

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from lipiyana.cli.paths import shown
from lipiyana.errors import InternalError, LipiyanaError, PermissionDenied

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff",
)  # fmt: skip
"""Names that end so, in either case, are pictures where a folder is read."""


@dataclass(frozen=True, slots=True)
class Source:
    """A picture to read.

    Attributes:
        path: as reached from its INPUT.
        relative: the path below its INPUT where that is a folder, else the name of the file.
        error: why it cannot be read, where that is known from the listing.
    """

    path: str
    relative: str
    error: LipiyanaError | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The INPUTs, patterns expanded: iterating over it finds the pictures as it goes.

    Folders are walked while their pictures are read, so that ten million pictures need no list;
    the names of one folder at a time are held. `unmatched` has the patterns that fit nothing, and
    `apart` the real path of a folder that is not entered, whichever INPUT it lies in; "" for none.
    """

    inputs: tuple[str, ...]
    folders: frozenset[str]
    overlapping: frozenset[str]
    unmatched: tuple[str, ...]
    apart: str = ""

    def __iter__(self) -> Iterator[Source]:
        seen: set[str] = set()
        for item in self.inputs:
            found = _walk(item, self.apart) if item in self.folders else _single(item)
            if item not in self.overlapping:
                yield from found
                continue
            for source in found:
                if source.path not in seen:
                    seen.add(source.path)
                    yield source


def list_pictures(inputs: Sequence[str], apart: Path | None = None) -> Listing:
    """Sort out what each INPUT is: a file, a folder, or a pattern (`*`, `?`, `[...]`, `**`).

    An INPUT that exists is taken as it is, whatever characters it has. A folder is read with
    the folders in it, but not through symbolic links to folders; names that begin with a dot
    and files without a picture's suffix are left out. A file that is named is read whatever its
    suffix. Order: that of the INPUTs, and within one by code point of the path. A path that
    several INPUTs reach is read once, at its first place. The folder `apart`, to which pictures are
    written meanwhile, is left out.
    """
    real = os.path.realpath(apart) if apart else ""
    items: list[str] = []
    unmatched: list[str] = []
    for item in inputs:
        if os.path.lexists(item) or not glob.has_magic(item):
            items.append(item)
        elif matches := sorted(glob.glob(item, recursive=True)):
            items.extend(match for match in matches if not lies_in(match, real))
        else:
            unmatched.append(item)
    folders = frozenset(item for item in items if os.path.isdir(item))
    overlapping = _overlapping(items, folders)
    return Listing(tuple(items), folders, overlapping, tuple(unmatched), real)


def refuse_inputs_in(folder: Path, inputs: Sequence[str], option: str) -> None:
    """Keep a command from reading what it writes.

    Raises:
        typer.BadParameter: `folder`, which `option` named, is an INPUT or holds one.
    """
    own = os.path.realpath(folder)
    for item in inputs:
        if lies_in(item, own):
            raise typer.BadParameter(
                f"{folder} holds {shown(item)}, and is written to.", param_hint=option
            )


def _single(path: str) -> Iterator[Source]:
    yield Source(path, os.path.basename(path))


def _walk(root: str, apart: str) -> Iterator[Source]:
    stack = [_entries(root, "")]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Source):
            yield entry
        elif not lies_in(os.path.join(root, entry), apart):
            stack.append(_entries(root, entry))


def _entries(root: str, folder: str) -> Iterator[Source | str]:
    """Give the pictures of a folder, and its folders as strings that end with a separator."""
    path = os.path.join(root, folder)
    try:
        with os.scandir(path) as entries:
            # with its separator a folder sorts where its pictures' paths do
            names = sorted(
                entry.name + os.sep if is_folder else entry.name
                for entry in entries
                if not entry.name.startswith(".")
                and (
                    (is_folder := entry.is_dir(follow_symlinks=False))
                    or entry.name.lower().endswith(SUFFIXES)
                )
            )
    except OSError as error:
        yield Source(path, folder or os.path.basename(path), _unreadable(error, path))
        return
    for name in names:
        relative = folder + name
        if name.endswith(os.sep):
            yield relative
        else:
            yield Source(os.path.join(root, relative), relative)


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder, by its real path, or lies in it; "" is none."""
    if not folder:
        return False
    real = os.path.realpath(path)
    return real == folder or real.startswith(os.path.join(folder, ""))


def _unreadable(error: OSError, folder: str) -> LipiyanaError:
    """Say why a folder gives no pictures: it gets a row, so that its pictures are missed."""
    if isinstance(error, PermissionError):
        return PermissionDenied(f"the folder {shown(folder)} may not be read")
    return InternalError(f"the folder {shown(folder)} cannot be read: {error.strerror}")


def _overlapping(items: Sequence[str], folders: frozenset[str]) -> frozenset[str]:
    """Find the items whose pictures another item may reach as well."""
    by_prefix = {os.path.join(folder, ""): folder for folder in folders}
    prefixes = Counter(os.path.join(item, "") for item in items)
    overlapping: set[str] = set()
    for item in items:
        own = os.path.join(item, "")
        if prefixes[own] > 1:
            overlapping.add(item)
        position = own.find(os.sep)
        while 0 <= position < len(own) - 1:
            outer = by_prefix.get(own[: position + 1])
            if outer is not None:
                overlapping.update((item, outer))
            position = own.find(os.sep, position + 1)
    return frozenset(overlapping)
