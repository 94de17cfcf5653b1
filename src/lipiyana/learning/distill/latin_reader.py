"""Makes the reader of Latin lines: PP-OCRv6 small's recognizer with a head of few characters.

    python -m lipiyana.learning.distill.latin_reader --crops DIR --pool runs/line_pool --out FILE

The recognizer knows 18,708 characters, and its head holds 2.2 of its 5.3 million weights. Latin
lines need those of ASCII. Characters that the whole recognizer sees in training crops of other
scripts stay too: without them it would take such crops for Latin with confidence.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from lipiyana.arrays import RgbArray
from lipiyana.learning.trainer.stored_weights import store_as_bytes
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.training.real_crops import load_lines, load_pool
from lipiyana.runtime.session import Session
from lipiyana.runtime.store import ModelStore

WHOLE = "ppocrv6-small-line-reader"
SEEN = 0.02
"""Probability at any time step of any training crop from which a character stays."""

_LEVELS_FROM = 2000  # weights of a tensor
_HEAD_WEIGHTS, _HEAD_BIAS = "linear_8.w_0", "linear_8.b_0"
_ASCII = frozenset(map(chr, range(0x20, 0x7F)))


def classes_to_keep(session: Session, crops: Sequence[RgbArray]) -> list[int]:
    """Choose the classes: the blank, ASCII, and what the recognizer sees in `crops`."""
    highest = np.zeros(len(session.charset) + 1, np.float32)
    for crop in crops:
        (seen,) = session.run(line_input(crop)[None])
        np.maximum(highest, seen[0].max(0), out=highest)
    labels = ("", *session.charset)
    return [
        index
        for index, label in enumerate(labels)
        if index == 0 or label in _ASCII or (highest[index] > SEEN and len(label) == 1)
    ]


def cut_head(model: onnx.ModelProto, classes: Sequence[int], charset: Sequence[str]) -> None:
    """Keep some classes of the head; changes `model`.

    Args:
        model: the whole recognizer.
        classes: indices of the classes that stay, in order; 0, the blank, is among them.
        charset: the characters of classes 1, 2, ... of the whole recognizer.
    """
    kept: dict[str, npt.NDArray[np.float32]] = {}
    for tensor in model.graph.initializer:
        if tensor.name in {_HEAD_WEIGHTS, _HEAD_BIAS}:
            kept[tensor.name] = numpy_helper.to_array(tensor)[..., list(classes)]
            tensor.CopyFrom(numpy_helper.from_array(kept[tensor.name], tensor.name))
    if len(kept) != 2:
        raise ValueError("this is not the head of PP-OCRv6 small's recognizer")
    # shapes that the converter noted would contradict the smaller head
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = len(classes)
    del model.metadata_props[:]
    characters = "".join(charset[index - 1] for index in classes[1:])
    helper.set_model_props(model, {"charset": characters})


def _channel_axis(tensor: onnx.TensorProto) -> int | None:
    """The head and the linear layers are (input, output), the convolutions (output, input, ...)."""
    if np.prod(tensor.dims) < _LEVELS_FROM:
        return None
    return 1 if len(tensor.dims) == 2 else 0


def _crops(crops: Path, pool: Path | None) -> Iterator[RgbArray]:
    for _, image, _ in chain(load_lines(crops, "train"), load_pool(pool) if pool else ()):
        yield image


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--crops", type=Path, required=True, help="folder of real crops")
    parser.add_argument("--pool", type=Path, help="folder of more lines, of `line_pool`")
    parser.add_argument("--models", type=Path, help=f"folder of models with {WHOLE}")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    store = ModelStore(args.models)
    session = store.session(WHOLE)
    model = onnx.load_from_string(store.entry(WHOLE).read_bytes())
    cut_head(
        model,
        classes_to_keep(session, list(_crops(args.crops, args.pool))),
        session.charset,
    )
    store_as_bytes(model, _channel_axis)
    onnx.checker.check_model(model)
    onnx.save(model, str(args.out))


if __name__ == "__main__":
    main()
