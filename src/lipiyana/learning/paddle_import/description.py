"""Reads the description of a Paddle model's folder: `inference.yml` and the network's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_SETTINGS_BYTES, read_text
from lipiyana.runtime.manifest import Task

_NETWORKS = ("inference.json", "inference.pdmodel")
_PARAMETERS = "inference.pdiparams"
_DESCRIPTION = "inference.yml"
_HEIGHT = 48
_HALF = ((0.5,) * 3, (0.5,) * 3)
_TASKS = {"CTCLabelDecode": Task.LINE_READER, "DBPostProcess": Task.TEXT_DETECTOR}

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PaddleModel:
    """A Paddle model in a folder.

    Attributes:
        name: name in the description, else that of the folder.
        task: task of the model.
        network: `inference.json` (Paddle 3) or `inference.pdmodel` (Paddle 2).
        parameters: `inference.pdiparams`.
        characters: characters of a recognizer, in the order of its classes from 1 on, without
            the final space.
        mean, deviation: normalization of the input, for pixels from 0 to 1.
        rgb: whether the channel order is RGB; PP-OCR models use BGR.
    """

    name: str
    task: Task
    network: Path
    parameters: Path
    characters: tuple[str, ...]
    mean: Triple
    deviation: Triple
    rgb: bool


def describe(folder: Path, characters: Path | None = None, task: Task | None = None) -> PaddleModel:
    """Read the description of a model.

    Args:
        folder: has the network, its parameters and, except for old exports, `inference.yml`.
        characters: file with one character a line, if the description lists none.
        task: task, if there is no description.

    Raises:
        NotFound: the network or its parameters are missing.
        InvalidRequest: the description is invalid, or needs an unsupported step.
    """
    network = next((folder / name for name in _NETWORKS if (folder / name).is_file()), None)
    if network is None:
        raise NotFound(f"{folder} has neither {' nor '.join(_NETWORKS)}")
    if not (folder / _PARAMETERS).is_file():
        raise NotFound(f"{folder} has no {_PARAMETERS}, the weights of {network.name}")
    stated = _read(folder / _DESCRIPTION)
    found = _task(folder, stated, task)
    steps = _steps(folder, stated)
    mean, deviation = _normalization(folder, steps, found)
    if found is Task.LINE_READER:
        _require_height(folder, steps)
    return PaddleModel(
        name=str(stated.get("Global", {}).get("model_name") or folder.resolve().name),
        task=found,
        network=network,
        parameters=folder / _PARAMETERS,
        characters=_characters(folder, stated, characters) if found is Task.LINE_READER else (),
        mean=mean,
        deviation=deviation,
        rgb=str(steps.get("DecodeImage", {}).get("img_mode", "BGR")).upper() == "RGB",
    )


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        stated = yaml.safe_load(read_text(path, max_bytes=MAX_SETTINGS_BYTES))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _wrong(path.parent, f"it is not valid YAML ({error})") from None
    if not isinstance(stated, Mapping):
        raise _wrong(path.parent, "it is not a mapping")
    return stated


def _task(folder: Path, stated: Mapping[str, Any], task: Task | None) -> Task:
    name = stated.get("PostProcess", {}).get("name")
    if name in _TASKS:
        return _TASKS[name]
    if name is not None:
        raise _wrong(folder, f"its post-processing is {name}; supported: {', '.join(_TASKS)}")
    if task is None:
        raise InvalidRequest(
            f"{folder} has no {_DESCRIPTION} that states the model's task; give it with --task "
            "(line_reader or text_detector)",
            field="task",
        )
    return task


def _steps(folder: Path, stated: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = stated.get("PreProcess", {}).get("transform_ops", [])
    if not isinstance(listed, list) or not all(isinstance(step, Mapping) for step in listed):
        raise _wrong(folder, "its transform_ops are not a list of steps")
    return {name: step[name] or {} for step in listed for name in step}


def _normalization(
    folder: Path, steps: Mapping[str, Mapping[str, Any]], task: Task
) -> tuple[Triple, Triple]:
    stated = steps.get("NormalizeImage")
    if stated is None or task is Task.LINE_READER:  # recognizers normalize in the resizing step
        return _HALF if task is Task.LINE_READER or not steps else _IMAGENET
    try:
        mean, deviation = (_triple(stated[key]) for key in ("mean", "std"))
        scale = stated.get("scale", "1./255.")
        if abs(_fraction(scale) * 255 - 1) > 1e-3:
            raise ValueError(f"a scale of {scale}")
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(folder, f"its NormalizeImage is not supported ({error})") from None
    return mean, deviation


_IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _fraction(value: object) -> float:
    """Parse a fraction, which Paddle writes as `1./255.`, or a number."""
    above, _, below = str(value).strip().partition("/")
    return float(above) / (float(below) if below else 1.0)


def _triple(values: Any) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third


def _require_height(folder: Path, steps: Mapping[str, Mapping[str, Any]]) -> None:
    shape = steps.get("RecResizeImg", {}).get("image_shape", [3, _HEIGHT, 320])
    if list(shape[:2]) != [3, _HEIGHT]:
        raise _wrong(
            folder, f"its lines are {shape[1]} pixels high; readers here need {_HEIGHT}, in colour"
        )


def _characters(folder: Path, stated: Mapping[str, Any], file: Path | None) -> tuple[str, ...]:
    listed = stated.get("PostProcess", {}).get("character_dict")
    if file is not None:
        try:
            listed = read_text(file, max_bytes=MAX_SETTINGS_BYTES).removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"{file} cannot be read: {error}", field="characters") from None
    if not isinstance(listed, list) or not listed:
        raise InvalidRequest(
            f"{folder} lists no characters; give a file with one a line by --characters",
            field="characters",
        )
    return tuple(str(character).rstrip("\r") for character in listed)


def _wrong(folder: Path, why: str) -> InvalidRequest:
    return InvalidRequest(f"{folder / _DESCRIPTION} cannot be used: {why}", field="model")
