"""Releases of models: what a folder serves is replaced, and brought back, in one step.

The folder keeps the manifests that it had and the models that they name. Each switch is a line of
`releases.jsonl`, which is written before it: a line without its switch is harmless, a switch
without its line could not be explained.
"""

from __future__ import annotations

import getpass
import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.files import read_file, read_text, write_atomically
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, read_manifest
from lipiyana.runtime.model_folder import (
    MANIFEST_HEADER,
    RELEASES,
    NewModel,
    place_models,
    write_manifest,
    writing_to,
)
from lipiyana.runtime.release_audit import (
    AUDIT,
    Act,
    Audit,
    Switch,
    append_switch,
    read_audit,
)

_LOCK = ".releases.lock"

BROKEN = "manifest.broken.toml"
"""What a rollback keeps of a manifest that could not be read."""


def promote(
    folder: Path,
    challenger: Path,
    scores: Mapping[str, float],
    *,
    forced: bool = False,
    compared: Mapping[Path, str] | None = None,
) -> Switch:
    """Copy the models of another folder into this one, and serve them from now on.

    Models that the folder has already stay after them.

    Args:
        folder: that is served; made if there is none.
        challenger: folder of the new models.
        scores: for the audit.
        forced: for the audit.
        compared: `manifest_digest` of folders as they were when `scores` were measured; nothing is
            promoted if one of them has other models now.

    Raises:
        ModelUnavailable: a manifest is invalid, or a file is not what its manifest names.
        InvalidRequest: they are served already (NOTHING_NEW), other models than these were compared
            (OTHER_MODELS), or the folder cannot be written.
        PermissionDenied: the folder may not be written.
    """
    entries = promotable(challenger)
    for entry in entries:
        entry.check()  # raises if it is not what was measured
    with writing_to(folder), _locked(folder):
        for path, digest in (compared or {}).items():
            if manifest_digest(path) != digest:
                raise InvalidRequest(
                    f"{path} has other models than those that were compared: somebody changed it "
                    "meanwhile. Run the command again",
                    field="folder",
                    reason="OTHER_MODELS",
                )
        text = place_models(folder, [_as_new(entry, challenger) for entry in entries])
        before = _current(folder)
        if text == before:
            raise InvalidRequest(
                f"{folder} serves the models of {challenger} already",
                field="challenger",
                reason="NOTHING_NEW",
            )
        _keep(folder, before)
        names = tuple(entry.name for entry in entries)
        return _switch(folder, "promote", _digest(before), text, names, scores, forced=forced)


def manifest_digest(folder: Path) -> str:
    """The sha256 of what a folder serves, as the audit names it.

    Raises:
        ModelUnavailable: the manifest cannot be read.
    """
    try:
        return _digest(_current(folder))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelUnavailable(
            f"{folder / MANIFEST} cannot be read: {error}", reason="MODEL_CORRUPT"
        ) from None


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


def rollback(folder: Path, warn: Callable[[str], None] = lambda _: None) -> Switch:
    """Serve again what was served before the last promotion; each call goes one further back.

    If the manifest of the folder is missing or cannot be read, what was served last by the audit is
    served again, or what came before it if that is not intact.

    Args:
        folder: into which models were promoted.
        warn: told what was wrong with the folder and did not keep it from going back.

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
        audit = read_audit(folder)
        for fault in audit.faults:
            warn(fault)
        if not _is_readable(folder, audit):
            return _rescue(folder, audit, warn)
        before = _digest(_current(folder))
        earlier = _before(audit, before)
        if earlier is None:
            raise InvalidRequest(
                f"what {folder} serves was not promoted there, so there is nothing to go back to; "
                f"{AUDIT} in it lists the promotions",
                field="folder",
                reason="NOTHING_EARLIER",
            )
        text = _whole_release(folder, earlier)
        _keep(folder, _current(folder))
        return _switch(folder, "rollback", before, text)


def _is_readable(folder: Path, audit: Audit) -> bool:
    """Whether a folder has a manifest that can be served.

    One that names no models can be, unless models were promoted since and none of the switches
    left it so: then it was emptied.
    """
    try:
        if read_manifest(folder):
            return True
    except ModelUnavailable:
        return False
    known = {digest for switch in audit.switches for digest in (switch.before, switch.after)}
    return not known or _digest(_current(folder)) in known


def _rescue(folder: Path, audit: Audit, warn: Callable[[str], None]) -> Switch:
    """Replace a manifest that cannot be read by the newest release that is whole."""
    digest = audit.switches[-1].after if audit.switches else None
    faults: list[ModelUnavailable] = []
    seen: set[str] = set()
    while digest is not None and digest not in seen:
        seen.add(digest)
        try:
            text = _whole_release(folder, digest)
        except ModelUnavailable as error:
            faults.append(error)
            digest = _before(audit, digest)
            continue
        path, broken = folder / MANIFEST, b""
        said = f"{path} is missing"
        if path.exists():
            broken = read_file(path)
            write_atomically(folder / BROKEN, broken)
            said = f"{path} cannot be used, and is kept as {BROKEN}"
        for fault in faults:
            warn(fault.message)
        which = "came before that" if faults else "was served last"
        warn(f"{said}; what {which} by {AUDIT} is served again")
        return _switch(folder, "rollback", hashlib.sha256(broken).hexdigest(), text)
    raise (
        faults[0]
        if faults
        else ModelUnavailable(
            f"{folder / MANIFEST} cannot be read, and {AUDIT} does not say what was served",
            reason="MODEL_CORRUPT",
        )
    )


def _before(audit: Audit, digest: str) -> str | None:
    """What was served before the last promotion to a manifest."""
    found = [s.before for s in audit.switches if (s.act, s.after) == ("promote", digest)]
    return found[-1] if found else None


def _whole_release(folder: Path, digest: str) -> str:
    """Read a manifest that was served, and check every file that it names.

    Raises:
        ModelUnavailable: it or one of the files is not there, or is another one.
    """
    path = _kept(folder, digest)
    advice = "bring it back from a copy, or promote the models again"
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ModelUnavailable(
            f"{path}, the manifest to go back to, is not there; {advice}"
        ) from None
    except UnicodeDecodeError:
        text = ""
    if _digest(text) != digest:
        raise ModelUnavailable(
            f"{path} is not the manifest that was served (its sha256 differs); {advice}",
            reason="MODEL_CORRUPT",
        )
    for entry in read_manifest(folder, path):
        entry.check()
    return text


def _keep(folder: Path, text: str) -> None:
    (folder / RELEASES).mkdir(exist_ok=True)
    write_atomically(_kept(folder, _digest(text)), text.encode())


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
    _keep(folder, after)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    made = Switch(time, _who(), act, before, _digest(after), models, scores or {}, forced=forced)
    append_switch(folder, made)
    write_manifest(folder, after)
    return made


def _as_new(entry: ModelEntry, folder: Path) -> NewModel:
    named = {f"{key}{end}" for key in entry.companions for end in ("", "_sha256")}
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
        parameters={k: v for k, v in entry.parameters.items() if k not in named},
        companions={key: path for key, (path, _) in entry.companions.items()},
        digests={entry.file: entry.sha256} | dict(entry.companions.values()),
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
