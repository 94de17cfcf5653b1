"""Runs a training job and prints its progress, for all commands that train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lipiyana.cli.console import say_warning, stderr
from lipiyana.errors import InvalidRequest

_SHOWN = 10  # dropped labels that are listed
_LINE_EVERY = 0.1  # of the run


def run_job(
    train: Callable[[Any, Any, Any], Any],
    job: Any,
    hints: Mapping[str, str],
    *,
    minutes: float,
    models: Path | None,
    workers: int = 1,
    steps: int | None = None,
) -> Any:
    """Run a training job; None if it was stopped. Needs the extra `train`.

    After a stop, a message says how to continue.

    Args:
        train: called with the job, a `ModelStore` and a `Listener` of
            `learning.finetune.common.job`.
        job: a `Job` of that module, with a recipe.
        hints: by the field of an error, the option or argument to name in the message.
        minutes: maximum training time.
        models: folder of models that take precedence over the installed ones.
        workers: processes that prepare training examples.
        steps: number of steps, instead of `minutes`.

    Raises:
        typer.BadParameter: a field of the job that is in `hints` is invalid.
        LipiyanaError: another error; its message says why.
    """
    from lipiyana.learning.finetune.common.course import read_state
    from lipiyana.learning.finetune.common.job import WORK
    from lipiyana.runtime.container import available_threads
    from lipiyana.runtime.store import ModelStore

    limits = job.limits.by_steps(steps) if steps else replace(job.limits, minutes=minutes)
    recipe = replace(job.recipe, workers=workers, threads=available_threads())
    try:
        with _reporting() as listener:
            configured = replace(job, limits=limits, recipe=recipe)
            made = train(configured, ModelStore(models), listener)
    except InvalidRequest as error:
        if error.field in hints:
            raise typer.BadParameter(error.message, param_hint=hints[error.field]) from error
        raise
    except KeyboardInterrupt:
        if read_state(job.out / WORK) is None:
            stderr().print("stopped before any training; run the same command to start again")
            return None
        made = None
    if made is not None and made.course.ending == "terminated":
        stderr().print("stopped by SIGTERM; run the same command to continue")
        return None
    if made is None or made.course.ending == "interrupted":
        stderr().print("stopped; run the same command with --resume to continue")
        return None
    return made


def say_use(out: Path, *, better: bool = True) -> None:
    """Print how to use the new models, and whether they are better."""
    use = "use it" if better else "it is no better than what you have; to use it anyway"
    stderr().print(f"{use}: lipiyana read --models {out} ...", markup=False)


@contextmanager
def _reporting() -> Iterator[Any]:
    """Show steps, labels and training progress: a bar on a terminal, else occasional lines."""
    from lipiyana.learning.finetune.common.job import Listener

    console = stderr()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[best]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    reporter = _Reporter(bar)
    with bar:
        yield Listener(
            on_step=reporter.step,
            on_labels=reporter.labels,
            on_label=reporter.label,
            on_checked=reporter.checked,
            on_warning=say_warning,
            on_standing=reporter.standing,
        )


@dataclass(slots=True)
class _Reporter:
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
            console.print(f"  and {len(data.dropped) - _SHOWN} more; the report lists all of them")
        for note in data.notes:
            say_warning(note)

    def standing(self, standing: Any) -> None:
        best = "" if standing.best is None else f"error {standing.best:.3f}"
        self.bar.update(self.task, total=1.0, completed=standing.share, best=best)
        if self.bar.disable and standing.share - self.printed >= _LINE_EVERY:
            self.printed = standing.share
            left = f"at most {standing.left_s / 60:.1f} minutes left" if standing.left_s else ""
            stderr().print(", ".join(filter(None, (f"{standing.share:.0%}", left, best))))
