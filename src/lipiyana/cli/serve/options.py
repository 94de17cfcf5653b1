"""The options of `lipiyana serve` and `lipiyana demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.options import (
    DeviceChoice,
    Fp16,
    Inference,
    InferenceCa,
    InferenceFallback,
    Models,
    existing_file,
    existing_folder,
    folder_to_write,
    number,
    whole_number,
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("demo")(demo)


def serve(
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on. Default: only this machine."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole_number(0, 65535), help="Port for gRPC. Default: 50051."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole_number(0, 65535), help="Port for Prometheus. Default: none."
        ),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(0, 65535),
            help="Port for the HTTP API and its page. Default: none. Needs the extra `http`.",
        ),
    ] = None,
    http_origins: Annotated[
        str | None,
        typer.Option(
            metavar="ORIGIN,...",
            help="Origins whose pages may call the HTTP API, such as https://app.example.",
        ),
    ] = None,
    http_hosts: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Host names by which the HTTP API may be called, such as signs.example.",
        ),
    ] = None,
    models: Models = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=existing_file, help="TOML file with settings."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1, 1024),
            help="Processes that share the port. Default: 1.",
        ),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="text|json", help="Format of the log. Default: text.")
    ] = None,
    keep_unsure: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=folder_to_write,
            help="Folder for the pictures that the models are least sure of. Default: none.",
        ),
    ] = None,
    shadow: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=existing_folder,
            help="Folder of models that read a share of the pictures and answer nothing; what they "
            "read differently is counted. Default: none.",
        ),
    ] = None,
    shadow_share: Annotated[
        float | None,
        typer.Option(
            metavar="F", parser=number(0.0001, 1), help="Share of the pictures. Default: 0.1."
        ),
    ] = None,
    device: DeviceChoice = None,
    fp16: Fp16 = False,
    inference: Inference = None,
    inference_ca: InferenceCa = None,
    inference_fallback: InferenceFallback = False,
) -> None:
    """Serve gRPC, and HTTP if asked, until SIGTERM or Ctrl-C. Needs the extra `server`.

    SIGHUP reloads the models, unless it runs on a terminal.
    """
    from lipiyana.cli.serve.command import run

    raise typer.Exit(
        run(
            config,
            host=host,
            port=port,
            metrics_port=metrics_port,
            models=models,
            workers=workers,
            log_format=log_format,
            keep_unsure=keep_unsure,
            shadow=shadow,
            shadow_share=shadow_share,
            http_port=http_port,
            http_origins=http_origins,
            http_hosts=http_hosts,
            device=device,
            # a flag that is not given leaves the setting to the environment and the file
            fp16=fp16 or None,
            inference=inference,
            inference_ca=inference_ca,
            inference_fallback=inference_fallback or None,
        )
    )


def demo(
    models: Models = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(0, 65535),
            help="Port of the page. Default: a free one.",
        ),
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address of the page.")
    ] = False,
) -> None:
    """Try it in the browser, on this machine alone. Needs the extras `server` and `http`."""
    from lipiyana.cli.demo import run

    raise typer.Exit(run(models, port, browser=not no_browser))
