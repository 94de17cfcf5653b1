"""What can be watched: names that a command line gives, taken apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lipiyana.addresses import fault_of_address
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest, NotFound

SCHEMES = ("rtsp", "rtsps", "http", "https")
"""Schemes of addresses of live streams."""

_NAMED = re.compile(r"([\w-]{1,64})=(.+)", re.DOTALL)
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_MOST_CAMERAS = 1024


class SourceKind(StrEnum):
    """Kinds of sources."""

    FILE = "file"
    FOLDER = "folder"
    ADDRESS = "address"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class VideoSource:
    """Something that is watched.

    Attributes:
        name: what rows and messages call it.
        kind: what it is.
        location: path, address or number, as it was given.
    """

    name: str
    kind: SourceKind
    location: str

    @property
    def shown(self) -> str:
        """The location for messages, without a password."""
        if self.kind is SourceKind.ADDRESS:
            return shown(_without_credentials(self.location))
        return f"camera {self.location}" if self.kind is SourceKind.CAMERA else shown(self.location)

    @property
    def is_live(self) -> bool:
        """Whether it goes on until it is stopped, and frames that nobody reads are dropped."""
        return self.kind in {SourceKind.ADDRESS, SourceKind.CAMERA}

    @property
    def is_endless(self) -> bool:
        """Whether it goes on until it is stopped."""
        return self.kind is not SourceKind.FILE


def parse_sources(given: Sequence[str]) -> tuple[VideoSource, ...]:
    """Take SOURCEs apart: `rtsp://camera/1`, `gate=rtsp://camera/1`, `0`, `video.mp4`, `folder/`.

    What exists as a file or folder is that, whatever it looks like. A source without a name has
    that of its file or host; where two have the same, the later one gets a number.

    Raises:
        NotFound: there is no such file or folder.
        InvalidRequest: the scheme is not one of `SCHEMES`, or two sources are given one name.
    """
    found: list[VideoSource] = []
    used: set[str] = set()
    for text in given:
        name, kind, location = _parse(text)
        if name is not None:
            if name in used:
                raise _invalid(f"two sources have the name {name}")
        else:
            name = _unused(_default_name(kind, location), used)
        used.add(name)
        found.append(VideoSource(name, kind, location))
    return tuple(found)


def _parse(text: str) -> tuple[str | None, SourceKind, str]:
    name, location = None, text
    if not Path(text).exists() and (named := _NAMED.fullmatch(text)):
        name, location = named[1], named[2]
    if not location.strip():
        raise NotFound("a SOURCE is empty")  # Path("") would be this folder
    path = Path(location)
    if path.is_dir():
        return name, SourceKind.FOLDER, location
    if path.exists():
        if not path.is_file():  # a pipe or a socket would be waited for without end
            raise _invalid(f"{shown(location)} is neither a file nor a folder")
        return name, SourceKind.FILE, location
    if scheme := _SCHEME.match(location):
        address = shown(_without_credentials(location))
        if scheme[1].lower() not in SCHEMES:
            raise _invalid(f"{address} is not an address of {', '.join(SCHEMES)}")
        if fault := fault_of_address(location):
            raise _invalid(f"{address} is not an address of a camera: {fault}")
        return name, SourceKind.ADDRESS, location
    if location.isascii() and location.isdigit() and int(location) < _MOST_CAMERAS:
        return name, SourceKind.CAMERA, location
    raise NotFound(f"there is no file or folder {shown(location)}")


def _default_name(kind: SourceKind, location: str) -> str:
    if kind is SourceKind.ADDRESS:
        return urlsplit(location).hostname or "camera"
    if kind is SourceKind.CAMERA:
        return f"camera{location}"
    path = Path(location).resolve()
    return (path.stem if kind is SourceKind.FILE else path.name) or "source"


def _unused(name: str, used: set[str]) -> str:
    chosen, number = name, 2
    while chosen in used:
        chosen, number = f"{name}-{number}", number + 1
    return chosen


def _without_credentials(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # it is no address
        scheme, _, rest = address.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    # a query may hold a token
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, field="source", reason="INVALID_SOURCE")
