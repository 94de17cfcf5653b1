"""Finds the pictures of the INPUTs of a command line.

Paths stay strings: a `Path` would drop the "./" that the user wrote.
"""

# ruff: noqa: PTH112, PTH118, PTH119, PTH207

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from lipiyana.cli.console import stderr
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import (
    InternalError,
    InvalidRequest,
    LipiyanaError,
    NotFound,
    PermissionDenied,
)
from lipiyana.files import shortened, what_was_meant

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff",
)  # fmt: skip
"""Suffixes, in upper or lower case, of the files that are read in a folder."""

PEEK = 256
"""Pictures that are counted before a run; more matter only with more CPUs than this."""

_NAMES = {
    "GIF": (".gif",),
    "HEIC": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG XL": (".jxl",),
    "JPEG 2000": (".jp2", ".j2k"),
    "PDF": (".pdf",),
    "SVG": (".svg", ".svgz"),
    "raw photo": (".arw", ".cr2", ".cr3", ".dng", ".nef", ".raf", ".rw2"),
    "video": (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
              ".webm", ".wmv"),
}  # fmt: skip
"""Kinds of files that show something, which are not read, by their suffixes."""

_LINKS = "links to folders"
_COUNTED = {"raw photo", "video"}  # other kinds are the names of formats

_NAME_OF = {suffix: name for name, suffixes in _NAMES.items() for suffix in suffixes}

_KINDS = 6  # maximum number of kinds of files, or of INPUTs, that a message lists


@dataclass(frozen=True, slots=True)
class Source:
    """A picture to read.

    Attributes:
        path: its path, beginning with the INPUT.
        relative: the path below its INPUT if that is a folder, else the name of the file.
        error: why it cannot be read, if the listing already found out.
    """

    path: str
    relative: str
    error: LipiyanaError | None = None


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file of a folder that is not read, because it does not have a suffix of `SUFFIXES`.

    Attributes:
        path: its path, beginning with the INPUT.
        kind: a name of `_NAMES`, its suffix in lower case, or another description.
    """

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The INPUTs with expanded patterns; iterating over it finds their pictures.

    Folders are walked lazily, with the names of one folder at a time in memory, so that ten
    million pictures need no list.

    Attributes:
        inputs: the INPUTs, and the files and folders that match patterns.
        folders: those of `inputs` that are folders.
        overlapping: those of `inputs` whose pictures another one may reach too.
        unmatched: the patterns that match nothing.
        excluded: real paths of files and folders that are passed over.
    """

    inputs: tuple[str, ...]
    folders: frozenset[str]
    overlapping: frozenset[str]
    unmatched: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Source]:
        return self.walk()

    def walk(self, ignored: Counter[str] | None = None) -> Iterator[Source]:
        """Find the pictures; count the other files of the folders in `ignored`, by kind."""
        seen: set[str] = set()
        for item in self.inputs:
            found = _walk(item, self.excluded) if item in self.folders else _single(item)
            for one in found:
                if item in self.overlapping:
                    if one.path in seen:
                        continue
                    seen.add(one.path)
                if isinstance(one, Source):
                    yield one
                elif ignored is not None:
                    ignored[one.kind] += 1


def list_pictures(inputs: Sequence[str], excluded: Sequence[Path] = ()) -> Listing:
    """List the INPUTs: files, folders and patterns (`*`, `?`, `[...]`, `**`).

    An INPUT that exists is never a pattern, even if it contains such characters. A file that is
    named is read whatever its suffix. A folder is read with its subfolders, but without symbolic
    links to folders, names that begin with a dot, and files without a suffix of `SUFFIXES`. The
    order is that of the INPUTs, and within an INPUT by code point of the path. A path that
    several INPUTs reach is read once, at its first place. The files and folders `excluded`, to
    which the command writes, are passed over and not counted.
    """
    own = tuple(os.path.realpath(path) for path in excluded)
    items: list[str] = []
    unmatched: list[str] = []
    for item in inputs:
        if os.path.lexists(item) or not glob.has_magic(item):
            # a shell may have found the output of an earlier run by a pattern
            if os.path.realpath(item) not in own:
                items.append(item)
        elif matches := sorted(glob.glob(item, recursive=True)):
            items.extend(match for match in matches if not _lies_in_any(match, own))
        else:
            unmatched.append(item)
    folders = frozenset(item for item in items if os.path.isdir(item))
    overlapping = _overlapping(items, folders)
    return Listing(tuple(items), folders, overlapping, tuple(unmatched), own)


def refuse_inputs_in(folder: Path, inputs: Sequence[str], option: str) -> None:
    """Reject INPUTs in the folder that the command writes to.

    Raises:
        typer.BadParameter: `folder`, the value of `option`, is an INPUT or contains one.
    """
    own = os.path.realpath(folder)
    for item in inputs:
        if not lies_in(item, own):
            continue
        if os.path.realpath(item) == own:
            clash = f"{shown(item)} would be both read and written to"
        else:
            clash = f"{shown(item)} would be read, but is in {folder}, which is written to"
        raise typer.BadParameter(f"{clash}; name another folder.", param_hint=option)


