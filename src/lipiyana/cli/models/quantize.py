"""`lipiyana models quantize`: makes an INT8 twin and registers it. Needs the extra `train`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rich.table import Table

from lipiyana.cli.console import say_step, stderr, stdout
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.cli.sources import list_pictures
from lipiyana.errors import InvalidRequest
from lipiyana.learning.quantize import search
from lipiyana.learning.quantize.floor import require_answers
from lipiyana.learning.quantize.search import inputs_of, read_pictures
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN

SUFFIX = "-int8"


def run(name: str, calibration: Path, out: Path, least: float, models: Path | None) -> int:
    """Quantize a model and register it with its float twin.

    Returns:
        The exit code: 1 if the agreement is below `least`.

    Raises:
        ModelUnavailable: there is no such model, or it finds nothing in the pictures.
        InvalidRequest: there are too few pictures for calibration, or `out` cannot be written.
    """
    store = ModelStore(models, threads=1)
    entry = store.entry(name)
    entry.check()  # told before the calibration, which takes minutes
    inputs = calibration_inputs(store, entry, calibration)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "int8.onnx"
        made = search.quantize_within(
            entry.file,
            small,
            entry.task,
            inputs,
            least_agreement=least,
            every_layer=True,
            on_step=say_step,
        )
        require_answers(entry.name + SUFFIX, made.says_nothing)
        sessions = [store.session(name), search.open_file(small, entry.task)]
        before, after = median_milliseconds(sessions, typical_input(sessions[0]))
        _show(made, before, after, entry, small)
        if made.agreement < least:
            stderr().print(f"the agreement is below {least:.3f}; the model is not registered")
            return FAILED
        twins = [_twin(entry, small, made), _same(entry)]
        add_models(out, twins if after < before else list(reversed(twins)))
    stderr().print(f"use it: --models {out}", markup=False)
    return DONE


def calibration_inputs(store: ModelStore, entry: ModelEntry, folder: Path) -> list[Any]:
    """Read and preprocess the pictures of a folder for a model.

    Raises:
        InvalidRequest: fewer than two pictures can be read.
    """
    paths = [Path(source.path) for source in list_pictures((str(folder),)) if not source.error]
    inputs = inputs_of(store, entry, read_pictures(paths)) if paths else []
    if len(inputs) < 2:
        raise InvalidRequest(
            f"{folder} has {len(inputs)} readable pictures; about twenty are needed for "
            "calibration and measurement",
            field="calibration",
        )
    return inputs


def _show(made: Any, before: float, after: float, entry: ModelEntry, small: Path) -> None:
    console = stdout()
    table = Table(box=None)
    for heading in ("layers", "difference alone", ""):
        table.add_column(heading, justify="right" if heading.startswith("diff") else "left")
    left = {one.group for one in made.left_float}
    for one in made.sensitivities:
        note = "left in float" if one.group in left else ""
        table.add_row(one.group, f"{one.difference:.4f}", note)
    console.print(table)
    console.print(
        f"agreement {made.agreement:.4f} (all layers in INT8: {made.all_layers:.4f}); "
        f"{before:.2f} ms in float, {after:.2f} ms in INT8; "
        f"{len(entry.read_bytes()) / 1e6:.1f} and {small.stat().st_size / 1e6:.1f} MB"
    )


def _twin(entry: ModelEntry, small: Path, made: Any) -> NewModel:
    left = ", ".join(one.group for one in made.left_float) or "none"
    card = (
        f"# {entry.name}{SUFFIX}\n\nThe INT8 twin of {entry.name} (sha256 {entry.sha256}). Its "
        f"agreement with the float model is {made.agreement:.4f} ({made.all_layers:.4f} with "
        f"every layer quantized). Layers left in float, the most sensitive ones: {left}.\n"
    )
    return _new(entry, entry.name + SUFFIX, small, card, entry.name, {"agreement": made.agreement})


def _same(entry: ModelEntry) -> NewModel:
    card = f"# {entry.name}\n\nA copy of the installed model; see its own card.\n"
    return _new(entry, entry.name, entry.file, card, entry.name + SUFFIX, dict(entry.scores))


def _new(
    entry: ModelEntry, name: str, file: Path, card: str, other: str, scores: dict[str, float]
) -> NewModel:
    others = {k: v for k, v in entry.parameters.items() if k not in {"words", "words_sha256"}}
    return NewModel(
        name=name,
        task=entry.task,
        file=file,
        version=entry.version,
        licence=entry.licence,
        data=entry.data,
        card=card,
        charset_sha256=entry.charset_sha256,
        scores={key: round(float(value), 4) for key, value in scores.items()},
        parameters=others | {TWIN: other},
        companions={"words": entry.words} if entry.words else {},
        digests=dict(entry.companions.values()),
    )
