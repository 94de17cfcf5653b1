"""`lipiyana models export-triton`: writes a model repository for Triton."""

from __future__ import annotations

from pathlib import Path

from lipiyana.cli.console import say_step
from lipiyana.cli.exit_codes import DONE
from lipiyana.inference.options import Accelerator
from lipiyana.inference.triton import export_repository
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore


def export(folder: Path, models: Path | None, accelerator: Accelerator, instances: int) -> int:
    """Write the models that reading takes; print their names.

    Raises:
        LipiyanaError: see `export_repository`.
    """
    store = ModelStore(models, threads=1)
    used = [store.entry(model.name) for model in LocalRecognizer(store).models]
    for name in export_repository(store, used, folder, accelerator, instances):
        say_step(f"{folder / name}")
    return DONE
