"""From a trained checkpoint to the files that ship: the float twin and the INT8 reader.

    python -m lipiyana.ocr.training.export_reader --checkpoint runs/reader/last.pt \
        --words DIR [--crops DIR] --out models

The float twin stores its weights as fp16 under their state-dict names, with a cast to fp32
behind each, which ONNX Runtime folds when it loads the file; training starts from it again
without any other file.
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
from onnx import TensorProto, helper
from torch import Tensor, nn

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.label_order import AS_SEEN, ORDER_KEY
from lipiyana.ocr.line_input import BUCKET, HEIGHT
from lipiyana.ocr.scripts import SCRIPTS
from lipiyana.ocr.training.batches import BatchSource, SourceConfig
from lipiyana.ocr.training.checkpoints import load_weights
from lipiyana.ocr.training.evaluation import Floats, read_with_onnx, score_crops
from lipiyana.ocr.training.half_weights import store_as_half
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape

FLOAT_FILE = "reader.float.onnx"
INT8_FILE = "reader.int8.onnx"
# a scale of a quantizer must stay as it is, and its file would not get smaller
_WORTH_HALVING = 1024


class _WithSoftmax(nn.Module):
    def __init__(self, net: LineReaderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        probabilities: Tensor = self.net(x).softmax(-1)
        return probabilities


def load_checkpoint(path: Path, charset: Charset) -> LineReaderNet:
    """The averaged network of a training checkpoint (`.pt`) or of a float twin (`.onnx`)."""
    net = LineReaderNet(ReaderShape(classes=charset.classes))
    net.load_state_dict(load_weights(path))
    return net.eval()


def export_float(net: LineReaderNet, charset: Charset, out: Path) -> None:
    """Write the float twin: pixels (N, 3, 48, W) to probabilities (N, W / 4, classes)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _WithSoftmax(net.eval()),
            (torch.zeros(2, 3, HEIGHT, 4 * BUCKET),),
            str(out),
            input_names=["pixels"],
            output_names=["probabilities"],
            dynamic_axes={
                "pixels": {0: "lines", 3: "width"},
                "probabilities": {0: "lines", 1: "steps"},
            },
            opset_version=17,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load(str(out))
    store_as_half(model, _is_float)
    _describe(model, charset)
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def _is_float(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_type == TensorProto.FLOAT)


def _is_worth_halving(tensor: onnx.TensorProto) -> bool:
    return _is_float(tensor) and bool(np.prod(tensor.dims) >= _WORTH_HALVING)


def _describe(model: onnx.ModelProto, charset: Charset) -> None:
    del model.metadata_props[:]
    helper.set_model_props(
        model, charset.to_metadata() | {"height": str(HEIGHT), ORDER_KEY: AS_SEEN}
    )


def quantize(float_model: Path, out: Path, calibration: Iterator[Floats]) -> None:
    """Write the INT8 twin: static QDQ, per channel, unsigned activations, 7-bit weights.

    Seven bits keep the sums of CPUs without VNNI from saturating, at no cost in speed. The neck
    and the depthwise convolutions stay float: they lose most, and gain nothing in time. What
    stays float is stored as fp16.

    Args:
        float_model: the float twin.
        out: where the INT8 model goes.
        calibration: inputs (N, 3, 48, W) as the model will see them.
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
            pixels = next(calibration, None)
            return None if pixels is None else {"pixels": pixels}

    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(float_model), str(prepared), skip_symbolic_shape=True)
    stay_float = [n.name for n in onnx.load(str(prepared)).graph.node if _stays_float(n)]
    quantize_static(
        str(prepared),
        str(out),
        Reader(),
        quant_format=QuantFormat.QDQ,
        # the sums of blocks stay float: eight bits are too few for them, and they cost no time
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        nodes_to_exclude=stay_float,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
    model = onnx.load(str(out))
    store_as_half(model, _is_worth_halving)
    onnx.save(model, str(out))


def _stays_float(node: onnx.NodeProto) -> bool:
    # as `fake_quantization.computed_in_int8` has it for the layers
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    return groups > 1 or "/neck/" in node.name


def calibration_inputs(source: SourceConfig, batches: int) -> Iterator[Floats]:
    """Training lines of every script, rendered and (where `source` has crops) real."""
    weights = torch.full((len(SCRIPTS),), 1 / len(SCRIPTS), dtype=torch.float64)
    for batch, _ in zip(BatchSource(source, weights), range(batches), strict=False):
        yield batch.pixels[:8].numpy()


def main() -> None:
    """Read the command line, export, quantize, and print the scores of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--crops", type=Path, help="folder of real crops")
    parser.add_argument("--out", type=Path, required=True, help="folder for both models")
    parser.add_argument("--calibration-batches", type=int, default=40)
    args = parser.parse_args()

    charset = Charset.load()
    args.out.mkdir(parents=True, exist_ok=True)
    export_float(load_checkpoint(args.checkpoint, charset), charset, args.out / FLOAT_FILE)
    source = SourceConfig(
        words=args.words, crops=args.crops, real_share=0.5 if args.crops else 0.0, seed=1
    )
    inputs = calibration_inputs(source, args.calibration_batches)
    quantize(args.out / FLOAT_FILE, args.out / INT8_FILE, inputs)
    if args.crops:
        for name in (FLOAT_FILE, INT8_FILE):
            for folder, score in score_crops(
                read_with_onnx(args.out / name), charset, args.crops
            ).items():
                sys.stdout.write(f"{name}\t{folder}\t{score.exact:.4f}\t{score.cer:.4f}\n")


if __name__ == "__main__":
    main()
