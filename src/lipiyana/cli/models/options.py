"""The options of `lipiyana models`, except for those of `list` and `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.extras import import_with
from lipiyana.cli.options import (
    Models,
    Resume,
    choice,
    existing_file,
    existing_folder,
    existing_path,
    folder_to_write,
    number,
    whole_number,
)
from lipiyana.inference.options import Accelerator
from lipiyana.runtime.manifest import Task

_CALIBRATION = typer.Option(
    metavar="DIR", parser=existing_folder, help="Folder of typical pictures, for calibration."
)
Out = Annotated[
    Path, typer.Option(metavar="DIR", parser=folder_to_write, help="Folder for the new model.")
]
Minutes = Annotated[
    float,
    typer.Option(
        metavar="M", parser=number(0.01, 100_000), help="Maximum training time in minutes."
    ),
]


def add_to(models_app: typer.Typer) -> None:
    """Add the commands."""
    models_app.command("quantize")(quantize)
    models_app.command("prune")(prune)
    models_app.command("distill")(distill)
    models_app.command("bench")(bench)
    models_app.command("import-paddle")(import_paddle)
    models_app.command("export-triton")(export_triton)
    models_app.command("promote")(promote)
    models_app.command("rollback")(rollback)


def quantize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a float model.")],
    calibration: Annotated[Path, _CALIBRATION],
    out: Out = Path("quantized"),
    least_agreement: Annotated[
        float,
        typer.Option(
            metavar="F",
            parser=number(0, 1),
            help="Minimum agreement with the float model; layers stay float to reach it.",
        ),
    ] = 0.98,
    models: Models = None,
) -> None:
    """Make an INT8 twin; show the sensitivity of each layer and the times of both models.

    Needs the extra `train`.
    """
    quantizing = import_with("train", "lipiyana.cli.models.quantize", "lipiyana models quantize")
    raise typer.Exit(quantizing.run(model, calibration, out, least_agreement, models))


def prune(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[READER]", help="Line reader to prune. Default: the installed one."
        ),
    ] = None,
    blocks: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(1), help="Blocks to remove.")
    ] = 3,
    out: Out = Path("pruned"),
    minutes: Minutes = 30.0,
    resume: Resume = False,
    models: Models = None,
) -> None:
    """Remove the least important blocks of a line reader, and train the rest to replace them.

    Needs the extra `train`, and fonts. Ctrl-C stops it at any time; --resume continues it.
    """
    from lipiyana.cli.models.distill import run_prune

    raise typer.Exit(run_prune(model, blocks, out, minutes, resume, models))


def distill(
    out: Out = Path("distilled"),
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Text detector to learn from. Default: the installed one."
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of pictures to learn from, besides rendered ones; no labels are needed.",
            parser=existing_folder,
        ),
    ] = None,
    streets: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(0, 1_000_000),
            help="Pictures to render: streets, and walls full of lettering.",
        ),
    ] = 2000,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Float model of a student to continue training. Default: random weights.",
            parser=existing_file,
        ),
    ] = None,
    minutes: Minutes = 60.0,
    resume: Resume = False,
    models: Models = None,
) -> None:
    """Distil the installed text detector into a small, fast one; compare both; register it.

    Needs the extra `train`. Ctrl-C stops it at any time; --resume continues it.
    """
    from lipiyana.cli.models.distill import run

    raise typer.Exit(run(out, teacher, photos, streets, start, minutes, resume, models))


def bench(models: Models = None) -> None:
    """Time the models on this machine and store the times; the faster of two twins is then used."""
    from lipiyana.cli.models import installed

    raise typer.Exit(installed.bench(models))


def import_paddle(
    model: Annotated[
        str,
        typer.Argument(
            metavar="DIR|NAME", help="Folder of an inference model, or its name in paddleocr."
        ),
    ],
    out: Out = Path("imported"),
    calibration: Annotated[Path | None, _CALIBRATION] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Python interpreter with paddlepaddle and paddle2onnx. Default: "
            "$LIPIYANA_PADDLE_PYTHON, else the current one.",
        ),
    ] = None,
    characters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Characters, one per line, if the model does not list them."
        ),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(
            metavar="text_detector|line_reader",
            parser=choice(Task),
            help="Task of the model, if it does not say so.",
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option(metavar="SPDX", help="SPDX expression of the model's licence.")
    ] = "",
) -> None:
    """Convert, check and register a PaddleOCR model; with --calibration its INT8 twin too."""
    from lipiyana.cli.models.import_paddle import run

    raise typer.Exit(run(model, out, calibration, python, characters, task, licence))


def export_triton(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", parser=folder_to_write, help="New folder for the model repository."
        ),
    ],
    models: Models = None,
    accelerator: Annotated[
        Accelerator,
        typer.Option(
            metavar="|".join(Accelerator),
            parser=choice(Accelerator),
            help="What Triton's ONNX Runtime uses; it then gets the float models.",
        ),
    ] = Accelerator.NONE,
    instances: Annotated[
        int,
        typer.Option(
            metavar="N", parser=whole_number(1, 1024), help="Instances of each model that run."
        ),
    ] = 1,
) -> None:
    """Write a model repository for Triton, for `--inference`."""
    from lipiyana.cli.models.export_triton import export

    raise typer.Exit(export(folder, models, accelerator, instances))


def promote(
    challenger: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", parser=existing_folder, help="Folder of the new models, the challenger."
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            parser=folder_to_write,
            help="Folder that is served with --models, of the champion; made if there is none.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            parser=existing_path,
            help="Labelled texts, as for `finetune reader`; their validation part is compared.",
        ),
    ] = None,
    plates: Annotated[
        bool, typer.Option("--plates", help="The texts are plates, as for `finetune plates`.")
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            parser=existing_path,
            help="Labelled boxes, as for `finetune vehicles`; their validation part is compared.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote models that are worse or were not compared.")
    ] = False,
) -> None:
    """Compare new models with those in use, and put them into use if they are no worse.

    Both read the held-out part and the project's samples. The switch is one step, and a line of
    `releases.jsonl` in the folder. Needs the extra `train`. Exit 1: not promoted.
    """
    from lipiyana.cli.models.releases import run_promote

    raise typer.Exit(run_promote(challenger, to, data, boxes, plates=plates, force=force))


def rollback(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", parser=existing_folder, help="Folder into which models were promoted."
        ),
    ],
) -> None:
    """Put into use what was in use before the last promotion."""
    from lipiyana.cli.models.releases import run_rollback

    raise typer.Exit(run_rollback(folder))
