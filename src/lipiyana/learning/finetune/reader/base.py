"""The reader that a fine-tuning begins from: a float twin, by its name or its file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.learning.finetune.reader.learner import ReaderBase
from lipiyana.learning.quantize.static import metadata
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.network import ReaderShape
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.packed import PACKED, model_suffix
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN


@dataclass(frozen=True, slots=True)
class ChosenBase:
    """A base and what its manifest says of it.

    Attributes:
        entry: of the float twin; made up where it is only a file.
        reader: weights and charset.
        words: its language model, None where it has none.
    """

    entry: ModelEntry
    reader: ReaderBase
    words: Path | None


def choose_base(store: ModelStore, base: str | None) -> ChosenBase:
    """Find the reader to begin from.

    Args:
        store: the models.
        base: a model's name, or the path of a float twin; None for the preferred reader. Of an
            INT8 model its twin is taken.

    Raises:
        ModelUnavailable: there is no such model.
        InvalidRequest: it cannot be trained from, as no float twin of it is there.
    """
    entry, candidates = base_candidates(store, base, Task.LINE_READER)
    for candidate in candidates:
        weights = load_weights(candidate.file)
        try:
            shape = ReaderShape.of_weights(weights)
        except ValueError:
            continue
        return _checked(candidate, weights, shape)
    raise InvalidRequest(
        f"{entry.name} cannot be trained from: it is no float twin (a reader's weights under their "
        "names) and names none; `lipiyana models list` shows what is installed",
        field="base",
    )


def words_to_draw(store: ModelStore, chosen: ChosenBase) -> Path | None:
    """Find a language model to render with, so that no script of the base is forgotten.

    A base that is only a file names none; that of the installed reader will do where both have the
    same charset.
    """
    if chosen.words:
        return chosen.words
    installed = store.default_for_task(Task.LINE_READER)
    same = installed.charset_sha256 == chosen.reader.charset.sha256
    return installed.words if same else None


def base_candidates(
    store: ModelStore, base: str | None, task: Task
) -> tuple[ModelEntry, list[ModelEntry]]:
    """Give what is asked for, and the files that its weights may be in: its own, its twin's.

    Args:
        store: the models.
        base: a model's name, or the path of an ONNX file, packed or not; None for the preferred
            one.
        task: that it must do.

    Raises:
        ModelUnavailable: there is no such model, or its file is not the manifest's.
        InvalidRequest: it does something else.
    """
    if base is not None and model_suffix(Path(base)) == ".onnx":
        path = Path(base)
        if not path.is_file():
            raise ModelUnavailable(f"there is no file {path}")
        digest = hashlib.sha256(read_file(path, MAX_MODEL_BYTES)).hexdigest()
        name = Path(path.name.removesuffix(PACKED)).stem
        entry = ModelEntry(name, task, path.resolve(), digest)
        return entry, [entry]
    entry = store.entry(base) if base else store.default_for_task(task)
    twin = entry.parameters.get(TWIN)
    candidates = [entry, *([store.entry(twin)] if twin else [])]
    for candidate in candidates:
        if candidate.task is not task:
            names = (one.value.replace("_", " ") for one in (candidate.task, task))
            raise InvalidRequest("{} is a {}, no {}".format(candidate.name, *names), field="base")
        candidate.read_bytes()  # refuses what is not the manifest's file
    return entry, candidates


def _checked(entry: ModelEntry, weights: dict[str, Tensor], shape: ReaderShape) -> ChosenBase:
    charset = Charset.from_metadata(metadata(entry.file))
    if charset.classes != shape.classes:
        raise ModelUnavailable(
            f"{entry.file} has {shape.classes} classes and {len(charset)} characters",
            reason="MODEL_CORRUPT",
        )
    return ChosenBase(entry, ReaderBase(weights, charset), entry.words)
