"""The options of `lipiyana finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

finetune_app = typer.Typer(
    help="Learn from your own labelled pictures. Needs the extra `train`.", no_args_is_help=True
)


@finetune_app.command("reader")
def finetune_reader(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with labels.tsv (file, tab, text; / between the rows of a plate), or an "
            "export of Label Studio (JSON) beside its pictures.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, help="Where the new models go."),
    ] = Path("finetuned"),
    base: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Reader to begin from: a name, or a float twin's .onnx. Default: the one in use.",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="Learn at most so long.")
    ] = 10.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a stopped run ended.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Processes that render lines. Default: 1."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with a manifest.toml; its models come before the installed ones.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Fine-tune the line reader: check, learn, measure, quantize, register in DIR.

    Ctrl-C stops it at any time; --resume goes on. Exit 130: stopped.
    """
    from lipiyana.cli.finetune import FinetuneRequest, run_reader

    request = FinetuneRequest(data, out, base, minutes, resume, workers, models)
    raise typer.Exit(run_reader(request))
