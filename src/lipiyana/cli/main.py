"""The command line. Each command imports what it needs when it runs, so that `--help` is fast."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lipiyana.cli.drift import drift_app
from lipiyana.cli.events import options as events
from lipiyana.cli.exit_codes import CUT_OFF, FAILED, INTERRUPTED, TERMINATED
from lipiyana.cli.finetune import finetune_app
from lipiyana.cli.models import options as models_making
from lipiyana.cli.options import (
    App,
    DeviceChoice,
    Engine,
    EngineChoice,
    Features,
    Fp16,
    Inference,
    InferenceCa,
    InferenceFallback,
    LayoutChoice,
    MinConfidence,
    Models,
    RayAddress,
    ScriptHints,
    Server,
    Workers,
    existing_file,
    folder_to_write,
    parse_features,
    parse_script_hints,
)
from lipiyana.cli.review import review_app
from lipiyana.cli.serve import options as serving
from lipiyana.cli.watch import options as watching
from lipiyana.errors import LipiyanaError
from lipiyana.types import Layout

app = App(
    name="lipiyana",
    help="Reads Indian roads: vehicles, registrations and signs in the scripts of India.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = App(help="List, check, time and convert models.")
models_making.add_to(models_app)
app.add_typer(models_app, name="models")
serving.add_to(app)
events.add_to(app)
watching.add_to(app)
app.add_typer(finetune_app, name="finetune")
app.add_typer(review_app, name="review")
app.add_typer(drift_app, name="drift")

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT", help="Pictures, folders (with subfolders) and globs."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lipiyana {version('lipiyana')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Reads Indian roads: vehicles, registrations and signs in the scripts of India."""


@app.command()
def read(
    inputs: Inputs,
    layout: LayoutChoice = Layout.SCENE,
    features: Features = None,
    min_confidence: MinConfidence = None,
    output: Annotated[
        str | None,  # a `Path` would make s3:/ of s3://
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to a .jsonl, .csv or .parquet file, or with `ray` to a folder. Default: "
            "JSON Lines to stdout.",
        ),
    ] = None,
    engine: EngineChoice = Engine.LOCAL,
    ray_address: RayAddress = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue FILE: skip the pictures that have a row in it."),
    ] = False,
    allow_failed: Annotated[
        bool,
        typer.Option(
            "--allow-failed",
            help="Exit 0 also if pictures failed, but not if the run ended early.",
        ),
    ] = False,
    no_bom: Annotated[
        bool,
        typer.Option(
            "--no-bom",
            help="Begin a .csv file without the byte order mark by which Excel knows UTF-8.",
        ),
    ] = False,
    script_hints: ScriptHints = None,
    romanize: Annotated[
        bool,
        typer.Option("--romanize", help="Also give lines in Latin letters. Needs `indic`."),
    ] = False,
    words: Annotated[
        bool, typer.Option("--words", help="Also give the place of each word of a line.")
    ] = False,
    workers: Workers = None,
    models: Models = None,
    server: Server = None,
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="paddle:DIR", help="Read lines with a PaddleOCR model, for comparison."
        ),
    ] = None,
    keep_unsure: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=folder_to_write,
            help="Folder for the pictures that the models are least sure of, for `lipiyana "
            "review`. Plates are personal data.",
        ),
    ] = None,
    device: DeviceChoice = None,
    fp16: Fp16 = False,
    inference: Inference = None,
    inference_ca: InferenceCa = None,
    inference_fallback: InferenceFallback = False,
) -> None:
    """Read pictures; write a row for each, in order.

    Exit 0: all read; 1: some failed; 2: none found.
    """
    from lipiyana.cli.read import cluster, command
    from lipiyana.cli.recognizers import Engines

    request = command.ReadRequest(
        inputs=tuple(inputs),
        layout=layout,
        features=parse_features(features),
        min_confidence=min_confidence,
        output=None if output is None or engine is Engine.RAY else Path(output),
        resume=resume,
        workers=workers,
        engines=Engines(
            models, device, fp16, inference, ca=inference_ca, fallback=inference_fallback
        ),
        server=server,
        reader=reader,
        keep_unsure=keep_unsure,
        script_hints=parse_script_hints(script_hints),
        romanize=romanize,
        words=words,
        bom=not no_bom,
        allow_failed=allow_failed,
    )
    if engine is Engine.RAY:
        raise typer.Exit(cluster.run(cluster.ClusterRequest(request, output, ray_address)))
    if ray_address is not None:
        raise typer.BadParameter("is for --engine ray.", param_hint="--ray-address")
    raise typer.Exit(command.run(request))


@app.command()
def annotate(
    inputs: Inputs,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", parser=folder_to_write, help="Folder for the copies."
        ),
    ],
    layout: LayoutChoice = Layout.SCENE,
    features: Features = None,
    min_confidence: MinConfidence = None,
    script_hints: ScriptHints = None,
    romanize: Annotated[
        bool,
        typer.Option("--romanize", help="Label text in Latin letters. Needs `indic`."),
    ] = False,
    workers: Workers = None,
    models: Models = None,
    server: Server = None,
    device: DeviceChoice = None,
    fp16: Fp16 = False,
    inference: Inference = None,
    inference_ca: InferenceCa = None,
    inference_fallback: InferenceFallback = False,
) -> None:
    """Write copies of pictures with boxes and text drawn on them.

    Exit 0: all written; 1: some failed; 2: none found.
    """
    from lipiyana.cli.annotate import run
    from lipiyana.cli.recognizers import Engines
    from lipiyana.types import RecognitionConfig

    config = RecognitionConfig(
        features=parse_features(features),
        layout=layout,
        script_hints=parse_script_hints(script_hints),
        min_confidence=min_confidence,
        romanize=romanize,
    )
    engines = Engines(models, device, fp16, inference, ca=inference_ca, fallback=inference_fallback)
    raise typer.Exit(run(inputs, output, config, engines, server=server, workers=workers))


@models_app.command("list")
def list_models(models: Models = None) -> None:
    """Show the models of the manifest and whether they are installed."""
    from lipiyana.cli.models.installed import show

    raise typer.Exit(show(models))


@models_app.command()
def verify(models: Models = None) -> None:
    """Check the files of the models against the manifest. Exit 1: a file is wrong."""
    from lipiyana.cli.models.installed import verify

    raise typer.Exit(verify(models))


@app.command()
def doctor(
    models: Models = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=existing_file, help="Also check these settings of a server."
        ),
    ] = None,
) -> None:
    """Check this machine and installation. Exit 1: something is wrong."""
    from lipiyana.cli.doctor.command import run

    raise typer.Exit(run(models, config))


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        app()
    except LipiyanaError as error:
        from lipiyana.cli.console import say_error

        say_error(error.message)
        sys.exit(FAILED)
    except SystemExit as leaving:
        for code in (INTERRUPTED, TERMINATED, CUT_OFF):
            if leaving.code == code:
                # do not wait for threads: a picture in progress may take long, a server forever
                sys.stdout.flush()
                os._exit(code)
        raise
    raise AssertionError("a typer app must end with SystemExit")
