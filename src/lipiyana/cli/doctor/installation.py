"""What is installed, from the metadata that pip leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

_PACKAGES = (
    "lipiyana", "onnxruntime", "numpy", "opencv-python-headless", "pillow", "grpcio", "protobuf",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def versions() -> Iterator[tuple[str, str]]:
    """Give name and version of the packages that answers and speed depend on."""
    for name in _PACKAGES:
        yield name, _version(name) or "missing"


def extras() -> Iterator[tuple[str, list[str]]]:
    """Give each extra of this project and the packages of it that are not installed."""
    missing: dict[str, list[str]] = {
        extra: [] for extra in metadata.metadata("lipiyana").get_all("Provides-Extra") or ()
    }
    for requirement in metadata.requires("lipiyana") or ():
        extra, name = _EXTRA.search(requirement), _NAME.match(requirement)
        if extra and name and not _version(name[0]):
            missing[extra[1]].append(name[0])
    yield from sorted(missing.items())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
