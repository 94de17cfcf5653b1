"""The models that the folder of a new one has already: none is lost or put out of use unseen."""

from __future__ import annotations

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.job import Job, Listener
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, read_manifest
from lipiyana.runtime.timings import TWIN


def refuse_finished(job: Job, begins_from: str | None, going_on: str = "") -> None:
    """Keep a model from replacing a finished one of its name that it does not begin from.

    A course that is resumed was let begin.

    Args:
        job: what is asked for.
        begins_from: sha256 of the file with the weights that it starts with.
        going_on: the options that would begin from the finished one.

    Raises:
        InvalidRequest: it would (FINISHED).
        ModelUnavailable: the folder's manifest makes no sense.
    """
    names = (job.name, job.name + FLOAT_SUFFIX)
    digests = {entry.sha256 for entry in _models_in(job) if entry.name in names}
    if digests and not job.resume and begins_from not in digests:
        other = f", or go on from it: {going_on}" if going_on else ""
        raise InvalidRequest(
            f"{job.out} has a finished {job.name}, which is not written over; name another "
            f"--out{other}",
            field="out",
            reason="FINISHED",
        )


def going_on_from(job: Job) -> str:
    """Give the options with which a fine-tuning begins from the model of its name and folder."""
    return f"--models {job.out} --base {job.name}{FLOAT_SUFFIX}"


def warn_of_disuse(job: Job, base: ModelEntry, told: Listener, option: str = "--base ") -> None:
    """Say which model of the folder will not be used any more: the preferred one of the task,
    unless the new one begins from it or from its twin.

    Args:
        job: what is asked for.
        base: what it begins from.
        told: who is told.
        option: before the name of the model to begin from.

    Raises:
        ModelUnavailable: the folder's manifest makes no sense.
    """
    entries = _models_in(job)
    used = next((entry for entry in entries if entry.task is base.task), None)
    if used is None:
        return
    twin = used.parameters.get(TWIN)
    if base.sha256 not in {entry.sha256 for entry in entries if entry.name in (used.name, twin)}:
        told.on_warning(
            f"{used.name} in {job.out} will not be used any more, as the new model comes before "
            f"it; to go on from it: --models {job.out} {option}{used.name}"
        )


def _models_in(job: Job) -> tuple[ModelEntry, ...]:
    return read_manifest(job.out) if (job.out / MANIFEST).exists() else ()
