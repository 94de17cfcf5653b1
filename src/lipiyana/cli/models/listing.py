"""`lipiyana models list` and `lipiyana models verify`."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from lipiyana.cli.console import WIDE, say_step, stdout
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.store import ModelStore


def show(models: Path | None) -> int:
    """Print a table of the models; a missing one is shown, and no error.

    Models of one task stand in order of preference. Where timings of this machine changed that
    order, it is said below the table.
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


def _size(entry: ModelEntry) -> str:
    return f"{entry.file.stat().st_size / 1e6:.1f} MB" if entry.installed else ""
