"""`lipiyana review`, and the option `--keep-unsure` of other commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipiyana.cli.exit_codes import DONE
from lipiyana.cli.options import App, existing_file, existing_folder, folder_to_write

if TYPE_CHECKING:
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.recognizer import Recognizer

_SHOWN = 10


def show(folder: Path) -> int:
    """Print a table of the kept pictures, without any text of plates.

    Raises:
        InvalidRequest: the folder has no kept pictures.
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
        # on a narrow terminal the reasons are wrapped, but not the name of the file
        table.add_column(heading, no_wrap=heading != "why")
    for one in require_kept(folder):
        why = ", ".join(f"{name} {score:.2f}" for name, score in one.reasons.items() if score)
        table.add_row(Text(one.file), f"{one.score:.2f}", why, _day(one.kept_at))
    console.print(table)
    return DONE


def export(folder: Path, out: Path) -> int:
    """Write the tasks for Label Studio.

    Raises:
        InvalidRequest: the folder has no kept pictures, or `out` cannot be written.
    """
    from lipiyana.cli.console import stderr
    from lipiyana.review.tasks import CONFIG, TASKS, export_tasks

    count = export_tasks(folder, out)
    stderr().print(
        f"{count} pictures; for Label Studio: labelling interface {out / CONFIG}, tasks "
        f"{out / TASKS}, local storage {out}",
        markup=False,
    )
    return DONE


def import_back(file: Path, out: Path) -> int:
    """Crop the labelled regions of a Label Studio export.

    Raises:
        InvalidRequest: the file is no export, or has no labels; see also `environment_limits`.
    """
    from lipiyana.cli.console import say_warning, stderr
    from lipiyana.images.loading import environment_limits
    from lipiyana.review.tasks import import_labels

    made = import_labels(file, out, environment_limits())
    for problem in made.problems[:_SHOWN]:
        say_warning(problem)
    if len(made.problems) > _SHOWN:
        say_warning(f"and {len(made.problems) - _SHOWN} more")
    stderr().print(
        f"{made.written} labelled crops; next: lipiyana finetune reader {out}", markup=False
    )
    return DONE


def keep_unsure_pictures(recognizer: LocalRecognizer, folder: Path) -> Recognizer:
    """Wrap a recognizer so that it stores pictures it is unsure of; print a warning about it.

    Raises:
        PermissionDenied: the folder cannot be used.
    """
    from lipiyana.cli.console import say_warning
    from lipiyana.review.keeper import KeepLimits, UnsureKeeper
    from lipiyana.review.keeping_recognizer import KeepingRecognizer

    limits = KeepLimits()
    say_warning(
        f"unsure pictures are stored in {folder}: at most {limits.pictures}, for "
        f"{limits.seconds / 86400:.0f} days. Number plates and faces are personal data"
    )
    return KeepingRecognizer(recognizer, UnsureKeeper(folder, limits))


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


review_app = App(
    help="List, label and import pictures that the models were unsure of (see `read "
    "--keep-unsure`).",
)
_Out = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", parser=folder_to_write)]


@review_app.command("list")
def list_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
) -> None:
    """List the kept pictures, the least sure first.

    Columns: the file; how unsure the models were, from 0 to 1; the reasons, each with a score; the
    day on which it was kept. Reasons: `margin` (another letter was nearly as likely), `grammar`
    (the text of a plate is no registration, or only after repair), `detector` (the confidence of a
    vehicle is near 0.5), `drift` (the picture is of a kind that has become usual: see `serve` with
    the setting `drift`).
    """
    raise typer.Exit(show(folder))


@review_app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
    output: _Out,
) -> None:
    """Write tasks for Label Studio, with the results as predictions."""
    raise typer.Exit(export(folder, output))


@review_app.command("import")
def import_command(
    export: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Label Studio export (JSON), next to its pictures.",
            parser=existing_file,
        ),
    ],
    output: _Out,
) -> None:
    """Crop the labelled regions and write a labels.tsv, for `lipiyana finetune reader`."""
    raise typer.Exit(import_back(export, output))
