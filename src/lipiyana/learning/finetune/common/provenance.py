"""What a new model was made of: its parent, the version of the data, and that of the code."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lipiyana.runtime.manifest import ModelEntry

_SECONDS = 10  # for git, which may wait for a disk


@dataclass(frozen=True, slots=True)
class Provenance:
    """Versions for the manifest and the card.

    Attributes:
        parent: the model that the training started from.
        data: sha256 of all labels and of the pictures' files.
        code: version of this package, and the commit if it runs from a clone.
    """

    parent: ModelEntry
    data: str
    code: str

    def parameters(self) -> dict[str, object]:
        """Return the parameters for the manifest."""
        return {
            "base": self.parent.name,
            "base_sha256": self.parent.sha256,
            "data_sha256": self.data,
            "code": self.code,
        }

    def __str__(self) -> str:
        """Describe them in a paragraph for the card."""
        return (
            f"Parent: `{self.parent.name}` {self.parent.version} (sha256 {self.parent.sha256}). "
            f"Data: sha256 {self.data}. Code: lipiyana {self.code}."
        )


def provenance_of(parent: ModelEntry, labels: Iterable[tuple[Path, object]]) -> Provenance:
    """Find the versions.

    Args:
        parent: the model that the training started from.
        labels: each picture's file with what is labelled in it, as JSON can hold it.
    """
    return Provenance(parent, data_digest(labels), code_version())


def data_digest(labels: Iterable[tuple[Path, object]]) -> str:
    """Hash labels and pictures; neither their order nor the folder they lie in changes it."""
    files: dict[Path, str] = {}
    rows = []
    for path, label in labels:
        if path not in files:
            files[path] = _digest(path)
        rows.append(json.dumps([files[path], label], ensure_ascii=False))
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def code_version() -> str:
    """Return the version of the package, and the commit if it runs from a clone."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        made = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return version("lipiyana")
    return f"{version('lipiyana')} {made.stdout.strip()}"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # removed since it was read
