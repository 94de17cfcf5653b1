"""Protects the models that an output folder already has from being replaced unnoticed."""

from __future__ import annotations

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.job import Job, Listener
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, read_manifest
from lipiyana.runtime.timings import TWIN


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
