"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Folder with a manifest.toml; its models come before the installed ones.",
        exists=True,
        file_okay=False,
    ),
]
