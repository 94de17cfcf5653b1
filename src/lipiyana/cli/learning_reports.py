"""Messages while a model learns, shared by all commands that train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lipiyana.cli.console import say_warning, stderr
from lipiyana.errors import InvalidRequest

_SHOWN = 10
_LINE_EVERY = 0.1


def learned(
    teach: Callable[[Any, Any, Any], Any],
    job: Any,
    hints: Mapping[str, str],
    *,
    minutes: float,
    models: Path | None,
    workers: int = 1,
) -> Any:
    """Run a job; None if it was stopped, after printing how to continue. Needs `train`.

    Args:
        teach: is given the job, a `ModelStore` and a `finetuning.job.Listener`.
        job: a `finetuning.job.Job` that has a recipe.
        hints: what of the command line is wrong where the job is, by the error's field.
        minutes: to learn in at most.
        models: a folder of them that come before the installed ones.
        workers: processes that make training examples.

    Raises:
        typer.BadParameter: the job is wrong in what `hints` names.
        LipiyanaError: anything else that a message explains.
    """
    from lipiyana.learning.finetune.common.course import read_state
    from lipiyana.learning.finetune.common.job import WORK
    from lipiyana.runtime.container import available_threads
    from lipiyana.runtime.store import ModelStore

    limits = replace(job.limits, minutes=minutes)
    recipe = replace(job.recipe, workers=workers, threads=available_threads())
    try:
        with _telling() as listener:
            wanted = replace(job, limits=limits, recipe=recipe)
            made = teach(wanted, ModelStore(models), listener)
    except InvalidRequest as error:
        if error.field in hints:
            raise typer.BadParameter(error.message, param_hint=hints[error.field]) from error
        raise
    except KeyboardInterrupt:
        if read_state(job.out / WORK) is None:
            stderr().print("stopped; nothing was learned yet, the same command begins anew")
            return None
        made = None
    if made is None or made.course.ending == "interrupted":
        stderr().print("stopped; the same command with --resume goes on")
        return None
    return made


def say_use(out: Path, *, better: bool = True) -> None:
    """Print how to use the new models, and whether they are better."""
    use = "use it" if better else "it is no better than what you have; to use it all the same"
    stderr().print(f"{use}: lipiyana read --models {out} ...", markup=False)


@contextmanager
def _telling() -> Iterator[Any]:
    """Show steps, labels and the course: a bar on a terminal, else a line from time to time."""
    from lipiyana.learning.finetune.common.job import Listener

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
            on_warning=say_warning,
            on_standing=teller.standing,
        )


@dataclass(slots=True)
class _Teller:
    bar: Progress
    task: Any = None
    printed: float = -1.0

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
        if self.bar.disable and standing.share - self.printed >= _LINE_EVERY:
            self.printed = standing.share
            left = f"{standing.left_s / 60:.1f} minutes left at most"
            stderr().print(f"{standing.share:.0%}, {left}{best and ', '}{best}")
