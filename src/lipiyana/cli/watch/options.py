"""The options of `lipiyana watch`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from lipiyana.cli.events.options import Ca, MetricsHost, MetricsPort
from lipiyana.cli.options import (
    DeviceChoice,
    Features,
    Fp16,
    Inference,
    InferenceCa,
    InferenceFallback,
    MinConfidence,
    Models,
    ScriptHints,
    Server,
    choice,
    existing_file,
    folder_to_write,
    number,
    parse_features,
    parse_script_hints,
    whole_number,
)
from lipiyana.cli.signals import told_if_terminated
from lipiyana.watch.power import Power

_DAY = 86400.0
_FIRST_YEAR, _LAST_YEAR = 1971, 9000


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        found = datetime.fromisoformat(str(value)).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{value} is not a time such as 2026-11-30T17:30:00+05:30."
        ) from None
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise typer.BadParameter(f"{value} is not between {_FIRST_YEAR} and {_LAST_YEAR}.")
    return found


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(told_if_terminated()(watch))


def watch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Video files, rtsp:// and http:// addresses, numbers of cameras, and folders that "
            "pictures arrive in. NAME=SOURCE names it in rows.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Append rows to a .jsonl file. Default: JSON Lines to stdout.",
        ),
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(
            metavar="https://...|grpcs://HOST:PORT|mqtts://HOST/TOPIC",
            help="Send rows to a receiver, too, as `lipiyana forward` does.",
        ),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=folder_to_write,
            help="With --forward: folder in which rows wait for the network.",
        ),
    ] = None,
    crops: Annotated[
        int | None,
        typer.Option(
            metavar="QUALITY",
            parser=whole_number(1, 100),
            help="With --forward: send crops of plates and text with the rows, as WebP of this "
            "quality, such as 50.",
        ),
    ] = None,
    ca: Ca = None,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="Also write a row for each frame that is read.")
    ] = False,
    power: Annotated[
        Power,
        typer.Option(
            "--power",
            metavar="|".join(Power),
            parser=choice(Power),
            help="How much of the machine is used: frames a second, their size, and CPUs.",
        ),
    ] = Power.FULL,
    fps: Annotated[
        float | None,
        typer.Option(
            metavar="F",
            parser=number(0.01, 1000),
            help="Look at so many frames a second. Default: by --power; with `full` all.",
        ),
    ] = None,
    every_frame: Annotated[
        bool,
        typer.Option("--every-frame", help="Read frames without motion as well."),
    ] = False,
    regions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=existing_file,
            help="YAML file of regions that are counted and masks that are not looked at.",
        ),
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a .mp4, .webm or .mkv file with the results drawn on the frames.",
        ),
    ] = None,
    start_time: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=_moment,
            help="When the first frame of video files was taken. Default: the time of each file.",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", parser=number(0.1, 3660 * _DAY), help="Stop after so long."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            parser=number(0.1, _DAY),
            help="Time for a camera to answer, and between two frames. Default: 10.",
        ),
    ] = None,
    give_up: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            parser=number(0, 3660 * _DAY),
            help="Time without a frame after which a camera has failed. Default: never.",
        ),
    ] = None,
    features: Features = None,
    min_confidence: MinConfidence = None,
    script_hints: ScriptHints = None,
    models: Models = None,
    server: Server = None,
    device: DeviceChoice = None,
    fp16: Fp16 = False,
    inference: Inference = None,
    inference_ca: InferenceCa = None,
    inference_fallback: InferenceFallback = False,
) -> None:
    """Watch cameras and videos; write a row for each vehicle that has passed.

    Needs the extra `video`. Exit 0: all were watched to their end; 1: some failed; 2: none found.
    """
    from lipiyana.cli.extras import import_with
    from lipiyana.cli.recognizers import Engines

    command = import_with("video", "lipiyana.cli.watch.command", "lipiyana watch")
    request = command.WatchRequest(
        sources=tuple(sources),
        output=output,
        forward=forward,
        spool=spool,
        crops=crops,
        ca=ca,
        metrics_port=metrics_port,
        metrics_host=metrics_host,
        frames=frames,
        power=power,
        fps=fps,
        every_frame=every_frame,
        regions=regions,
        annotated=annotated,
        start_time=start_time,
        duration=duration,
        timeout=timeout,
        give_up=give_up,
        features=parse_features(features),
        min_confidence=min_confidence,
        script_hints=parse_script_hints(script_hints),
        engines=Engines(
            models, device, fp16, inference, ca=inference_ca, fallback=inference_fallback
        ),
        server=server,
    )
    raise typer.Exit(command.run(request))
