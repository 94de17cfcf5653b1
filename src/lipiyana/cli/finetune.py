"""`lipiyana finetune`: options, run and messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lipiyana.cli.exit_codes import DONE, INTERRUPTED
from lipiyana.cli.extras import import_with
from lipiyana.cli.options import (
    App,
    Models,
    Resume,
    existing_path,
    folder_to_write,
    number,
    whole_number,
)

_HINTS = {"data": "DATA", "base": "--base", "out": "--out", "resume": "--resume"}


@dataclass(frozen=True, slots=True)
class FinetuneRequest:
    """The options of `lipiyana finetune`; the commands below describe them."""

    data: Path
    out: Path
    base: str | None
    minutes: float
    resume: bool
    workers: int | None
    models: Path | None
    steps: int | None = None


def run_reader(request: FinetuneRequest, *, plates: bool = False) -> int:
    """Fine-tune the line reader on lines or plates; return the exit code, 130 after Ctrl-C.

    Raises:
        typer.BadParameter: an option is invalid.
        LipiyanaError: the data or the base model cannot be used; the message says why.
    """
    from lipiyana.cli.console import stderr

    reader = import_with("train", "lipiyana.learning.finetune.reader.run", "lipiyana finetune")
    job = reader.ReaderJob(
        data=request.data,
        out=request.out,
        plates=plates,
        base=request.base,
        resume=request.resume,
        recipe=reader.ReaderRecipe(repeatable=request.steps is not None),
        name="finetuned-plates" if plates else "finetuned-reader",
    )
    made = _run(reader.finetune_reader, job, request)
    if made is None:
        return INTERRUPTED
    compared = [("your validation set", "plates" if plates else "lines", made.validation)]
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
    """Fine-tune the detector; return the exit code, 130 after Ctrl-C.

    Raises:
        typer.BadParameter: an option is invalid.
        LipiyanaError: the data or the base model cannot be used; the message says why.
    """
    from lipiyana.cli.console import stderr

    vehicles = import_with("train", "lipiyana.learning.finetune.detector.run", "lipiyana finetune")
    job = vehicles.VehiclesJob(
        data=request.data,
        out=request.out,
        base=request.base,
        resume=request.resume,
        recipe=vehicles.DetectorRecipe(steps=request.steps),
    )
    made = _run(vehicles.finetune_vehicles, job, request)
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


def _run(finetune: Callable[[Any, Any, Any], Any], job: Any, request: FinetuneRequest) -> Any:
    from lipiyana.cli.learning_reports import run_job

    workers = 1 if request.workers is None else request.workers
    return run_job(
        finetune,
        job,
        _HINTS,
        minutes=request.minutes,
        models=request.models,
        workers=workers,
        steps=request.steps,
    )


def _say_verdict(made: Any, out: Path) -> None:
    from lipiyana.cli.console import say_warning, stderr
    from lipiyana.cli.learning_reports import say_use

    for note in made.notes:
        say_warning(note)
    stderr().print(f"report: {os.fspath(made.report)}", markup=False)
    say_use(out, better=made.better)


finetune_app = App(
    help="Train the models on your own labelled pictures. Needs the extra `train`.",
)

_Texts = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        parser=existing_path,
        help="Folder with labels.tsv (file, tab, text; / between the rows of a plate), or a "
        "Label Studio export (JSON) next to its pictures.",
    ),
]
_Boxes = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        parser=existing_path,
        help="Folder with images/, labels/ and classes.txt or data.yaml (YOLO), or COCO JSON "
        "next to its pictures; Label Studio exports both.",
    ),
]
_Out = Annotated[
    Path, typer.Option(metavar="DIR", parser=folder_to_write, help="Folder for the new models.")
]
_Base = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Model to start from: a name, or the ONNX file (packed or not) of a float twin. "
        "Default: the installed one.",
    ),
]
_Minutes = Annotated[
    float,
    typer.Option(
        metavar="M", parser=number(0.01, 10_000), help="Maximum training time in minutes."
    ),
]
_Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(1, 10_000_000),
        help="Train for N steps instead of --minutes; then a run that was stopped ends in the "
        "same model as one that was not.",
    ),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(0, 64),
        help="Processes that prepare training pictures. Default: 1.",
    ),
]


@finetune_app.command("reader")
def finetune_reader(
    data: _Texts,
    out: _Out = Path("finetuned"),
    base: _Base = None,
    minutes: _Minutes = 10.0,
    steps: _Steps = None,
    resume: Resume = False,
    workers: _Workers = None,
    models: Models = None,
) -> None:
    """Fine-tune the line reader: check, train, evaluate, quantize, register in DIR.

    Ctrl-C stops it at any time; --resume continues it. After SIGTERM, as on a machine that is taken
    away, the same command continues. Exit 130: stopped.
    """
    request = FinetuneRequest(data, out, base, minutes, resume, workers, models, steps)
    raise typer.Exit(run_reader(request))


@finetune_app.command("plates")
def finetune_plates(
    data: _Texts,
    out: _Out = Path("finetuned"),
    base: _Base = None,
    minutes: _Minutes = 10.0,
    steps: _Steps = None,
    resume: Resume = False,
    workers: _Workers = None,
    models: Models = None,
) -> None:
    """Fine-tune the line reader on crops of plates, and evaluate whole registrations.

    Otherwise the same as `finetune reader`.
    """
    request = FinetuneRequest(data, out, base, minutes, resume, workers, models, steps)
    raise typer.Exit(run_reader(request, plates=True))


@finetune_app.command("vehicles")
def finetune_vehicles(
    data: _Boxes,
    out: _Out = Path("finetuned"),
    base: _Base = None,
    minutes: _Minutes = 15.0,
    resume: Resume = False,
    workers: _Workers = None,
    models: Models = None,
) -> None:
    """Fine-tune the detector of vehicles and plates; new classes are added to it.

    Every object of the classes in DATA must have a box in every picture; objects of other classes
    need none. Ctrl-C and SIGTERM are as for `finetune reader`. Exit 130: stopped.
    """
    request = FinetuneRequest(data, out, base, minutes, resume, workers, models)
    raise typer.Exit(run_vehicles(request))
