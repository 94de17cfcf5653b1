"""Finds the reader to fine-tune: a float twin, given by its model name or its file."""

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
    """The model to start from.

    Attributes:
        entry: manifest entry of the float twin; a made-up one if only a file was given.
        reader: weights and charset.
        words: its language model; None if it has none.
    """

    entry: ModelEntry
    reader: ReaderBase
    words: Path | None


def choose_base(store: ModelStore, base: str | None) -> ChosenBase:
    """Find the reader to start from.

    Args:
        store: the installed models.
        base: name of a model, or path of a float twin; None for the preferred reader. For an
            INT8 model its float twin is used.

    Raises:
        ModelUnavailable: there is no such model.
        InvalidRequest: there is no float twin to train from.
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
        f"cannot train from {entry.name}: it is not a float twin (an ONNX file with the weights "
        "under their names) and has none; `lipiyana models list` shows the installed models",
        field="base",
    )


def words_for_rendering(store: ModelStore, chosen: ChosenBase) -> Path | None:
    """Find a language model for rendering words, so that no script of the base is forgotten.

    A base that is only a file has none; then the installed reader's is used if the charsets are
    equal.

    Raises:
        ModelUnavailable: a file of the installed reader does not match the manifest.
    """
    if chosen.words:
        return chosen.words
    installed = store.default_for_task(Task.LINE_READER)
    if installed.charset_sha256 != chosen.reader.charset.sha256:
        return None
    installed.check()
    return installed.words


def base_candidates(
    store: ModelStore, base: str | None, task: Task
) -> tuple[ModelEntry, list[ModelEntry]]:
    """Find a base and the models that may have its weights: itself and its twin.

    Args:
        store: the installed models.
        base: name of a model, or path of an ONNX file, packed or not; None for the preferred one.
        task: the required task.

    Raises:
        ModelUnavailable: there is no such model, or a file of it does not match the manifest.
        InvalidRequest: the model is for another task.
    """
    if base is not None and model_suffix(Path(base)) == ".onnx":
        path = Path(base)
        if not path.is_file():
            raise ModelUnavailable(f"the file {path} does not exist")
        digest = hashlib.sha256(read_file(path, MAX_MODEL_BYTES)).hexdigest()
        name = Path(path.stem).stem if path.suffix in PACKED else path.stem
        entry = ModelEntry(name, task, path.resolve(), digest)
        return entry, [entry]
    entry = store.entry(base) if base else store.default_for_task(task)
    twin = entry.parameters.get(TWIN)
    candidates = [entry, *([store.entry(twin)] if twin else [])]
    for candidate in candidates:
        if candidate.task is not task:
            names = (one.value.replace("_", " ") for one in (candidate.task, task))
            message = "{} is a {}, not a {}".format(candidate.name, *names)
            raise InvalidRequest(message, field="base")
        candidate.check()  # raises if a file does not match the manifest
    return entry, candidates


def _checked(entry: ModelEntry, weights: dict[str, Tensor], shape: ReaderShape) -> ChosenBase:
    charset = Charset.from_metadata(metadata(entry.file))
    if charset.classes != shape.classes:
        raise ModelUnavailable(
            f"{entry.file} has {shape.classes} classes and {len(charset)} characters",
            reason="MODEL_CORRUPT",
        )
    return ChosenBase(entry, ReaderBase(weights, charset), entry.words)
