"""Chooses the base of a job, and protects the models that its output folder already has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.job import Job, Listener, refuse_to_resume_nothing
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, read_manifest
from lipiyana.runtime.timings import TWIN


class _Base(Protocol):
    """A model to start from."""

    @property
    def entry(self) -> ModelEntry: ...


Base = TypeVar("Base", bound=_Base)


def base_of(job: Job, choose: Callable[[], Base], listener: Listener) -> Base:
    """Choose the base of a job, and check that the job may start from it.

    Args:
        job: the job.
        choose: chooses the base.
        listener: receives a warning if a model in the output folder is replaced.

    Raises:
        InvalidRequest: see `refuse_to_resume_nothing` and `refuse_finished`.
        ModelUnavailable: the base is not installed, or the folder's manifest is invalid.
    """
    refuse_to_resume_nothing(job)
    base = choose()
    refuse_finished(job, base.entry.sha256, continue_options(job))
    warn_of_replacement(job, base.entry, listener)
    return base


def refuse_finished(job: Job, begins_from: str | None, continue_with: str = "") -> None:
    """Refuse to replace a finished model of the same name, unless the new model starts from it.

    A resumed course was checked when it started.

    Args:
        job: the job.
        begins_from: sha256 of the file with the initial weights.
        continue_with: options that would start from the finished model, for the message.

    Raises:
        InvalidRequest: the model would be replaced (FINISHED).
        ModelUnavailable: the folder's manifest is invalid.
    """
    names = (job.name, job.name + FLOAT_SUFFIX)
    digests = {entry.sha256 for entry in _models_in(job) if entry.name in names}
    if digests and not job.resume and begins_from not in digests:
        other = f", or continue from it: {continue_with}" if continue_with else ""
        raise InvalidRequest(
            f"{job.out} already has a finished {job.name}, which is not overwritten; give another "
            f"--out{other}",
            field="out",
            reason="FINISHED",
        )


def continue_options(job: Job) -> str:
    """Return the options for continuing from the finished model of this job's name and folder."""
    return f"--models {job.out} --base {job.name}{FLOAT_SUFFIX}"


def warn_of_replacement(
    job: Job, base: ModelEntry, listener: Listener, option: str = "--base "
) -> None:
    """Warn if the new model replaces the preferred model of its task, unless it starts from that
    model or its twin.

    Args:
        job: the job.
        base: the model that it starts from.
        listener: receives the warning.
        option: option that names the model to start from, for the message.

    Raises:
        ModelUnavailable: the folder's manifest is invalid.
    """
    entries = _models_in(job)
    used = next((entry for entry in entries if entry.task is base.task), None)
    if used is None:
        return
    twin = used.parameters.get(TWIN)
    if base.sha256 not in {entry.sha256 for entry in entries if entry.name in (used.name, twin)}:
        listener.on_warning(
            f"{used.name} in {job.out} will no longer be used, because the new model takes "
            f"precedence; to continue from it: --models {job.out} {option}{used.name}"
        )


def _models_in(job: Job) -> tuple[ModelEntry, ...]:
    return read_manifest(job.out) if (job.out / MANIFEST).exists() else ()
