"""Releases of models: what a folder serves is replaced, and brought back, in one step.

The folder keeps the manifests that it had and the models that they name. Each switch is a line of
`releases.jsonl`, which is written before it: a line without its switch is harmless, a switch
without its line could not be explained.
"""

from __future__ import annotations

import getpass
import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
    Served,
    Switch,
    append_switch,
    read_audit,
    replay,
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
    """The models of a folder, of which there must be one at least; their files are checked.

    Raises:
        ModelUnavailable: it has no manifest, an invalid one, or one without models; or a file is
            not what its manifest names.
    """
    entries = read_manifest(challenger)
    if not entries:
        raise ModelUnavailable(
            f"{challenger / MANIFEST} names no models, so there is nothing to promote"
        )
    for entry in entries:
        entry.check()
    return entries


def rollback(folder: Path, warn: Callable[[str], None] = lambda _: None) -> Switch:
    """Serve again what was served before the last promotion; each call goes one further back.

    If the manifest of the folder is missing, cannot be read or is not what the audit says was
    served last, that is served again first. Releases that are not intact are passed over.

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
        raise _nothing_earlier(f"nothing was promoted to {folder}")
    with writing_to(folder), _locked(folder):
        audit = read_audit(folder)
        for fault in audit.faults:
            warn(fault)
        states = replay(audit.switches)
        found = _usable(folder)
        served = None if found is None else _matching(folder, states, found)
        if served is None:
            return _rescue(folder, states, found, warn)
        before = _digest(_current(folder))
        wanted = [one for one in reversed(served.earlier) if one not in (before, served.now)]
        if not wanted:
            raise _nothing_earlier(f"{folder} serves what it did before the first promotion")
        _, text = _first_whole(folder, wanted, warn)
        _keep(folder, _current(folder))
        return _switch(folder, "rollback", before, text)


def _nothing_earlier(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"{why}, so there is nothing to go back to", field="folder", reason="NOTHING_EARLIER"
    )


def _usable(folder: Path) -> tuple[ModelEntry, ...] | None:
    """The models of a folder; None if its manifest is missing or cannot be used."""
    try:
        return read_manifest(folder)
    except ModelUnavailable:
        return None


def _matching(
    folder: Path, states: Sequence[Served], found: tuple[ModelEntry, ...]
) -> Served | None:
    """Which state of the audit a folder is in; None if somebody else changed its manifest.

    Its models decide, not its bytes: a comment changes nothing. The last line may be of a switch
    that was not made, unless no models are left: then the manifest was emptied.
    """
    digest = _digest(_current(folder))
    possible = states[::-1] if found else states[-1:]
    for state in possible:
        if state.now == digest:
            return state
    for state in possible:
        try:
            if read_manifest(folder, _kept(folder, state.now)) == found:
                return state
        except ModelUnavailable:
            continue
    return None


def _rescue(
    folder: Path,
    states: Sequence[Served],
    found: tuple[ModelEntry, ...] | None,
    warn: Callable[[str], None],
) -> Switch:
    """Replace a manifest that nobody promoted by the newest release that is whole."""
    path = folder / MANIFEST
    if not states:
        if found is not None:
            raise _nothing_earlier(f"no line of {folder / AUDIT} says what was promoted")
        raise ModelUnavailable(
            f"{path} cannot be read, and {AUDIT} does not say what was served",
            reason="MODEL_CORRUPT",
        )
    wanted = [states[-1].now, *reversed(states[-1].earlier)]
    digest, text = _first_whole(folder, wanted, warn)
    broken, said = b"", f"{path} is missing"
    if path.exists():
        broken = read_file(path)
        write_atomically(folder / BROKEN, broken)
        with suppress(UnicodeDecodeError):  # so that no model that it names is removed
            _keep(folder, _current(folder))
        fault = "cannot be used" if found is None else "was changed by no promotion"
        said = f"{path} {fault}, and is kept as {BROKEN}"
    which = "was served last" if digest == wanted[0] else "came before that"
    warn(f"{said}; what {which} by {AUDIT} is served again")
    return _switch(folder, "rollback", hashlib.sha256(broken).hexdigest(), text)


def _first_whole(
    folder: Path, wanted: Iterable[str], warn: Callable[[str], None]
) -> tuple[str, str]:
    """The digest and the text of the first release that is intact; names those before it.

    Raises:
        ModelUnavailable: none is; of the first.
    """
    faults: list[ModelUnavailable] = []
    for digest in wanted:
        try:
            text = _whole_release(folder, digest)
        except ModelUnavailable as error:
            faults.append(error)
        else:
            for fault in faults:
                warn(f"a release is passed over: {fault.message}")
            return digest, text
    raise faults[0]


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
