"""The options of `lipiyana review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.values import existing_file, existing_folder, folder_to_write

review_app = typer.Typer(
    help="Pictures that the models were unsure of (kept by `read --keep-unsure`), to be labelled.",
    no_args_is_help=True,
)
_Out = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", parser=folder_to_write)]


@review_app.command("list")
def list_kept(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
) -> None:
    """Show what is kept, the least sure first.

    Columns: the file; how unsure the models were, from 0 to 1; the reasons with their own scores;
    the day on which it was kept. Reasons: `margin` (another letter was nearly as likely), `grammar`
    (a plate whose text had to be changed to be a registration, or is none), `detector` (a vehicle
    whose confidence is near one half).
    """
    from lipiyana.cli.review import show

    raise typer.Exit(show(folder))


@review_app.command("export")
def export_tasks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=existing_folder)],
    output: _Out,
) -> None:
    """Write tasks for Label Studio, with what was read as predictions."""
    from lipiyana.cli.review import export

    raise typer.Exit(export(folder, output))


@review_app.command("import")
def import_labels(
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
    from lipiyana.cli.review import import_back

    raise typer.Exit(import_back(export, output))
