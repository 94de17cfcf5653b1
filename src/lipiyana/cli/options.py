"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipiyana.cli.values import existing_folder, number
from lipiyana.types import Feature
from lipiyana.words import did_you_mean

Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Folder with a manifest.toml; its models come before the installed ones.",
        parser=existing_folder,
    ),
]

Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run ended.")]

Features = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="What to look for, of text,plates,vehicles. Default: what has its models.",
    ),
]

MinConfidence = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        parser=number(0, 1),
        help="Leave out what is less sure than this. Default: 0.3 in a scene; a line or a plate "
        "is always there.",
    ),
]


def parse_features(text: str | None) -> frozenset[Feature]:
    """Read the LIST of `Features`; empty, which stands for the default, where it was not given.

    Raises:
        typer.BadParameter: a name is not known, or there is none.
    """
    if text is None:
        return frozenset()
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [feature.value for feature in Feature]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known) or "."
            message = f"{name!r} is not one of {', '.join(known)}{near}"
            raise typer.BadParameter(message, param_hint="--features")
    if not names:
        message = f"name one or more of {', '.join(known)}."
        raise typer.BadParameter(message, param_hint="--features")
    return frozenset(Feature(name) for name in names)
