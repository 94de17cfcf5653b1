"""The options of `lipiyana finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.options import Models, Resume
from lipiyana.cli.values import existing_path, folder_to_write, number, whole_number

finetune_app = typer.Typer(
    help="Learn from your own labelled pictures. Needs the extra `train`.", no_args_is_help=True
)

_Texts = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        parser=existing_path,
        help="Folder with labels.tsv (file, tab, text; / between the rows of a plate), or an "
        "export of Label Studio (JSON) beside its pictures.",
    ),
]
_Boxes = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        parser=existing_path,
        help="Folder with images/, labels/ and classes.txt or data.yaml (YOLO), or COCO's JSON "
        "beside its pictures; Label Studio exports both.",
    ),
]
_Out = Annotated[
    Path, typer.Option(metavar="DIR", parser=folder_to_write, help="Where the new models go.")
]
_Base = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Model to begin from: a name, or a float twin's .onnx or .onnx.xz. Default: the one "
        "in use.",
    ),
]
_Minutes = Annotated[
    float, typer.Option(metavar="M", parser=number(0.01, 10_000), help="Learn at most so long.")
]
_Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(0, 64),
        help="Processes that make pictures to learn from. Default: 1.",
    ),
]


@finetune_app.command("reader")
def finetune_reader(
    data: _Texts,
    out: _Out = Path("finetuned"),
    base: _Base = None,
    minutes: _Minutes = 10.0,
    resume: Resume = False,
    workers: _Workers = None,
    models: Models = None,
) -> None:
    """Fine-tune the line reader: check, learn, measure, quantize, register in DIR.

    Ctrl-C stops it at any time; --resume goes on. Exit 130: stopped.
    """
    from lipiyana.cli.finetune import FinetuneRequest, run_reader

    request = FinetuneRequest(data, out, base, minutes, resume, workers, models)
    raise typer.Exit(run_reader(request))


@finetune_app.command("plates")
def finetune_plates(
    data: _Texts,
    out: _Out = Path("finetuned"),
    base: _Base = None,
    minutes: _Minutes = 10.0,
    resume: Resume = False,
    workers: _Workers = None,
    models: Models = None,
) -> None:
    """Fine-tune the line reader on crops of plates, and measure whole registrations.

    Everything else is as with `finetune reader`.
    """
    from lipiyana.cli.finetune import FinetuneRequest, run_reader

    request = FinetuneRequest(data, out, base, minutes, resume, workers, models)
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
    """Fine-tune the detector of vehicles and plates; classes that it does not know are added.

    Every object of the classes in DATA must have a box in every picture; other classes may be
    left unlabelled. Ctrl-C stops it at any time; --resume goes on. Exit 130: stopped.
    """
    from lipiyana.cli.finetune import FinetuneRequest, run_vehicles

    request = FinetuneRequest(data, out, base, minutes, resume, workers, models)
    raise typer.Exit(run_vehicles(request))
