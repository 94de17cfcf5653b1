"""`lipiyana models import-paddle`, and readers named `paddle:DIR`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import typer

from lipiyana.cli.console import say_step, stderr, stdout
from lipiyana.cli.exit_codes import DONE
from lipiyana.cli.extras import import_with
from lipiyana.errors import InvalidRequest
from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.timings import cache_folder

PREFIX = "paddle:"
_PURPOSE = "lipiyana models import-paddle"


def run(
    model: str,
    out: Path,
    calibration: Path | None,
    python: Path | None,
    characters: Path | None,
    task: Task | None,
    licence: str,
) -> int:
    """Import a model from its folder, or by its name.

    Raises:
        typer.BadParameter: an option is invalid.
        LipiyanaError: the model cannot be found, converted or written; the message says why.
    """
    importing = import_with("train", "lipiyana.learning.paddle_import.importing", _PURPOSE)
    description = import_with("train", "lipiyana.learning.paddle_import.description", _PURPOSE)
    chosen = importing.interpreter(python)
    folder = Path(model)
    if not folder.is_dir():
        if "/" in model or "\\" in model:
            raise typer.BadParameter(f"there is no folder {model}", param_hint="DIR|NAME")
        folder = importing.fetch(chosen, model)
    try:
        described = description.describe(folder, characters, task)
    except InvalidRequest as error:
        hint = {"task": "--task", "characters": "--characters"}.get(error.field, "DIR|NAME")
        raise typer.BadParameter(error.message, param_hint=hint) from error
    inputs = _inputs(described, calibration) if calibration else ()
    made = importing.import_paddle(
        described, out, chosen, inputs, licence=licence, on_step=say_step
    )
    _show(made)
    stderr().print(f"use it: --models {out}", markup=False)
    return DONE


def _inputs(described: Any, calibration: Path) -> list[Any]:
    """Preprocess calibration pictures as the installed model of the same task does."""
    from lipiyana.cli.models.quantize import calibration_inputs
    from lipiyana.runtime.store import ModelStore

    store = ModelStore(threads=1)
    return calibration_inputs(store, store.default_for_task(described.task), calibration)


def _show(made: Any) -> None:
    console = stdout()
    for entry in made.models:
        console.print(f"{entry.name}  {entry.task.value}  {entry.file}", markup=False)
    if made.quantized is not None:
        console.print(
            f"agreement of INT8 with float: {made.quantized.agreement:.4f}; "
            f"{made.milliseconds[0]:.2f} ms in float, {made.milliseconds[1]:.2f} ms in INT8"
        )


def models_of(reader: str) -> Path:
    """The folder of models for `--reader paddle:DIR`; the model is imported once, then cached.

    Raises:
        typer.BadParameter: `reader` does not begin with `paddle:`, or the model is no recognizer.
        LipiyanaError: the model cannot be imported.
    """
    if not reader.startswith(PREFIX):
        raise typer.BadParameter(f"give {PREFIX}DIR.", param_hint="--reader")
    folder = Path(reader.removeprefix(PREFIX))
    description = import_with(
        "train", "lipiyana.learning.paddle_import.description", "--reader paddle:DIR"
    )
    importing = import_with(
        "train", "lipiyana.learning.paddle_import.importing", "--reader paddle:DIR"
    )
    described = description.describe(folder)
    if described.task is not Task.LINE_READER:
        raise typer.BadParameter(f"{folder} reads no lines.", param_hint="--reader")
    digest = hashlib.sha256(read_file(described.parameters, MAX_MODEL_BYTES))
    digest.update(
        read_file(described.network, MAX_MODEL_BYTES) + "\n".join(described.characters).encode()
    )
    imported = cache_folder() / "paddle" / digest.hexdigest()[:16]
    if not (imported / "manifest.toml").is_file():
        importing.import_paddle(described, imported, importing.interpreter(None), on_step=say_step)
    return imported
