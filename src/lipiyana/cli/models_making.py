"""The options of `lipiyana models quantize`, `bench` and `import-paddle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.options import Models
from lipiyana.manifest import Task

Calibration = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of pictures as the model will see them.", exists=True),
]
Out = Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where it goes.")]


def add_to(models_app: typer.Typer) -> None:
    """Add the commands."""
    models_app.command("quantize")(quantize)
    models_app.command("bench")(bench)
    models_app.command("import-paddle")(import_paddle)


def quantize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a float model.")],
    calibration: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of pictures as the model will see them.", exists=True
        ),
    ],
    out: Out = Path("quantized"),
    least_agreement: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Layers stay float until the answers agree so far."),
    ] = 0.98,
    models: Models = None,
) -> None:
    """Make an INT8 twin; show how each layer bears it, and both models' times on this machine.

    Needs the extra `train`.
    """
    from lipiyana.cli.quantize import run

    raise typer.Exit(run(model, calibration, out, least_agreement, models))


def bench(models: Models = None) -> None:
    """Time the models on this machine, and write it down: the faster of two twins is used then."""
    from lipiyana.cli.bench import run

    raise typer.Exit(run(models))


def import_paddle(
    model: Annotated[
        str,
        typer.Argument(
            metavar="DIR|NAME", help="Folder of an inference model, or a name that paddleocr knows."
        ),
    ],
    out: Out = Path("imported"),
    calibration: Calibration = None,
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Interpreter that has paddlepaddle and paddle2onnx. Default: "
            "$LIPIYANA_PADDLE_PYTHON, else this one.",
        ),
    ] = None,
    characters: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Characters, one a line, where the model lists none."),
    ] = None,
    task: Annotated[
        Task | None, typer.Option(help="What the model does, where it does not say so.")
    ] = None,
    licence: Annotated[str, typer.Option(help="SPDX expression, as its makers state it.")] = "",
) -> None:
    """Make a PaddleOCR model a checked, registered one; with --calibration its INT8 twin too."""
    from lipiyana.cli.import_paddle import run

    raise typer.Exit(run(model, out, calibration, python, characters, task, licence))
