"""`lipiyana finetune`: what is asked for, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipiyana.cli.console import say_warning, stderr
from lipiyana.cli.exit_codes import DONE, INTERRUPTED
from lipiyana.cli.extras import import_with
from lipiyana.cli.learning_reports import learned, say_use

_HINTS = {"data": "DATA", "base": "--base", "out": "--out", "resume": "--resume"}


@dataclass(frozen=True, slots=True)
class FinetuneRequest:
    """The options of `lipiyana finetune`, as `finetune_app` explains them."""

    data: Path
    out: Path
    base: str | None
    minutes: float
    resume: bool
    workers: int | None
    models: Path | None


def run_reader(request: FinetuneRequest, *, plates: bool = False) -> int:
    """Fine-tune the line reader, on lines or on plates; 130 where Ctrl-C stopped it.

    Raises:
        typer.BadParameter: the options make no sense.
        LipiyanaError: the data or the base are no good; the message says why.
    """
    reader = import_with("train", "lipiyana.learning.finetune.reader.run", "lipiyana finetune")
    job = reader.ReaderJob(
        data=request.data,
        out=request.out,
        plates=plates,
        base=request.base,
        resume=request.resume,
        name="finetuned-plates" if plates else "finetuned-reader",
    )
    made = _learned(reader.finetune_reader, job, request)
    if made is None:
        return INTERRUPTED
    compared = [("your validation part", "plates" if plates else "lines", made.validation)]
    compared.append(("the project's samples", "lines", made.samples))
    for name, what, comparison in compared:
        if comparison is not None and comparison.cases:
            before, after = comparison.score_before, comparison.score_after
            stderr().print(
                f"{name}, {before.lines} {what}: CER {before.cer:.3f} -> {after.cer:.3f}, "
                f"exact {before.exact:.3f} -> {after.exact:.3f}"
            )
    _say_verdict(made, request.out)
    return DONE


def run_vehicles(request: FinetuneRequest) -> int:
    """Fine-tune the detector; 130 where Ctrl-C stopped it.

    Raises:
        typer.BadParameter: the options make no sense.
        LipiyanaError: the data or the base are no good; the message says why.
    """
    vehicles = import_with("train", "lipiyana.learning.finetune.detector.run", "lipiyana finetune")
    job = vehicles.VehiclesJob(
        data=request.data, out=request.out, base=request.base, resume=request.resume
    )
    made = _learned(vehicles.finetune_vehicles, job, request)
    if made is None:
        return INTERRUPTED
    for label, after in made.after.taught.items():
        before = made.before.taught[label].ap50
        stderr().print(
            f"{label}, {after.objects} objects: AP50 {before:.3f} -> {after.ap50:.3f}",
            markup=False,
        )
    stderr().print(f"your classes, mean: AP50 {made.before.ap50:.3f} -> {made.after.ap50:.3f}")
    _say_verdict(made, request.out)
    return DONE


def _learned(finetune: Callable[[Any, Any, Any], Any], job: Any, request: FinetuneRequest) -> Any:
    workers = 1 if request.workers is None else request.workers
    return learned(
        finetune, job, _HINTS, minutes=request.minutes, models=request.models, workers=workers
    )


def _say_verdict(made: Any, out: Path) -> None:
    for note in made.notes:
        say_warning(note)
    stderr().print(f"report: {os.fspath(made.report)}", markup=False)
    say_use(out, better=made.better)
