"""Adds models to a folder for `--models DIR`, so that nothing half-written is ever read.

Files are copied under names that contain a part of their sha256. Only then does a new manifest
replace the old one in one step. A program that reads the folder meanwhile sees the old models or
the new ones, each complete.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest, ModelUnavailable, PermissionDenied
from lipiyana.files import MAX_MODEL_BYTES, read_file, read_toml, write_atomically
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, Task, read_manifest, require_digest
from lipiyana.runtime.packed import PACKED, model_suffix
from lipiyana.runtime.timings import TWIN

_DIGITS = 12
RELEASES = "releases"
"""Folder of the manifests that the folder had before; their models stay."""

MANIFEST_HEADER = "# Written by lipiyana; see `lipiyana models list --models DIR`.\n"
_OURS = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}\.(onnx(\.(gz|xz))?|npz|md)$")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model to add; the fields are those of `ModelEntry`.

    Attributes:
        file: a finished ONNX file anywhere, packed or not; it is copied as it is.
        card: the text of its card, Markdown.
        companions: files that it needs beside it, by the parameter that names them; the parameter
            `X_sha256` is written too.
        digests: sha256 that files must have, where it is known; others are not copied.
    """

    name: str
    task: Task
    file: Path
    version: str
    licence: str
    data: str
    card: str
    charset_sha256: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    companions: Mapping[str, Path] = field(default_factory=dict)
    digests: Mapping[Path, str] = field(default_factory=dict)


def add_models(folder: Path, models: Sequence[NewModel]) -> tuple[ModelEntry, ...]:
    """Copy models into a folder and name them first in its manifest, in their order.

    Models that the manifest has already stay after them. A model of the same name is replaced, and
    the twin of a replaced model is removed, because it belongs to the old one.

    Returns:
        The new entries.

    Raises:
        ModelUnavailable: the folder's manifest is invalid, or a file is not as it should be.
        InvalidRequest: the disk is full (DISK_FULL), or the folder cannot be written.
        PermissionDenied: the folder may not be written.
    """
    with writing_to(folder):
        write_manifest(folder, place_models(folder, models))
    entries = {entry.name: entry for entry in read_manifest(folder)}
    return tuple(entries[model.name] for model in models)


def place_models(folder: Path, models: Sequence[NewModel]) -> str:
    """Copy models into a folder; return the manifest that names them, which is not written yet.

    Raises:
        ModelUnavailable: the folder's manifest is invalid, or a file cannot be read or differs.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replaced = {model.name for model in models}
    others = [
        table
        for table in _tables(folder)
        if replaced.isdisjoint({table["name"], table.get("parameters", {}).get(TWIN)})
    ]
    tables = [*(_place(folder, model) for model in models), *others]
    text = MANIFEST_HEADER + "".join(f"\n{toml_table('model', table)}" for table in tables)
    tomllib.loads(text)
    return text


def write_manifest(folder: Path, text: str) -> None:
    """Replace the manifest in one step; remove what neither it nor an earlier release names.

    If an earlier release is damaged, nobody knows what it names, and nothing is removed.
    """
    write_atomically(folder / MANIFEST, text.encode())
    released = {path: read_file(path) for path in (folder / RELEASES).glob("*.toml")}
    if all(hashlib.sha256(data).hexdigest().startswith(p.stem) for p, data in released.items()):
        _remove_orphans(folder, "\n".join((text, *(data.decode() for data in released.values()))))


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Convert errors of the disk to errors of this project; see `add_models`."""
    try:
        yield
    except PermissionError as error:
        raise PermissionDenied(
            f"{error.filename or folder} may not be written; name another folder"
        ) from None
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise InvalidRequest(
                f"the disk of {folder} is full; free some space and run the command again. "
                "Nothing half-written is left",
                field="out",
                reason="DISK_FULL",
            ) from None
        raise InvalidRequest(
            f"{folder} cannot be written: {error.strerror or error}", field="out"
        ) from error


def toml_table(name: str, table: Mapping[str, Any]) -> str:
    """Write one entry of an array of tables; its own tables come last, as TOML requires."""
    plain = {k: v for k, v in table.items() if not isinstance(v, Mapping)}
    inner = {k: v for k, v in table.items() if isinstance(v, Mapping) and v}
    lines = [f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in plain.items())]
    for key, values in inner.items():
        lines += ["", f"[{name}.{key}]", *(f"{_key(k)} = {_toml(v)}" for k, v in values.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # TOML has the escapes of JSON, and one more: JSON does not escape this control character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    raise TypeError(f"{type(value).__name__} cannot be written to a manifest")


def _tables(folder: Path) -> list[dict[str, Any]]:
    path = folder / MANIFEST
    if not path.exists():
        return []
    read_manifest(folder)  # raises an error for an invalid one
    tables: list[dict[str, Any]] = read_toml(path).get("model", [])
    return tables


def _place(folder: Path, model: NewModel) -> dict[str, Any]:
    file, sha256 = _copy(folder, model.file, model.name, model.digests)
    parameters = dict(model.parameters)
    for key, companion in model.companions.items():
        parameters[key], parameters[f"{key}_sha256"] = _copy(
            folder, companion, companion.stem, model.digests
        )
    card = f"{model.name}-{sha256[:_DIGITS]}.md"
    write_atomically(folder / card, model.card.encode())
    fields = {
        "name": model.name,
        "task": model.task.value,
        "version": model.version,
        "file": file,
        "sha256": sha256,
        "charset_sha256": model.charset_sha256,
        "licence": model.licence,
        "data": model.data,
        "card": card,
        "scores": dict(model.scores),
        "parameters": parameters,
    }
    return {key: value for key, value in fields.items() if value not in ("", {})}


def _copy(folder: Path, source: Path, stem: str, digests: Mapping[Path, str]) -> tuple[str, str]:
    try:
        data = read_file(source, MAX_MODEL_BYTES)
    except OSError as error:
        raise ModelUnavailable(f"{source} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    require_digest(source, data, digests.get(source, digest))
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", re.sub(rf"-[0-9a-f]{{{_DIGITS}}}$", "", stem))
    packing = source.suffix if source.suffix in PACKED else ""
    name = f"{stem}-{digest[:_DIGITS]}{model_suffix(source)}{packing}"
    if not (folder / name).is_file() or (folder / name).read_bytes() != data:
        if shutil.disk_usage(folder).free < len(data) + 65536:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        write_atomically(folder / name, data)
    return name, digest


def _remove_orphans(folder: Path, manifests: str) -> None:
    """Remove files that an earlier manifest named and these do not."""
    for path in folder.iterdir():
        if _OURS.search(path.name) and path.name not in manifests:
            path.unlink(missing_ok=True)
