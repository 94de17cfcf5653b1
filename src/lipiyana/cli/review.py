"""`lipiyana review`, and the option `--keep-unsure` of other commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipiyana.cli.exit_codes import DONE
from lipiyana.cli.options import existing_file, existing_folder, folder_to_write

if TYPE_CHECKING:
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.recognizer import Recognizer

_SHOWN = 10


def show(folder: Path) -> int:
    """Print a table of the kept pictures; it shows no text of a plate.

    Raises:
        InvalidRequest: nothing is kept there.
    """
    from rich.table import Table
    from rich.text import Text

    from lipiyana.cli.console import WIDE, stdout
    from lipiyana.review.kept import require_kept

    console = stdout()
    if not console.is_terminal:
        console = stdout(width=WIDE)
    table = Table(box=None)
    for heading in ("file", "unsure", "why", "kept"):
        # the reasons give way on a narrow terminal, not the name that is looked for
        table.add_column(heading, no_wrap=heading != "why")
    for one in require_kept(folder):
        why = ", ".join(f"{name} {score:.2f}" for name, score in one.reasons.items() if score)
        table.add_row(Text(one.file), f"{one.score:.2f}", why, _day(one.kept_at))
    console.print(table)
    return DONE


def export(folder: Path, out: Path) -> int:
    """Write the tasks.

    Raises:
        InvalidRequest: nothing is kept there, or `out` cannot be written.
    """
    from lipiyana.cli.console import stderr
    from lipiyana.review.tasks import CONFIG, TASKS, export_tasks

    count = export_tasks(folder, out)
    stderr().print(
        f"{count} pictures; in Label Studio: {out / CONFIG} is the labelling interface, "
        f"{out / TASKS} the tasks, {out} the local storage",
        markup=False,
    )
    return DONE


def import_back(file: Path, out: Path) -> int:
    """Cut the labelled regions out.

    Raises:
        InvalidRequest: it is no export, or nothing in it is labelled.
    """
    from lipiyana.cli.console import say_warning, stderr
    from lipiyana.review.tasks import import_labels

    made = import_labels(file, out)
    for problem in made.problems[:_SHOWN]:
        say_warning(problem)
    if len(made.problems) > _SHOWN:
        say_warning(f"and {len(made.problems) - _SHOWN} more")
    stderr().print(
        f"{made.written} labelled crops; next: lipiyana finetune reader {out}", markup=False
    )
    return DONE


def keeping(recognizer: LocalRecognizer, folder: Path) -> Recognizer:
    """Make a recognizer keep the pictures it is unsure of, and print a warning about it.

    Raises:
        PermissionDenied: the folder cannot be used.
    """
    from lipiyana.cli.console import say_warning
    from lipiyana.review.keeper import KeepLimits, UnsureKeeper
    from lipiyana.review.keeping_recognizer import KeepingRecognizer

    limits = KeepLimits()
    say_warning(
        f"unsure pictures are kept in {folder}: at most {limits.pictures}, for "
        f"{limits.seconds / 86400:.0f} days. Number plates and faces are personal data"
    )
    return KeepingRecognizer(recognizer, UnsureKeeper(folder, limits))


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


review_app = typer.Typer(
    help="Pictures that the models were unsure of (kept by `read --keep-unsure`), to be labelled.",
    no_args_is_help=True,
)
_Out = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", parser=folder_to_write)]


@review_app.command("list")
def list_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
) -> None:
    """Show what is kept, the least sure first.

    Columns: the file; how unsure the models were, from 0 to 1; the reasons with their own scores;
    the day on which it was kept. Reasons: `margin` (another letter was nearly as likely), `grammar`
    (a plate whose text had to be changed to be a registration, or is none), `detector` (a vehicle
    whose confidence is near one half).
    """
    raise typer.Exit(show(folder))


@review_app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
    output: _Out,
) -> None:
    """Write tasks for Label Studio, with what was read as predictions."""
    raise typer.Exit(export(folder, output))


@review_app.command("import")
def import_command(
    export: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Label Studio's export (JSON), beside its pictures.",
            parser=existing_file,
        ),
    ],
    output: _Out,
) -> None:
    """Cut what was labelled into crops with a labels.tsv, for `lipiyana finetune reader`."""
    raise typer.Exit(import_back(export, output))
