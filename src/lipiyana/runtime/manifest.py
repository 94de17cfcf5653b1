"""The models that exist: `manifest.toml` beside the model files, read without loading a model."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lipiyana.errors import ModelUnavailable
from lipiyana.files import MAX_MODEL_BYTES, read_file, read_toml
from lipiyana.runtime.packed import unpacked
from lipiyana.words import shown

MANIFEST = "manifest.toml"
_PACKAGE = "package:"
_TABLES = {"scores", "parameters"}
_PARAMETERS = {
    "twin": str,
    "extra": str,
    "words": str,
    "thresholds": Mapping,
    "calibration": Mapping,
}
"""Of those that a folder may give, what they are where they are not checked in their own place."""


class Task(StrEnum):
    """What a model does."""

    TEXT_DETECTOR = "text_detector"
    LINE_READER = "line_reader"
    VEHICLE_DETECTOR = "vehicle_detector"
    PLATE_DETECTOR = "plate_detector"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of a manifest.

    Attributes:
        name: unique; a later folder's model of the same name replaces the earlier one.
        file: where the ONNX file is expected, packed where its name ends in `.gz` or `.xz`.
        sha256: of that file as it is stored, hexadecimal.
        charset_sha256: sha256 of the UTF-8 of the model's characters in the order of its
            classes; "" if the model reads nothing.
        licence: SPDX expression.
        data: what it was trained on.
        card: file name of its model card, "" if none.
        scores: measured figures by name.
        parameters: what its pre- and post-processing needs (`height`, `input_size`, ...).
    """

    name: str
    task: Task
    file: Path
    sha256: str
    version: str = ""
    charset_sha256: str = ""
    licence: str = ""
    data: str = ""
    card: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether the file is there; its sha256 is checked when it is loaded."""
        return self.file.is_file()

    @property
    def extra(self) -> str:
        """The extra of this project that installs the model's package; "" if none is needed."""
        return str(self.parameters.get("extra", ""))

    @property
    def words(self) -> Path | None:
        """Path of the language model of a reader; None if it has none."""
        words = self.parameters.get("words")
        return self.file.parent / words if words else None

    @property
    def companions(self) -> Mapping[str, tuple[Path, str]]:
        """The files that it needs beside its own, by parameter, each with its sha256."""
        words = self.words
        return {} if words is None else {"words": (words, str(self.parameters["words_sha256"]))}

    def check(self) -> None:
        """Check that the file and its companions are those that the manifest names.

        Raises:
            ModelUnavailable: as `read_bytes`, of any of them.
        """
        self.read_bytes()
        for path, sha256 in self.companions.values():
            try:
                data = read_file(path, MAX_MODEL_BYTES)
            except OSError as error:
                raise ModelUnavailable(
                    f"{path}, which {self.name} needs, cannot be read: {error.strerror}"
                ) from error
            require_digest(path, data, sha256)

    def read_bytes(self) -> bytes:
        """Read the file, check its sha256, and unpack it if it is packed.

        Raises:
            ModelUnavailable: no such file (MODEL_NOT_INSTALLED), or another file than the
                manifest names or one that cannot be unpacked (MODEL_CORRUPT).
        """
        try:
            data = read_file(self.file, MAX_MODEL_BYTES)
        except OSError as error:
            how = f"`pip install 'lipiyana[{self.extra}]'` installs it" if self.extra else ""
            raise ModelUnavailable(
                f"the model {self.name} is not installed: {how or f'{self.file} cannot be read'}"
            ) from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelUnavailable(
                f"{self.file} is not the file that the manifest names for {self.name} (its sha256 "
                "differs); install it again, or correct the manifest if you replaced the model",
                reason="MODEL_CORRUPT",
            )
        return unpacked(self.file, data)


def require_digest(path: Path, data: bytes, sha256: str) -> None:
    """Refuse a file that is not the one of a manifest.

    Raises:
        ModelUnavailable: its sha256 is another one (MODEL_CORRUPT).
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelUnavailable(
            f"{path} is not the file that the manifest names (its sha256 differs); install it "
            "again, or bring it back from a copy",
            reason="MODEL_CORRUPT",
        )


def charset_digest(characters: tuple[str, ...]) -> str:
    """Hash the characters in the order of their classes, for `charset_sha256`."""
    return hashlib.sha256("".join(characters).encode()).hexdigest()


def read_manifest(folder: Path, path: Path | None = None) -> tuple[ModelEntry, ...]:
    """Read the manifest of a folder of models.

    Args:
        folder: of the models.
        path: of the manifest, if it is not `manifest.toml` there.

    Raises:
        ModelUnavailable: there is none (MODEL_NOT_INSTALLED) or it is invalid
            (MODEL_CORRUPT).
    """
    path = path or folder / MANIFEST
    try:
        tables = read_toml(path).get("model", [])
        return tuple(_entry(table, folder) for table in tables)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelUnavailable(
            f"{folder} has no {MANIFEST}; name a folder of models that has one"
        ) from error
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelUnavailable(f"{path} is not valid: {error!r}", reason="MODEL_CORRUPT") from error


def _entry(table: Mapping[str, Any], folder: Path) -> ModelEntry:
    fields = dict(table)
    for key, value in fields.items():
        _require(value, Mapping if key in _TABLES else str, key)
    for key, value in fields.get("scores", {}).items():
        _require(value, int | float, key)
    parameters = fields.get("parameters", {})
    if "words" in parameters:
        _require(parameters.get("words_sha256"), str, "words_sha256")
    for key, kind in _PARAMETERS.items():
        if key in parameters:
            _require(parameters[key], kind, key)
    return ModelEntry(
        task=Task(fields.pop("task")), file=_locate(fields.pop("file"), folder), **fields
    )


def _require(value: object, kind: Any, key: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"{key} is {shown(value)}")


def _locate(file: str, folder: Path) -> Path:
    if not file.startswith(_PACKAGE):
        return folder / file
    package, _, inner = file.removeprefix(_PACKAGE).partition("/")
    if not package.isidentifier():  # what lies in a package is found by importing the package
        raise ValueError(f"{shown(package)} is not a package")
    spec = importlib.util.find_spec(package)  # does not import it
    if spec is None or spec.origin is None:
        return folder / package / inner  # not there: "not installed" when it is asked for
    return Path(spec.origin).parent / inner
