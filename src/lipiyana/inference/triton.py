"""A model repository for Triton: a folder for each model, with its settings and its ONNX file.

Other servers of the protocol take the same ONNX files; only `config.pbtxt` is Triton's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.files import write_atomically
from lipiyana.inference.agreement import DIGEST
from lipiyana.inference.options import Accelerator
from lipiyana.inference.tensors import DATATYPES
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import writing_to
from lipiyana.runtime.session import ModelHeader, Tensor, read_header
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN

MAX_BATCH = {Task.LINE_READER: 32}
"""Rows of one run, by task; lines of several pictures are joined."""

MAX_DETECTOR_BATCH = 8
"""The same of detectors, whose pictures are large: about 0.1 GB of activations each."""

_QUANTIZED = b"QuantizeLinear"
"""Operator that every model of 8-bit integers has."""

_ACCELERATORS = {
    Accelerator.TENSORRT_FP16: """optimization {
  execution_accelerators {
    gpu_execution_accelerator {
      name: "tensorrt"
      parameters { key: "precision_mode" value: "FP16" }
    }
  }
}
""",
    Accelerator.OPENVINO: """optimization {
  execution_accelerators {
    cpu_execution_accelerator { name: "openvino" }
  }
}
""",
}


def export_repository(
    store: ModelStore,
    used: Iterable[ModelEntry],
    folder: Path,
    accelerator: Accelerator = Accelerator.NONE,
    instances: int = 1,
) -> list[str]:
    """Write a repository.

    Accelerators get the float model of two twins: FP16 has no use for 8-bit integers, and OpenVINO
    computes them otherwise than ONNX Runtime.

    Args:
        store: knows the twins.
        used: the models that reading takes.
        folder: is created; must be empty if it exists.
        accelerator: what Triton's ONNX Runtime uses.
        instances: of each model, which run at the same time.

    Returns:
        The names of the models.

    Raises:
        InvalidRequest: the folder is not empty, or cannot be written.
        ModelUnavailable: a model is not intact.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidRequest(
            f"{folder} is not empty; name a new folder: Triton serves whatever lies in it",
            field="folder",
        )
    names = []
    for entry in used:
        chosen, model = _chosen(store, entry, floats=accelerator is not Accelerator.NONE)
        settings = config(chosen, read_header(chosen, model), accelerator, instances)
        with writing_to(folder):
            version = folder / chosen.name / "1"
            version.mkdir(parents=True, exist_ok=True)
            write_atomically(version / "model.onnx", model)
            write_atomically(version.parent / "config.pbtxt", settings.encode())
        names.append(chosen.name)
    return names


def _chosen(store: ModelStore, entry: ModelEntry, *, floats: bool) -> tuple[ModelEntry, bytes]:
    """Give the model or, if floats are wanted, its twin that has them; and its unpacked file."""
    model = entry.read_bytes()
    twin = entry.parameters.get(TWIN)
    if floats and twin and _QUANTIZED in model:
        other = store.entry(twin)
        return other, other.read_bytes()
    return entry, model


def config(entry: ModelEntry, header: ModelHeader, accelerator: Accelerator, instances: int) -> str:
    """Write the `config.pbtxt` of a model."""
    tensors = (*header.inputs, *header.outputs)
    batch = 0
    if all(tensor.shape[:1] == (None,) for tensor in tensors):
        batch = MAX_BATCH.get(entry.task, MAX_DETECTOR_BATCH)
    kind = "KIND_GPU" if accelerator is Accelerator.TENSORRT_FP16 else "KIND_CPU"
    parts = [
        f'name: "{entry.name}"\n',
        'backend: "onnxruntime"\n',
        f"max_batch_size: {batch}\n",
        *_tensors("input", header.inputs, batch),
        *_tensors("output", header.outputs, batch),
        # runs of other pictures that wait are joined; none waits for others to come
        "dynamic_batching { }\n" if batch else "",
        f"instance_group {{ count: {instances} kind: {kind} }}\n",
        _ACCELERATORS.get(accelerator, ""),
        f'parameters {{ key: "{DIGEST}" value {{ string_value: "{entry.sha256}" }} }}\n',
    ]
    return "".join(parts)


def _tensors(kind: str, tensors: Sequence[Tensor], batch: int) -> Iterable[str]:
    for tensor in tensors:
        sizes = tensor.shape[1:] if batch else tensor.shape
        dims = ", ".join("-1" if size is None else str(size) for size in sizes)
        data_type = f"TYPE_{DATATYPES[tensor.kind]}"
        yield f'{kind} {{ name: "{tensor.name}" data_type: {data_type} dims: [{dims}] }}\n'
