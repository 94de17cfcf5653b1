"""The options of `lipiyana rules` and `lipiyana forward`."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lipiyana.cli.extras import import_with
from lipiyana.cli.options import choice, existing_file, folder_to_write, whole_number
from lipiyana.cli.signals import told_if_terminated

_SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class DropChoice(StrEnum):
    """What a full spool drops."""

    OLDEST = "oldest"
    NEWEST = "newest"


class CompressChoice(StrEnum):
    """How messages are compressed."""

    ZSTD = "zstd"
    GZIP = "gzip"


def size(value: Any) -> int:
    """Parse a number of bytes such as 500KB, 256MB or 2GB."""
    found = re.fullmatch(r"(\d{1,12})\s*([KMG]?B?)", str(value).strip().upper())
    if found is None or found[2] in {"K", "M", "G"}:
        raise typer.BadParameter(f"{value} is not a size such as 500KB, 256MB or 2GB.")
    number = int(found[1]) * _SIZES.get(found[2], 1)
    if number < 1:
        raise typer.BadParameter(f"{value} is too small.")
    return number


def duration(value: Any) -> float:
    """Parse a time such as 90s, 30m, 12h or 7d."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", str(value).strip().lower())
    if found is None or int(found[1]) < 1:
        raise typer.BadParameter(f"{value} is not a time such as 90s, 30m, 12h or 7d.")
    return float(int(found[1]) * _SECONDS[found[2]])


Rows = Annotated[
    str,
    typer.Argument(
        metavar="[ROWS.jsonl|-]",
        help="Rows of `lipiyana read` or `lipiyana watch`. Default: standard input.",
    ),
]
Follow = Annotated[
    bool, typer.Option("--follow", help="Wait for more rows at the end of the file.")
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        parser=existing_file,
        help="Secret that signs messages over HTTP and gRPC. Default: LIPIYANA_WEBHOOK_SECRET.",
    ),
]
LoginFile = Annotated[
    Path | None,
    typer.Option(
        "--login-file",
        metavar="FILE",
        parser=existing_file,
        help="user:password for a broker of MQTT. Default: LIPIYANA_MQTT_LOGIN.",
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        parser=existing_file,
        help="PEM file of the issuer of the receiver's certificate. Default: the system's.",
    ),
]


MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="N",
        parser=whole_number(0, 65535),
        help="Port for Prometheus: what waits, is sent and is dropped. Default: none.",
    ),
]
MetricsHost = Annotated[
    str | None,
    typer.Option(
        "--metrics-host", metavar="ADDRESS", help="Its address. Default: only this machine."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("rules")(told_if_terminated()(rules))
    app.command("forward")(told_if_terminated()(forward))


def rules(
    file: Annotated[
        Path, typer.Argument(metavar="RULES.yaml", help="Rules.", parser=existing_file)
    ],
    rows: Rows = "-",
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="stdout|FILE|https://...|mqtts://HOST/TOPIC",
            help="Where events go; may be given several times. Default: standard output.",
        ),
    ] = None,
    follow: Follow = False,
    secret_file: SecretFile = None,
    login_file: LoginFile = None,
    ca: Ca = None,
) -> None:
    """Report events of rows: vehicles that are seen, enter, leave, stay or are listed.

    A changed RULES.yaml is taken over at once; if it has faults, the old rules stay. Exit 1: a line
    was no row, or an event was not delivered.
    """
    command = import_with("events", "lipiyana.cli.events.rules", "lipiyana rules")
    request = command.RulesRequest(
        rules=file,
        rows=_path(rows),
        to=tuple(to or ["stdout"]),
        follow=follow,
        secret_file=secret_file,
        login_file=login_file,
        ca=ca,
    )
    raise typer.Exit(command.run(request))


def forward(
    rows: Annotated[
        str,
        typer.Argument(
            metavar="ROWS.jsonl|-",
            help="Rows of `lipiyana read` or `lipiyana watch`, or events; - for standard input.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="https://...|grpcs://HOST:PORT|mqtts://HOST/TOPIC",
            help="The receiver.",
        ),
    ],
    spool: Annotated[
        Path,
        typer.Option(
            "--spool",
            metavar="DIR",
            parser=folder_to_write,
            help="Folder in which rows wait. Plates are personal data.",
        ),
    ],
    max_bytes: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=size, help="Of rows that wait. Default: 256MB."),
    ] = None,
    max_age: Annotated[
        float | None,
        typer.Option(metavar="TIME", parser=duration, help="Of a row that waits. Default: 7d."),
    ] = None,
    drop: Annotated[
        DropChoice,
        typer.Option(
            metavar="oldest|newest", parser=choice(DropChoice), help="What a full spool drops."
        ),
    ] = DropChoice.OLDEST,
    rate: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE", parser=size, help="Bytes of messages a second. Default: no limit."
        ),
    ] = None,
    compress: Annotated[
        CompressChoice | None,
        typer.Option(metavar="zstd|gzip", parser=choice(CompressChoice), help="Compress messages."),
    ] = None,
    follow: Follow = False,
    secret_file: SecretFile = None,
    login_file: LoginFile = None,
    ca: Ca = None,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = None,
) -> None:
    """Send rows to a receiver, at least once each, over a network that may fail.

    Rows wait in the spool until the receiver acknowledges them. A file is read on where the last
    run stopped. Exit 1: a row was dropped or refused, or a line was no row.
    """
    command = import_with("events", "lipiyana.cli.events.forward", "lipiyana forward")
    request = command.ForwardRequest(
        rows=_path(rows),
        to=to,
        spool=spool,
        max_bytes=max_bytes,
        max_age=max_age,
        drop=drop,
        rate=rate,
        compress=compress,
        follow=follow,
        secret_file=secret_file,
        login_file=login_file,
        ca=ca,
        metrics_port=metrics_port,
        metrics_host=metrics_host,
    )
    raise typer.Exit(command.run(request))


def _path(rows: str) -> Path | None:
    return None if rows == "-" else existing_file(rows)
