"""From a trained checkpoint to the files that ship: the float twin and the INT8 detector.

    python -m lipiyana.vehicles.training.export_detector --checkpoint runs/detector/last.pt \
        --pictures DIR --out models

Both take `images` (N, 3, S, S) as `vehicles.letterbox` makes them and give `boxes` (N, A, 4) in
pixels of the input and `scores` (N, A, classes); the decoding is inside. The float twin stores
its weights as fp16 under their state-dict names, with a cast to fp32 behind each, which ONNX
Runtime folds when it loads the file; training starts from it again without any other file.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from lipiyana.ocr.training.half_weights import store_as_half
from lipiyana.vehicles.letterbox import letterbox
from lipiyana.vehicles.training.batches import Canvases
from lipiyana.vehicles.training.checkpoints import load_weights
from lipiyana.vehicles.training.evaluation import (
    Floats,
    find,
    mean_ap50,
    predict_with_onnx,
    score,
)
from lipiyana.vehicles.training.labels import CLASSES
from lipiyana.vehicles.training.network import OUTPUT_LAYERS, DetectorNet
from lipiyana.vehicles.training.street_pictures import load_pictures

FLOAT_FILE = "vehicles.float.onnx"
INT8_FILE = "vehicles.int8.onnx"
SIZE = 416


class _WithScores(nn.Module):
    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        boxes, logits = self.net(images)
        return boxes, logits.sigmoid()


def load_checkpoint(path: Path) -> DetectorNet:
    """The averaged network of a training checkpoint (`.pt`) or of a float twin (`.onnx`)."""
    net = DetectorNet(len(CLASSES))
    net.load_state_dict(load_weights(path))
    return net.eval()


def export_float(net: DetectorNet, out: Path, size: int = SIZE) -> None:
    """Write the float twin, for any number of pictures of one size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _WithScores(net.eval()),
            (torch.zeros(2, 3, size, size),),
            str(out),
            input_names=["images"],
            output_names=["boxes", "scores"],
            dynamic_axes={name: {0: "pictures"} for name in ("images", "boxes", "scores")},
            opset_version=17,
            do_constant_folding=True,
            dynamo=False,
        )
    model = onnx.load(str(out))
    names = set(net.state_dict())
    lacking = names - store_as_half(model, lambda t: t.name.removeprefix("net.") in names)
    if lacking:
        raise ValueError(f"the exported graph lacks the weights {', '.join(sorted(lacking))}")
    _describe(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def _describe(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]
    helper.set_model_props(model, {"classes": "\n".join(CLASSES)})


def quantize(float_model: Path, out: Path, calibration: Iterator[Floats]) -> None:
    """Write the INT8 twin: static QDQ, per channel, unsigned activations, 7-bit weights.

    Seven bits keep the sums of CPUs without VNNI from saturating, at no cost in speed. The whole
    network is quantized, so that nothing is converted on the way, up to the layers that give
    boxes and scores: offsets and logarithms of sides in one tensor are too much for 256 levels.

    Args:
        float_model: the float twin.
        out: where the INT8 model goes.
        calibration: inputs (N, 3, S, S) as the model will see them.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, object] | None:
            images = next(calibration, None)
            return None if images is None else {"images": images}

    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(float_model), str(prepared), skip_symbolic_shape=True)
    stay_float = [n.name for n in onnx.load(str(prepared)).graph.node if not _in_network(n)]
    quantize_static(
        str(prepared),
        str(out),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Add", "Concat", "MaxPool", "Resize", "Relu"],
        nodes_to_exclude=stay_float,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
    model = onnx.load(str(out))
    _describe(model)
    onnx.save(model, str(out))


def _in_network(node: onnx.NodeProto) -> bool:
    # nodes are named by the modules that they come from
    modules = node.name.split("/")[2:-1]
    if len(modules) < 2:  # what a head does after its layers
        return modules in (["backbone"], ["pyramid"])
    return modules[-1] not in OUTPUT_LAYERS


def calibration_inputs(folder: Path, count: int, size: int = SIZE) -> Iterator[Floats]:
    """Training pictures of every source: as they are, and drawn as in training."""
    pictures = load_pictures(folder, "train")
    canvases = Canvases(pictures, size)
    rng = np.random.default_rng(0)
    for index in rng.permutation(len(pictures))[: count // 2]:
        yield letterbox(pictures[index].pixels(), size)[0][None]
        drawn = canvases.draw(rng, 0.0).pixels
        yield letterbox(drawn, size)[0][None]


def main() -> None:
    """Read the command line, export, quantize, and print AP50, AP50-95 and threshold by class."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="folder with meta.json")
    parser.add_argument("--out", type=Path, required=True, help="folder for both models")
    parser.add_argument("--calibration-pictures", type=int, default=200)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    export_float(load_checkpoint(args.checkpoint), args.out / FLOAT_FILE)
    inputs = calibration_inputs(args.pictures, args.calibration_pictures)
    quantize(args.out / FLOAT_FILE, args.out / INT8_FILE, inputs)
    validation = load_pictures(args.pictures, "validation")
    for name in (FLOAT_FILE, INT8_FILE):
        found = find(validation, predict_with_onnx(args.out / name), SIZE)
        scores = score(validation, found)
        sys.stdout.write(f"{name}\tmean\t{mean_ap50(scores):.4f}\n")
        for label, entry in scores.items():
            figures = f"{entry.ap50:.4f}\t{entry.ap:.4f}\t{entry.threshold:.2f}"
            sys.stdout.write(f"{name}\t{label}\t{figures}\n")


if __name__ == "__main__":
    main()
