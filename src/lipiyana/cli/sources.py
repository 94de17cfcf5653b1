"""Finds the pictures that the INPUTs of a command line name.

Paths stay strings: a `Path` would drop the "./" that the user wrote.
"""

# ruff: noqa: PTH112, PTH118, PTH119, PTH207

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from lipiyana.cli.console import stderr
from lipiyana.cli.visible_text import shown
from lipiyana.errors import InternalError, LipiyanaError, NotFound, PermissionDenied
from lipiyana.files import shortened, what_was_meant

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff",
)  # fmt: skip
"""Names that end so, in either case, are pictures where a folder is read."""

_KINDS = 6  # of files, or names of INPUTs, that a message lists


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
class PassedOver:
    """A file of a folder that is not read: it has no picture's suffix.

    Attributes:
        path: as reached from its INPUT.
        kind: its suffix in lower case, or what else it is.
    """

    path: str
    kind: str


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
        return self.walk()

    def walk(self, passed_over: Counter[str] | None = None) -> Iterator[Source]:
        """Find the pictures; count the other files of the folders in `passed_over`, by kind."""
        seen: set[str] = set()
        for item in self.inputs:
            found = _walk(item, self.apart) if item in self.folders else _single(item)
            for one in found:
                if item in self.overlapping:
                    if one.path in seen:
                        continue
                    seen.add(one.path)
                if isinstance(one, Source):
                    yield one
                elif passed_over is not None:
                    passed_over[one.kind] += 1


def list_pictures(inputs: Sequence[str], apart: Path | None = None) -> Listing:
    """Find out what each INPUT is: a file, a folder, or a pattern (`*`, `?`, `[...]`, `**`).

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
    """Refuse INPUTs in the folder that the command writes to.

    Raises:
        typer.BadParameter: `folder`, which `option` named, is an INPUT or holds one.
    """
    own = os.path.realpath(folder)
    for item in inputs:
        if not lies_in(item, own):
            continue
        if os.path.realpath(item) == own:
            clash = f"{shown(item)} would be both read and written to"
        else:
            clash = f"{shown(item)} is read, and lies in {folder}, which is written to"
        raise typer.BadParameter(f"{clash}; name another folder.", param_hint=option)


def describe_passed_over(passed_over: Mapping[str, int]) -> str:
    """Write what was passed over by kind and count, the most first; "" where nothing was."""
    kinds = sorted(passed_over.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{count} {shown(kind)}" for kind, count in kinds[:_KINDS])
    if len(kinds) > _KINDS:
        listed += f", {sum(count for _, count in kinds[_KINDS:])} others"
    return listed


def say_passed_over(passed_over: Mapping[str, int]) -> None:
    """Print at the end of a run which files of its folders were not read."""
    if listed := describe_passed_over(passed_over):
        stderr().print(f"passed over, as no pictures: {listed}", markup=False)


def no_picture_found(listing: Listing, passed_over: Mapping[str, int]) -> str:
    """Say which INPUTs have no picture, what they contain, and which files would be read."""
    named = ", ".join(shown(item) for item in (*listing.inputs, *listing.unmatched)[:_KINDS])
    more = len(listing.inputs) + len(listing.unmatched) - _KINDS
    if more > 0:
        named += f" and {more} more"
    message = f"no picture found in {named}"
    if listed := describe_passed_over(passed_over):
        message += f": passed over {listed}"
    return f"{message}. In folders files are read that end in {' '.join(SUFFIXES)}"


def _single(path: str) -> Iterator[Source]:
    missing = None if os.path.lexists(path) else NotFound(_no_such(path))
    yield Source(path, os.path.basename(path), missing)


def _no_such(path: str) -> str:
    return f"there is no file or folder {shortened(shown(path))}{what_was_meant(path)}"


def _walk(root: str, apart: str) -> Iterator[Source | PassedOver]:
    stack = [_entries(root, "")]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Source | PassedOver):
            yield entry
        elif not lies_in(os.path.join(root, entry), apart):
            stack.append(_entries(root, entry))


def _entries(root: str, folder: str) -> Iterator[Source | PassedOver | str]:
    """List a folder; its subfolders are strings that end with a separator."""
    path = os.path.join(root, folder)
    try:
        with os.scandir(path) as entries:
            # with its separator a folder sorts where its pictures' paths do
            names = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name + os.sep)
                elif entry.name.lower().endswith(SUFFIXES):
                    names.append(entry.name)
                else:
                    yield PassedOver(os.path.join(root, folder + entry.name), _kind(entry))
    except OSError as error:
        yield Source(path, folder or os.path.basename(path), _unreadable(error, path))
        return
    for name in sorted(names):
        relative = folder + name
        if name.endswith(os.sep):
            yield relative
        else:
            yield Source(os.path.join(root, relative), relative)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink() and entry.is_dir():
        return "links to folders"
    return Path(entry.name).suffix.lower() or "without a suffix"


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder, by its real path, or lies in it; "" is none."""
    if not folder:
        return False
    real = os.path.realpath(path)
    return real == folder or real.startswith(os.path.join(folder, ""))


def _unreadable(error: OSError, folder: str) -> LipiyanaError:
    """Make the error of an unreadable folder: a row for it shows that pictures are missing."""
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
