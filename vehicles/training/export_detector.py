"""Exports a trained checkpoint to the float twin and the INT8 detector that ship.

    python -m lipiyana.vehicles.training.export_detector --checkpoint runs/detector/last.pt \
        --data DIR --out runs/detector_export

Inputs are `images` (N, 3, rows, columns), made by `vehicles.detection.letterbox`, with sides that
are multiples of its stride. Outputs are `boxes` (N, A, 4) in input pixels and `scores` (N, A,
classes); the decoding is part of the graph. The metadata has `--size`, the longer side used in
serving.

The float twin stores its weights under their state-dict names: those that the INT8 detector rounds
as the same 8-bit levels, the others as fp16. Training can start from this file alone. For a
detector that was trained with `--int8` the rounding is lossless. Others may lose by it: an early
version lost a point of mean AP50, version 0.11.0 nothing. `--half` stores all weights as fp16.

Both files are plain ONNX. The manifest beside them has the calibration curves of their scores,
fitted on the selection part. The INT8 file ships as it is, the float twin is packed first:
`python -m lipiyana.runtime.packed models/vehicles.float.onnx`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from lipiyana.learning.quantize.static import quantize_file
from lipiyana.learning.trainer.export import Signature, export_onnx
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.runtime.manifest import Task
from lipiyana.vehicles.detection.letterbox import STRIDE, InputShape, letterbox
from lipiyana.vehicles.detection.network import Curve
from lipiyana.vehicles.training.calibration import calibration_error, fit, judge
from lipiyana.vehicles.training.data.canvases import SIZE, Canvases
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, load_part, load_signs
from lipiyana.vehicles.training.evaluation import Floats, find, mean_ap50, predict_with_onnx, score
from lipiyana.vehicles.training.fake_quantization import computed_in_int8
from lipiyana.vehicles.training.network import FIRST_LAYERS, OUTPUT_LAYERS, DetectorNet
from lipiyana.vehicles.training.starting_weights import widened

FLOAT_FILE = "vehicles.float.onnx"
INT8_FILE = "vehicles.int8.onnx"


class _WithScores(nn.Module):
    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        boxes, logits = self.net(images)
        return boxes, logits.sigmoid()


def load_checkpoint(path: Path) -> DetectorNet:
    """Load the averaged network of a checkpoint (`.pt`) or a float twin (`.onnx`, `.onnx.xz`)."""
    net = DetectorNet(len(CLASSES))
    net.load_state_dict(widened(net, load_weights(path)))
    return net.eval()


def export_float(
    net: DetectorNet,
    out: Path,
    size: int = SIZE,
    *,
    rounded: bool = False,
    classes: Sequence[str] = CLASSES,
) -> None:
    """Export the float twin, with dynamic batch size and input shape.

    Args:
        net: the network.
        out: path of the file.
        size: the longer input side in serving, for the metadata.
        rounded: store the weights of INT8 layers as the INT8 twin's 8-bit levels, which is
            lossless if `net` was trained with INT8 simulated; otherwise all as fp16.
        classes: class names in the order of its scores.

    Raises:
        ValueError: two weights are equal.
    """
    anchors = {0: "pictures", 1: "anchors"}
    export_onnx(
        _WithScores(net.eval()),
        torch.zeros(2, 3, 2 * STRIDE, 3 * STRIDE),
        out,
        Signature(
            {"images": {0: "pictures", 2: "rows", 3: "columns"}},
            {"boxes": anchors, "scores": anchors},
        ),
        metadata={"classes": "\n".join(classes), "input_size": str(size)},
        rounded=computed_in_int8 if rounded else None,
    )


def quantize(float_model: Path, out: Path, calibration: Iterator[Floats]) -> None:
    """Write the INT8 twin, see `lipiyana.learning.quantize.static`.

    Everything between `FIRST_LAYERS` and the output layers is quantized without gaps, so that no
    values are converted in between. The output layers stay float: 256 levels are too few for
    offsets and logarithms of sides in one tensor.

    Args:
        float_model: the float twin.
        out: path of the INT8 model.
        calibration: inputs (N, 3, rows, columns), like those in use.
    """
    operators = ("Conv", "Add", "Concat", "MaxPool", "Resize", "Relu")
    quantize_file(float_model, out, calibration, operators, _stays_float)


def _stays_float(node: onnx.NodeProto) -> bool:
    modules = node.name.split("/")[2:-1]
    if len(modules) < 2:  # nodes of a head outside of its layers
        return modules not in (["backbone"], ["pyramid"])
    if modules[0] == "backbone" and not set(FIRST_LAYERS).isdisjoint(modules):
        return True
    return modules[-1] in OUTPUT_LAYERS


def calibration_inputs(
    pictures: Sequence[StreetPicture],
    count: int,
    shape: InputShape,
    seed: int | Sequence[int] = 0,
) -> Iterator[Floats]:
    """Yield `count` (even) inputs (1, 3, rows, columns), alternating between unchanged pictures
    and augmented canvases; pictures repeat if there are too few.
    """
    canvases = Canvases(pictures, shape.size)
    rng = np.random.default_rng(seed)
    for index in np.resize(rng.permutation(len(pictures)), count // 2).tolist():
        yield letterbox(pictures[index].pixels(), shape)[0][None]
        yield letterbox(canvases.draw(rng, 0.0).pixels, shape)[0][None]


def manifest_of(out: Path, curves: Mapping[str, Mapping[str, Curve]], version: str) -> str:
    """Make the `manifest.toml` of both files.

    Args:
        out: their folder.
        curves: calibration curves by file and class; the INT8 scores are lower.
        version: version of the models.
    """
    sections = []
    for name, other, file in (
        ("vehicles-int8", "vehicles-float", INT8_FILE),
        ("vehicles-float", "vehicles-int8", FLOAT_FILE),
    ):
        facts = {
            "name": name,
            "task": Task.VEHICLE_DETECTOR.value,
            "version": version,
            "file": file,
            "sha256": hashlib.sha256((out / file).read_bytes()).hexdigest(),
            "licence": "Apache-2.0",
            "data": "street pictures and photos of signs of India, Bangladesh and Nepal "
            "(their sources are in the card), from YOLOX-nano's weights",
            "card": "vehicles.md",
        }
        lines = ["[[model]]", *(f"{key} = {json.dumps(value)}" for key, value in facts.items())]
        lines += ["", "[model.parameters]", f"twin = {json.dumps(other)}", ""]
        lines.append("[model.parameters.calibration]")
        lines += [f"{label} = {json.dumps(pairs)}" for label, pairs in curves[file].items()]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def main() -> None:
    """Run the command line: export, quantize, calibrate, print the scores on selection."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with vehicles and signs")
    parser.add_argument("--out", type=Path, required=True, help="folder for both models")
    parser.add_argument("--calibration-pictures", type=int, default=200)
    parser.add_argument("--size", type=int, default=SIZE, help="the longer side of an input")
    parser.add_argument("--version", default="0", help="version of the models in the manifest")
    parser.add_argument("--half", action="store_true", help="keep all weights in fp16")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    net, shape = load_checkpoint(args.checkpoint), InputShape(args.size)
    export_float(net, args.out / FLOAT_FILE, shape.size, rounded=not args.half)
    training = load_part(args.data, "train")
    inputs = calibration_inputs(training, args.calibration_pictures, shape)
    quantize(args.out / FLOAT_FILE, args.out / INT8_FILE, inputs)
    pictures, signs = load_part(args.data, "selection"), load_signs(args.data, "selection")
    curves: dict[str, Mapping[str, Curve]] = {}
    for name in (FLOAT_FILE, INT8_FILE):
        predict = predict_with_onnx(args.out / name)
        found, empty = find(pictures, predict, shape), find(signs, predict, shape)
        scores = score(pictures, found)
        judged = judge([*pictures, *signs], [*found, *empty])
        curves[name] = fit(judged)
        error = calibration_error(judged, curves[name])
        sys.stdout.write(f"{name}\tmean AP50 {mean_ap50(scores):.4f}\tECE {error:.4f}\n")
        for label, entry in scores.items():
            figures = f"{entry.ap50:.4f}\t{entry.ap:.4f}\t{entry.objects}"
            sys.stdout.write(f"{name}\t{label}\t{figures}\n")
    text = manifest_of(args.out, curves, args.version)
    (args.out / "manifest.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
