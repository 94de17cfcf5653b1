"""`lipiyana models list`, `verify` and `bench`: show, check and time the installed models."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from lipiyana.cli.console import WIDE, say_step, say_warning, stderr, stdout
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.errors import LipiyanaError
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import writing_to
from lipiyana.runtime.session import Session
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN, cache_folder, cpu_model, write_timings


def show(models: Path | None) -> int:
    """Print a table of the models; a missing one is listed and is no error.

    Models of one task are in order of preference. If timings of this machine changed that order,
    a line below the table says so.
    """
    store = ModelStore(models)
    table = Table(box=None)
    for heading in ("name", "task", "version", "size", "licence", "installed"):
        table.add_column(heading, justify="right" if heading == "size" else "left", no_wrap=True)
    for entry in store.entries:
        table.add_row(
            Text(entry.name),
            Text(entry.task.value),
            Text(entry.version),
            _size(entry),
            Text(entry.licence),
            "yes" if entry.installed else "no",
        )
    stdout(width=WIDE).print(table)
    for preference in store.preferences:
        say_step(str(preference))
    return DONE


def verify(models: Path | None) -> int:
    """Load every model and print its problem, if any."""
    code = DONE
    console = stdout()
    for check in ModelStore(models, threads=1).verify():
        if check.ok:
            console.print(Text.assemble(("ok     ", "green"), check.entry.name))
        else:
            console.print(Text.assemble(("wrong  ", "red"), f"{check.entry.name}: {check.problem}"))
            code = FAILED
    return code


def bench(models: Path | None) -> int:
    """Time all installed models on one thread and store the times.

    Models of one task are timed in turns, so that other load affects all of them.

    Raises:
        InvalidRequest: the cache folder cannot be written.
    """
    from lipiyana.learning.quantize.timing import median_milliseconds, typical_input

    store = ModelStore(models, threads=1)
    code = DONE
    # models with the same task and input shape are timed in turns
    groups: defaultdict[tuple[Task, tuple[int, ...]], list[Session]] = defaultdict(list)
    for entry in store.entries:
        if not entry.installed:
            continue
        try:
            session = store.session(entry.name)
            groups[entry.task, typical_input(session).shape].append(session)
        except LipiyanaError as error:
            say_warning(error.message)
            code = FAILED
    measured: dict[str, float] = {}
    table = Table(box=None)
    for heading in ("name", "task", "input", "ms"):
        table.add_column(heading, justify="right" if heading == "ms" else "left", no_wrap=True)
    for (task, shape), sessions in groups.items():
        times = median_milliseconds(sessions, typical_input(sessions[0]))
        for session, milliseconds in zip(sessions, times, strict=True):
            measured[session.entry.sha256] = round(milliseconds, 3)
            size = "x".join(map(str, shape))
            name = Text(session.entry.name)
            table.add_row(name, task.value, size, f"{milliseconds:.2f}")
    with writing_to(cache_folder()):
        path = write_timings(measured)
    stdout().print(table)
    stderr().print(f"{cpu_model()}: written to {path}", markup=False)
    for entry in ModelStore(models, threads=1).entries:
        twin = entry.parameters.get(TWIN)
        if twin and measured.get(entry.sha256, 0) < min(
            (measured.get(e.sha256, 0) for e in store.entries if e.name == twin), default=0
        ):
            stderr().print(f"{entry.name} is faster here than {twin}", markup=False)
    return code


def _size(entry: ModelEntry) -> str:
    return f"{entry.file.stat().st_size / 1e6:.1f} MB" if entry.installed else ""
