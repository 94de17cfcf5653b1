"""`lipiyana finetune`: what is said while a model learns, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lipiyana.cli.console import say_warning, stderr
from lipiyana.cli.exit_codes import DONE, INTERRUPTED
from lipiyana.cli.extras import import_with
from lipiyana.errors import InvalidRequest

_SHOWN = 10
_LINE_EVERY = 0.1


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
    reader = import_with("train", "lipiyana.finetuning.reader", "lipiyana finetune")
    learner = import_with("train", "lipiyana.finetuning.reader_learner", "lipiyana finetune")
    job = reader.ReaderJob(
        data=request.data,
        out=request.out,
        plates=plates,
        base=request.base,
        resume=request.resume,
        limits=reader.Limits(minutes=request.minutes),
        recipe=learner.ReaderRecipe(**_resources(request)),
        name="finetuned-plates" if plates else "finetuned-reader",
    )
    made = _run(lambda store, listener: reader.finetune_reader(job, store, listener), request)
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
    _say_where(made.report, request.out)
    return DONE


def run_vehicles(request: FinetuneRequest) -> int:
    """Fine-tune the detector; 130 where Ctrl-C stopped it.

    Raises:
        typer.BadParameter: the options make no sense.
        LipiyanaError: the data or the base are no good; the message says why.
    """
    vehicles = import_with("train", "lipiyana.finetuning.vehicles", "lipiyana finetune")
    learner = import_with("train", "lipiyana.finetuning.detector_learner", "lipiyana finetune")
    job = vehicles.VehiclesJob(
        data=request.data,
        out=request.out,
        base=request.base,
        resume=request.resume,
        limits=vehicles.Limits(minutes=request.minutes, measure_every_s=60.0),
        recipe=learner.DetectorRecipe(**_resources(request)),
    )
    made = _run(lambda store, listener: vehicles.finetune_vehicles(job, store, listener), request)
    if made is None:
        return INTERRUPTED
    for label, after in made.after.taught.items():
        before = made.before.taught[label].ap50
        stderr().print(f"{label}, {after.objects} objects: AP50 {before:.3f} -> {after.ap50:.3f}")
    _say_where(made.report, request.out)
    return DONE


def _resources(request: FinetuneRequest) -> dict[str, int]:
    from lipiyana.runtime import available_threads

    workers = 1 if request.workers is None else request.workers
    return {"workers": workers, "threads": available_threads()}


def _run(finetune: Callable[[Any, Any], Any], request: FinetuneRequest) -> Any:
    """Do it; None where it was stopped, and how to go on is said."""
    from lipiyana.runtime import ModelStore

    try:
        with telling() as listener:
            made = finetune(ModelStore(request.models), listener)
    except InvalidRequest as error:
        if error.field in {"data", "base", "out"}:
            hint = {"data": "DATA"}.get(error.field, f"--{error.field}")
            raise typer.BadParameter(error.message, param_hint=hint) from error
        raise
    except KeyboardInterrupt:
        made = None
    if made is None or made.course.ending == "interrupted":
        stderr().print("stopped; the same command with --resume goes on")
        return None
    return made


def _say_where(report: Path, out: Path) -> None:
    console = stderr()
    console.print(f"report: {os.fspath(report)}", markup=False)
    console.print(f"use it: lipiyana read --models {out} ...", markup=False)


@contextmanager
def telling() -> Iterator[Any]:
    """Show steps, labels and the course: a bar on a terminal, a line now and then elsewhere.

    Needs the extra `train`.
    """
    from lipiyana.finetuning.job import Listener

    console = stderr()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[best]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    teller = _Teller(bar)
    with bar:
        yield Listener(
            on_step=teller.step,
            on_labels=teller.labels,
            on_label=teller.label,
            on_checked=teller.checked,
            on_standing=teller.standing,
        )


@dataclass(slots=True)
class _Teller:
    bar: Progress
    task: Any = None
    told: float = -1.0

    def step(self, what: str) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(what, total=None, best="")
        if self.bar.disable:
            stderr().print(what)

    def labels(self, total: int) -> None:
        self.bar.update(self.task, total=total)

    def label(self) -> None:
        self.bar.advance(self.task)

    def checked(self, data: Any) -> None:
        console = self.bar.console
        console.print(data.summary)
        for one in data.dropped[:_SHOWN]:
            console.print(f"  {one.where}: {one.problem}", markup=False)
        if len(data.dropped) > _SHOWN:
            console.print(f"  and {len(data.dropped) - _SHOWN} more, all of them in the report")
        for note in data.notes:
            say_warning(note)

    def standing(self, standing: Any) -> None:
        best = "" if standing.best is None else f"error {standing.best:.3f}"
        self.bar.update(self.task, total=1.0, completed=standing.share, best=best)
        if self.bar.disable and standing.share - self.told >= _LINE_EVERY:
            self.told = standing.share
            left = f"{standing.left_s / 60:.1f} minutes left at most"
            stderr().print(f"{standing.share:.0%}, {left}{best and ', '}{best}")
