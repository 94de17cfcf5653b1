"""Converts a Paddle model, adapts its input, checks, quantizes and registers it.

Paddle runs in a process of its own, which converts to ONNX and downloads models by their names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from lipiyana.errors import InvalidRequest, MissingExtra, ModelUnavailable, NotFound, Unavailable
from lipiyana.learning.paddle_import.description import PaddleModel
from lipiyana.learning.quantize.floor import require_answers
from lipiyana.learning.quantize.search import Quantized, open_file, quantize_within
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.runtime.manifest import ModelEntry, Task, charset_digest
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.timings import TWIN

Floats = npt.NDArray[np.float32]

PYTHON_VARIABLE = "LIPIYANA_PADDLE_PYTHON"
"""Environment variable with the interpreter that has paddlepaddle and paddle2onnx."""

INT8_SUFFIX = "-int8"

_LEAST_AGREEMENT = 0.95
_SCRIPT = Path(__file__).with_name("convert_script.py")
_TIMEOUT = 1800.0
_SHOWN = 800  # characters of the process's output in an error message


@dataclass(frozen=True, slots=True)
class Imported:
    """Outcome of an import.

    Attributes:
        models: the new manifest entries, the preferred one first.
        quantized: scores of the INT8 twin; None if there is none.
        milliseconds: run times of the float model and, if there is one, the INT8 model.
        versions: versions of the packages that converted the model.
    """

    models: tuple[ModelEntry, ...]
    quantized: Quantized | None
    milliseconds: tuple[float, ...]
    versions: dict[str, str]


def import_paddle(
    model: PaddleModel,
    out: Path,
    python: str,
    inputs: Sequence[Floats] = (),
    *,
    licence: str = "",
    on_step: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Register a Paddle model in a folder of models.

    Args:
        model: from `description.describe`.
        out: output folder for the models.
        python: interpreter with Paddle, see `interpreter`.
        inputs: calibration batches; at least two to make an INT8 twin.
        licence: SPDX expression of the makers' licence.
        on_step: called with a short text before each step.

    Raises:
        MissingExtra: the interpreter has no Paddle.
        ModelUnavailable: the model cannot be converted, contradicts its description, or finds
            nothing in any input.
        InvalidRequest: the folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        on_step("converting")
        versions = convert(python, model.network, model.parameters, work / "raw.onnx")
        on_step("checking")
        adapted = work / "float.onnx"
        adapt(work / "raw.onnx", model, adapted)
        check(adapted, model)
        files, quantized = [adapted], None
        if len(inputs) > 1:
            small = work / "int8.onnx"
            quantized = quantize_within(adapted, small, model.task, inputs, on_step=on_step)
            require_answers(model.name, quantized.says_nothing)
            files.append(small)
        sessions = [open_file(file, model.task) for file in files]
        milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
        good = quantized is not None and quantized.agreement >= _LEAST_AGREEMENT
        new = list(_new_models(model, files if good else files[:1], licence, versions))
        if good and milliseconds[1] < milliseconds[0]:
            new.reverse()
        on_step("registering")
        return Imported(add_models(out, new), quantized, milliseconds, versions)


def adapt(raw: Path, model: PaddleModel, out: Path) -> None:
    """Make a converted model accept this project's input: BGR from -1 to 1.

    Layers for another mean, deviation or channel order are put before the graph. The characters
    of a recognizer are written to the metadata.
    """
    network = onnx.load(str(raw))
    graph = network.graph
    entrance = graph.input[0].name
    steps = []
    current = "pixels"
    if model.rgb:
        order = numpy_helper.from_array(np.array([2, 1, 0], np.int64), "colour_order")
        graph.initializer.append(order)
        steps.append(helper.make_node("Gather", [current, order.name], ["rgb"], "rgb", axis=1))
        current = "rgb"
    mean, deviation = (np.array(v, np.float32) for v in (model.mean, model.deviation))
    if not (np.allclose(mean, 0.5) and np.allclose(deviation, 0.5)):
        # (x / 2 + 1 / 2 - mean) / deviation
        for name, kind, value in (
            ("input_scale", "Mul", 0.5 / deviation),
            ("input_shift", "Add", (0.5 - mean) / deviation),
        ):
            constant = numpy_helper.from_array(value.reshape(1, 3, 1, 1).astype(np.float32), name)
            graph.initializer.append(constant)
            made = f"{name}ed"
            steps.append(helper.make_node(kind, [current, name], [made], name))
            current = made
    for node in graph.node:
        for index, operand in enumerate(node.input):
            if operand == entrance:
                node.input[index] = current
    graph.input[0].name = "pixels"
    nodes = [*steps, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del network.metadata_props[:]
    if model.characters:
        helper.set_model_props(network, {"character": "\n".join(model.characters)})
    onnx.checker.check_model(network)
    onnx.save(network, str(out))


def check(file: Path, model: PaddleModel) -> None:
    """Run the model once and check that its output fits its task.

    Raises:
        ModelUnavailable: it does not fit (MODEL_CORRUPT).
    """
    session = open_file(file, model.task)
    batch = typical_input(session)
    answers = session.run(batch)
    if model.task is Task.TEXT_DETECTOR:
        if answers[0].shape != (1, 1, *batch.shape[2:]):
            raise _corrupt(
                model, f"its output is {answers[0].shape}, not a map of {batch.shape[2:]}"
            )
        return
    probabilities = answers[0]
    classes = len(session.charset) + 1
    if probabilities.ndim != 3 or probabilities.shape[2] != classes:
        raise _corrupt(
            model,
            f"its output is {probabilities.shape}, but it needs {classes} classes: the blank, its "
            f"{len(model.characters)} characters and the space",
        )
    if not np.allclose(probabilities.sum(axis=2), 1, atol=1e-3):
        raise _corrupt(model, "its outputs are not probabilities; export it with its softmax")


def _corrupt(model: PaddleModel, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"{model.name} contradicts its description: {why}", reason="MODEL_CORRUPT"
    )


def _new_models(
    model: PaddleModel, files: Sequence[Path], licence: str, versions: dict[str, str]
) -> list[NewModel]:
    characters = (*model.characters, " ") if model.characters else ()
    names = (model.name, model.name + INT8_SUFFIX)
    # an imported reader should read alone, without the specialist for Latin
    own = {"latin_specialist": False} if model.task is Task.LINE_READER else {}
    tools = ", ".join(f"{name} {version}" for name, version in versions.items())
    card = (
        f"# {model.name}\n\nImported from {model.network.name} with {tools}. See its makers' "
        "documentation for training data and scores.\n"
    )
    return [
        NewModel(
            name=name,
            task=model.task,
            file=file,
            version="paddle",
            licence=licence,
            data="see the makers' model card",
            card=card,
            charset_sha256=charset_digest(characters) if characters else "",
            parameters=own | ({TWIN: other} if len(files) > 1 else {}),
        )
        for name, other, file in zip(names, reversed(names), files, strict=False)
    ]


def interpreter(python: Path | None) -> str:
    """Choose the interpreter: `python`, the one in the environment variable, or the current one.

    Raises:
        NotFound: the file does not exist.
    """
    chosen = str(python) if python else os.environ.get(PYTHON_VARIABLE) or sys.executable
    if not Path(chosen).is_file():
        raise NotFound(f"the interpreter {chosen} does not exist")
    return chosen


def convert(python: str, model: Path, parameters: Path, out: Path) -> dict[str, str]:
    """Convert an inference model; return the versions of the packages that did it.

    Raises:
        MissingExtra: the interpreter has no Paddle.
        ModelUnavailable: Paddle cannot read or convert the model (MODEL_CORRUPT).
    """
    answer = _ask(python, "convert", str(model), str(parameters), str(out))
    if "error" in answer or not out.is_file():
        raise ModelUnavailable(
            f"Paddle cannot convert {model}: {answer.get('error', 'it wrote nothing')}",
            reason="MODEL_CORRUPT",
        )
    versions: dict[str, str] = answer["versions"]
    return versions


def fetch(python: str, name: str) -> Path:
    """Find a PaddleOCR model by its name; download it if needed.

    Raises:
        MissingExtra: the interpreter has no paddleocr.
        Unavailable: it cannot be downloaded.
        InvalidRequest: PaddleOCR has no such model.
    """
    answer = _ask(python, "fetch", name)
    if "folder" in answer:
        return Path(answer["folder"])
    error = str(answer.get("error", ""))
    if "KeyError" in error or "not found" in error.lower() or "unknown" in error.lower():
        raise InvalidRequest(f"PaddleOCR has no model {name!r}: {error}", field="model")
    raise Unavailable(
        f"{name} is not on this machine and cannot be downloaded ({error}); let paddleocr download "
        "it on a machine with network access, and give its folder instead of the name"
    )


def _ask(python: str, *arguments: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own interpreter, no shell
            [python, str(_SCRIPT), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    lines = done.stdout.strip().splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        output = (done.stderr or done.stdout).strip()[-_SHOWN:]
        return {"error": f"it ended with exit status {done.returncode}: {output}"}
    if "missing" in answer:
        raise MissingExtra(
            f"{python} has no {answer['missing']}: install paddlepaddle, paddle2onnx and paddleocr "
            "in a separate environment (their pinned versions conflict with those here) and name "
            f"its interpreter by --python or {PYTHON_VARIABLE}",
            extra="paddle",
        )
    return answer
