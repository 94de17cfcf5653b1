"""`lipiyana models distill` and `prune`: what is said on the way, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from lipiyana.cli.console import stderr
from lipiyana.cli.exit_codes import DONE, INTERRUPTED
from lipiyana.cli.extras import import_with
from lipiyana.cli.finetune import telling
from lipiyana.errors import InvalidRequest


def run(
    out: Path,
    teacher: str | None,
    photos: Path | None,
    streets: int,
    minutes: float,
    resume: bool,
    models: Path | None,
) -> int:
    """Distil the text detector; 130 where Ctrl-C stopped it.

    Raises:
        typer.BadParameter: the options make no sense.
        LipiyanaError: a model is missing; the message says which.
    """
    distilling = import_with(
        "train", "lipiyana.distilling.text_detector", "lipiyana models distill"
    )
    learner = import_with("train", "lipiyana.distilling.learner", "lipiyana models distill")
    from lipiyana.runtime import ModelStore, available_threads

    job = distilling.DistillJob(
        out=out,
        teacher=teacher,
        photos=photos,
        streets=streets,
        resume=resume,
        limits=distilling.Limits(minutes=minutes, measure_every_s=120.0, patience=12),
        recipe=learner.StudentRecipe(threads=available_threads()),
    )
    store = ModelStore(models)
    made = _made(lambda told: distilling.distill_text_detector(job, store, told))
    if made is None:
        return INTERRUPTED
    if (compared := made.compared) is not None:
        stderr().print(
            f"{compared.milliseconds[1]:.0f} ms a picture of 640x640, "
            f"{compared.speedup:.1f} times faster; of {compared.lines} lines of the project's "
            f"samples the teacher finds {compared.recall[0]:.1%}, the student "
            f"{compared.recall[1]:.1%}"
        )
    stderr().print(f"use it: lipiyana read --models {out} ...", markup=False)
    return DONE


def run_prune(
    model: str | None, blocks: int, out: Path, minutes: float, resume: bool, models: Path | None
) -> int:
    """Prune a line reader; 130 where Ctrl-C stopped it.

    Raises:
        typer.BadParameter: the options make no sense.
        LipiyanaError: a model is missing; the message says which.
    """
    pruning = import_with("train", "lipiyana.distilling.pruned_reader", "lipiyana models prune")
    learner = import_with("train", "lipiyana.finetuning.reader_learner", "lipiyana models prune")
    from lipiyana.runtime import ModelStore, available_threads

    job = pruning.PruneJob(
        out=out,
        base=model,
        blocks=blocks,
        resume=resume,
        limits=pruning.Limits(minutes=minutes, measure_every_s=60.0),
        recipe=learner.ReaderRecipe(threads=available_threads()),
    )
    store = ModelStore(models)
    made = _made(lambda told: pruning.prune_reader(job, store, told))
    if made is None:
        return INTERRUPTED
    for one in made.left:
        stderr().print(f"without block {one.block}: divergence {one.divergence:.4f} a step")
    before, after = made.milliseconds
    stderr().print(f"{after:.1f} ms a word in float, {before:.1f} before")
    if made.cer is not None:
        stderr().print(f"the project's samples: CER {made.cer[0]:.3f} -> {made.cer[1]:.3f}")
    stderr().print(f"use it: lipiyana read --models {out} ...", markup=False)
    return DONE


def _made(make: Callable[[Any], Any]) -> Any:
    """Do it; None where it was stopped, and how to go on is said."""
    try:
        with telling() as listener:
            made = make(listener)
    except InvalidRequest as error:
        if error.field in {"out", "photos", "teacher", "blocks", "base"}:
            hint = {"base": "READER"}.get(error.field, f"--{error.field}")
            raise typer.BadParameter(error.message, param_hint=hint) from error
        raise
    except LookupError as error:
        raise typer.BadParameter(str(error), param_hint="--streets") from error
    except KeyboardInterrupt:
        made = None
    if made is None or made.course.ending == "interrupted":
        stderr().print("stopped; the same command with --resume goes on")
        return None
    return made
