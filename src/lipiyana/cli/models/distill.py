"""`lipiyana models distill` and `prune`: run and messages."""

from __future__ import annotations

from pathlib import Path

import typer

from lipiyana.cli.console import stderr
from lipiyana.cli.exit_codes import DONE, INTERRUPTED
from lipiyana.cli.extras import import_with
from lipiyana.cli.learning_reports import run_job, say_use

_DISTILL_HINTS = {field: f"--{field}" for field in ("out", "photos", "teacher", "start", "resume")}
_PRUNE_HINTS = {"out": "--out", "blocks": "--blocks", "base": "READER", "resume": "--resume"}


def run(
    out: Path,
    teacher: str | None,
    photos: Path | None,
    streets: int,
    start: Path | None,
    minutes: float,
    resume: bool,
    models: Path | None,
) -> int:
    """Distil the text detector; return the exit code, 130 after Ctrl-C.

    Raises:
        typer.BadParameter: an option is invalid.
        LipiyanaError: a model is missing; the message says which.
    """
    distilling = import_with(
        "train", "lipiyana.learning.distill.text_detector", "lipiyana models distill"
    )
    job = distilling.DistillJob(
        out=out, teacher=teacher, photos=photos, streets=streets, start=start, resume=resume
    )
    distill = distilling.distill_text_detector
    try:
        made = run_job(distill, job, _DISTILL_HINTS, minutes=minutes, models=models)
    except LookupError as error:  # there are no fonts
        raise typer.BadParameter(str(error), param_hint="--streets") from error
    if made is None:
        return INTERRUPTED
    if (compared := made.compared) is not None:
        stderr().print(
            f"{compared.milliseconds[1]:.0f} ms for a picture of 640x640, "
            f"{compared.speedup:.1f} times faster; recall on {compared.lines} lines of the "
            f"project's samples: teacher {compared.recall[0]:.1%}, student "
            f"{compared.recall[1]:.1%}"
        )
    say_use(out)
    return DONE


def run_prune(
    model: str | None, blocks: int, out: Path, minutes: float, resume: bool, models: Path | None
) -> int:
    """Prune a line reader; return the exit code, 130 after Ctrl-C.

    Raises:
        typer.BadParameter: an option is invalid.
        LipiyanaError: a model is missing; the message says which.
    """
    pruning = import_with(
        "train", "lipiyana.learning.distill.pruned_reader", "lipiyana models prune"
    )
    job = pruning.PruneJob(out=out, base=model, blocks=blocks, resume=resume)
    made = run_job(pruning.prune_reader, job, _PRUNE_HINTS, minutes=minutes, models=models)
    if made is None:
        return INTERRUPTED
    for one in made.left:
        stderr().print(f"without block {one.block}: divergence {one.divergence:.4f} per time step")
    before, after = made.milliseconds
    stderr().print(f"{after:.1f} ms per word in float, {before:.1f} ms before")
    if made.cer is not None:
        stderr().print(f"the project's samples: CER {made.cer[0]:.3f} -> {made.cer[1]:.3f}")
    say_use(out)
    return DONE
