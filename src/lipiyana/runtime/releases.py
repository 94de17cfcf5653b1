"""Releases of models: what a folder serves is replaced, and brought back, in one step.

The folder keeps the manifests that it had and the models that they name. Each switch is a line of
`releases.jsonl`, which is written before it: a line without its switch is harmless, a switch
without its line could not be explained.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.files import drop_partial_line, parse_json, read_text, write_atomically
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, read_manifest
from lipiyana.runtime.model_folder import (
    MANIFEST_HEADER,
    RELEASES,
    NewModel,
    place_models,
    write_manifest,
    writing_to,
)

AUDIT = "releases.jsonl"
_LOCK = ".releases.lock"

Act = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Switch:
    """A line of the audit.

    Attributes:
        time: ISO 8601, UTC.
        who: user and machine.
        act: what was asked for.
        before, after: sha256 of the manifest, which names the sha256 of each file.
        models: names of the models that were promoted.
        scores: measured figures of champion and challenger.
        forced: whether a worse challenger was promoted.
    """

    time: str
    who: str
    act: Act
    before: str
    after: str
    models: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    forced: bool = False


def promote(
    folder: Path, challenger: Path, scores: Mapping[str, float], *, forced: bool = False
) -> Switch:
    """Copy the models of another folder into this one, and serve them from now on.

    Models that the folder has already stay after them.

    Args:
        folder: that is served; made if there is none.
        challenger: folder of the new models.
        scores: for the audit.
        forced: for the audit.

    Raises:
        ModelUnavailable: a manifest is invalid, or a file is not what its manifest names.
        InvalidRequest: they are served already (NOTHING_NEW), or the folder cannot be written.
        PermissionDenied: the folder may not be written.
    """
    entries = promotable(challenger)
    for entry in entries:
        entry.read_bytes()  # raises if it is not the file that was measured
    with writing_to(folder), _locked(folder):
        before = _current(folder)
        text = place_models(folder, [_as_new(entry, challenger) for entry in entries])
        if text == before:
            raise InvalidRequest(
                f"{folder} serves the models of {challenger} already",
                field="challenger",
                reason="NOTHING_NEW",
            )
        names = tuple(entry.name for entry in entries)
        return _switch(folder, "promote", before, text, names, scores, forced=forced)


def promotable(challenger: Path) -> tuple[ModelEntry, ...]:
    """The models of a folder, of which there must be one at least.

    Raises:
        ModelUnavailable: it has no manifest, an invalid one, or one without models.
    """
    entries = read_manifest(challenger)
    if not entries:
        raise ModelUnavailable(
            f"{challenger / MANIFEST} names no models, so there is nothing to promote"
        )
    return entries


def rollback(folder: Path) -> Switch:
    """Serve again what was served before the last promotion; each call goes one further back.

    Raises:
        InvalidRequest: nothing was promoted before this (NOTHING_EARLIER), or the folder cannot be
            written.
        ModelUnavailable: the earlier models are no longer there, or are not intact.
        PermissionDenied: the folder may not be written.
    """
    if not (folder / AUDIT).is_file():
        raise InvalidRequest(
            f"nothing was promoted to {folder}, so there is nothing to go back to",
            field="folder",
            reason="NOTHING_EARLIER",
        )
    with writing_to(folder), _locked(folder):
        before = _current(folder)
        digest = _digest(before)
        earlier = [s.before for s in read_audit(folder) if (s.act, s.after) == ("promote", digest)]
        if not earlier:
            raise InvalidRequest(
                f"what {folder} serves was not promoted there, so there is nothing to go back to; "
                f"{AUDIT} in it lists the promotions",
                field="folder",
                reason="NOTHING_EARLIER",
            )
        path = _kept(folder, earlier[-1])
        for entry in read_manifest(folder, path):
            entry.read_bytes()
        return _switch(folder, "rollback", before, read_text(path))


def read_audit(folder: Path) -> tuple[Switch, ...]:
    """Read all switches, the oldest first; none if there were none.

    A line without its end is what a crash left of it: its switch was not made.

    Raises:
        ModelUnavailable: a line has another form (MODEL_CORRUPT).
    """
    path = folder / AUDIT
    try:
        lines = read_text(path).split("\n")[:-1] if path.exists() else []
        return tuple(Switch(**parse_json(line)) for line in lines)
    except (ValueError, TypeError) as error:
        raise ModelUnavailable(f"{path} is not valid: {error}", reason="MODEL_CORRUPT") from None


def _switch(
    folder: Path,
    act: Act,
    before: str,
    after: str,
    models: tuple[str, ...] = (),
    scores: Mapping[str, float] | None = None,
    *,
    forced: bool = False,
) -> Switch:
    for text in (before, after):
        (folder / RELEASES).mkdir(exist_ok=True)
        write_atomically(_kept(folder, _digest(text)), text.encode())
    time = datetime.now(UTC).isoformat(timespec="seconds")
    made = Switch(
        time, _who(), act, _digest(before), _digest(after), models, scores or {}, forced=forced
    )
    with (folder / AUDIT).open("a+b") as audit:
        drop_partial_line(audit)
        audit.write((json.dumps(asdict(made), ensure_ascii=False) + "\n").encode())
        audit.flush()
        os.fsync(audit.fileno())
    write_manifest(folder, after)
    return made


def _as_new(entry: ModelEntry, folder: Path) -> NewModel:
    words = entry.words
    parameters = {
        key: value
        for key, value in entry.parameters.items()
        if key not in {"words", "words_sha256"}
    }
    card = folder / entry.card
    return NewModel(
        name=entry.name,
        task=entry.task,
        file=entry.file,
        version=entry.version,
        licence=entry.licence,
        data=entry.data,
        card=read_text(card) if entry.card and card.is_file() else f"# {entry.name}\n",
        charset_sha256=entry.charset_sha256,
        scores=entry.scores,
        parameters=parameters,
        companions={"words": words} if words else {},
    )


def _current(folder: Path) -> str:
    """The folder's manifest; one without models if it has none."""
    path = folder / MANIFEST
    return read_text(path) if path.exists() else MANIFEST_HEADER


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(folder: Path, digest: str) -> Path:
    return folder / RELEASES / f"{digest[:16]}.toml"


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # in a container, a user may have no name
        user = "unknown"
    return f"{user}@{platform.node()}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time switch the models of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            import fcntl
        except ImportError:  # on Windows nothing keeps two people from promoting at once
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