def describe_ignored(ignored: Mapping[str, int]) -> str:
    """List the ignored files by count and kind; "" if there are none.

    Those that show something come first, then the most frequent.
    """
    kinds = sorted(ignored.items(), key=lambda item: (item[0] not in _NAMES, -item[1], item[0]))
    listed = ", ".join(_counted(kind, count) for kind, count in kinds[:_KINDS])
    if len(kinds) > _KINDS:
        rest = sum(count for _, count in kinds[_KINDS:])
        listed += f", {rest} {'other' if rest == 1 else 'others'}"
    return listed


def _counted(kind: str, count: int) -> str:
    if count == 1 and kind == _LINKS:
        return "1 link to a folder"
    return f"{count} {shown(kind)}{'s' if count > 1 and kind in _COUNTED else ''}"


def say_ignored(ignored: Mapping[str, int]) -> None:
    """Print which files of the folders were not read."""
    if listed := describe_ignored(ignored):
        count = sum(ignored.values())
        files = "1 file" if count == 1 else f"{count} files"
        stderr().print(f"skipped {files} of other kinds: {listed}{_advice(ignored)}", markup=False)


def _advice(ignored: Mapping[str, int]) -> str:
    convert = any(kind in _NAMES and kind != "video" for kind in ignored)
    advice = "; convert pictures to JPEG or PNG" if convert else ""
    return f"{advice}; `lipiyana watch` takes videos" if "video" in ignored else advice


def no_picture_found(listing: Listing, ignored: Mapping[str, int]) -> str:
    """Describe a run without pictures: its INPUTs, what they contain, and what would be read."""
    named = ", ".join(shown(item) for item in (*listing.inputs, *listing.unmatched)[:_KINDS])
    more = len(listing.inputs) + len(listing.unmatched) - _KINDS
    if more > 0:
        named += f" and {more} more"
    message = f"no picture found in {named}"
    if listed := describe_ignored(ignored):
        message += f": skipped {listed}{_advice(ignored)}"
    return f"{message}. In folders, files with these suffixes are read: {' '.join(SUFFIXES)}"


def _single(path: str) -> Iterator[Source]:
    missing = None if os.path.lexists(path) else NotFound(_no_such(path))
    yield Source(path, os.path.basename(path), missing)


def _no_such(path: str) -> str:
    return f"there is no file or folder {shortened(shown(path))}{what_was_meant(path)}"


def _walk(root: str, excluded: tuple[str, ...]) -> Iterator[Source | IgnoredFile]:
    stack = [_entries(root, "")]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Source):
            yield entry
        elif isinstance(entry, IgnoredFile):
            if not _lies_in_any(entry.path, excluded):
                yield entry
        elif not _lies_in_any(os.path.join(root, entry), excluded):
            stack.append(_entries(root, entry))


def _entries(root: str, folder: str) -> Iterator[Source | IgnoredFile | str]:
    """List a folder; its subfolders are strings that end with a separator."""
    path = os.path.join(root, folder)
    try:
        with os.scandir(path) as entries:
            # folders get a separator, so that they sort like the paths of their pictures
            names = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name + os.sep)
                elif entry.name.lower().endswith(SUFFIXES):
                    names.append(entry.name)
                else:
                    yield IgnoredFile(os.path.join(root, folder + entry.name), _kind(entry))
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
        return _LINKS
    suffix = Path(entry.name).suffix.lower()
    return _NAME_OF.get(suffix, suffix) or "without a suffix"


def lies_in(path: str, folder: str) -> bool:
    """Whether the real path of `path` is the real path `folder` or is in it; False for ""."""
    if not folder:
        return False
    real = os.path.realpath(path)
    return real == folder or real.startswith(os.path.join(folder, ""))


def _lies_in_any(path: str, excluded: Sequence[str]) -> bool:
    if not excluded:
        return False
    real = os.path.realpath(path)
    return any(real == one or real.startswith(os.path.join(one, "")) for one in excluded)


def _unreadable(error: OSError, folder: str) -> LipiyanaError:
    """Create the error of an unreadable folder. Its row shows that pictures are missing."""
    if isinstance(error, PermissionError):
        return PermissionDenied(f"no permission to read the folder {shown(folder)}")
    return InternalError(f"the folder {shown(folder)} cannot be read: {error.strerror}")


def _overlapping(items: Sequence[str], folders: frozenset[str]) -> frozenset[str]:
    """Find the items whose pictures another item may reach too."""
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


def refuse_inputs(output: Path, inputs: Iterable[Path | None], option: str = "output") -> None:
    """Refuse to write a file that is read, under whatever name.

    Raises:
        InvalidRequest: it is one of them.
    """
    for given in inputs:
        if given is not None and _is_same(output, given):
            raise InvalidRequest(
                f"{shown(str(output))} cannot be written: it is read", field=option
            )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)  # also by another link
    except (OSError, ValueError):  # one of them is not there yet
        return one.resolve() == other.resolve()
