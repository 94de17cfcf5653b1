"""Exports a trained checkpoint to the float twin and the INT8 reader that ship.

    python -m lipiyana.ocr.training.export_reader --checkpoint runs/reader/last.pt \
        --words DIR [--crops DIR] --out models

The float twin stores its weights under their state-dict names: those that the INT8 reader rounds
as the same 8-bit levels, the others as fp16 (see `stored_weights`). Training can start from this
file alone. For a reader that was trained with `--int8` the rounding is lossless; use `--half` for
other readers.

Both files are plain ONNX. The INT8 file ships as it is, the float twin is packed first:
`python -m lipiyana.runtime.packed models/reader.float.onnx`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from onnx import TensorProto
from torch import Tensor, nn

from lipiyana.learning.quantize.static import load_model, quantize_file
from lipiyana.learning.trainer.export import Signature, export_onnx
from lipiyana.learning.trainer.fake_quantization import computed_in_int8, lies_in_float_part
from lipiyana.learning.trainer.stored_weights import load_weights, store_as_half
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import BUCKET, HEIGHT
from lipiyana.ocr.scripts.label_order import AS_SEEN, ORDER_KEY
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.ocr.training.batches import BatchSource, SourceConfig
from lipiyana.ocr.training.evaluation import Floats, read_with_onnx, score_crops
from lipiyana.ocr.training.line_feature_output import add_line_feature, remove_line_feature
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape

FLOAT_FILE = "reader.float.onnx"
INT8_FILE = "reader.int8.onnx"


class _WithSoftmax(nn.Module):
    def __init__(self, net: LineReaderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        probabilities: Tensor = self.net(x).softmax(-1)
        return probabilities


def load_checkpoint(path: Path, charset: Charset) -> LineReaderNet:
    """Load the averaged network of a checkpoint (`.pt`) or a float twin (`.onnx`, `.onnx.xz`)."""
    net = LineReaderNet(ReaderShape(classes=charset.classes))
    net.load_state_dict(load_weights(path))
    return net.eval()


def export_float(net: LineReaderNet, charset: Charset, out: Path, *, rounded: bool = False) -> None:
    """Export the float twin: pixels (N, 3, 48, W) to probabilities (N, W / 4, classes).

    Its second output is `line_feature`, (N, 32).

    Args:
        net: the network.
        charset: charset of its classes.
        out: path of the file.
        rounded: store the weights of INT8 layers as the INT8 twin's 8-bit levels, which is
            lossless if `net` was trained with INT8 simulated; otherwise all as fp16.

    Raises:
        ValueError: two weights are equal.
    """
    export_onnx(
        _WithSoftmax(net.eval()),
        torch.zeros(2, 3, HEIGHT, 4 * BUCKET),
        out,
        Signature(
            {"pixels": {0: "lines", 3: "width"}}, {"probabilities": {0: "lines", 1: "steps"}}
        ),
        metadata=charset.to_metadata() | {"height": str(HEIGHT), ORDER_KEY: AS_SEEN},
        rounded=computed_in_int8 if rounded else None,
        fold_constants=False,
    )
    model = onnx.load(str(out))
    add_line_feature(model)
    onnx.save(model, str(out))


def quantize(float_model: Path, out: Path, calibration: Iterator[Floats]) -> None:
    """Write the INT8 twin, see `lipiyana.learning.quantize.static`; its second output is
    `line_feature`, (N, 32).

    These layers stay float, stored as fp16: the neck and the depthwise convolutions, which lose
    the most accuracy and gain no speed; the residual sums, for which 8 bits are too few; and the
    stem, the first three blocks and the squeezes, which would cost a third as much accuracy as
    all INT8 layers together and save 2 % of the time.

    Args:
        float_model: the float twin.
        out: path of the INT8 model.
        calibration: inputs (N, 3, 48, W), like those in use.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        model = load_model(float_model)
        remove_line_feature(model)
        onnx.save(model, str(plain))
        quantize_file(plain, out, calibration, ("Conv", "MatMul", "Gemm"), _stays_float)
    model = onnx.load(str(out))
    store_as_half(model, _is_float_weight)
    add_line_feature(model)
    onnx.save(model, str(out))


def _is_float_weight(tensor: onnx.TensorProto) -> bool:
    # one-axis tensors are quantizer scales, which must stay fp32, and biases
    return bool(tensor.data_type == TensorProto.FLOAT) and len(tensor.dims) > 1


def _stays_float(node: onnx.NodeProto) -> bool:
    # must agree with `fake_quantization.computed_in_int8`
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    return groups > 1 or lies_in_float_part(node.name.replace("/", "."))


def calibration_inputs(source: SourceConfig, batches: int) -> Iterator[Floats]:
    """Yield training lines of every script, rendered and (if `source` has crops) real."""
    weights = torch.full((len(SCRIPTS),), 1 / len(SCRIPTS), dtype=torch.float64)
    for batch, _ in zip(BatchSource(source, weights), range(batches), strict=False):
        yield batch.pixels[:8].numpy()


def main() -> None:
    """Run the command line: export, quantize, and print the scores of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--crops", type=Path, help="folder of real crops")
    parser.add_argument("--out", type=Path, required=True, help="folder for both models")
    parser.add_argument("--calibration-batches", type=int, default=40)
    parser.add_argument("--half", action="store_true", help="trained without --int8")
    args = parser.parse_args()

    charset = Charset.load()
    args.out.mkdir(parents=True, exist_ok=True)
    net = load_checkpoint(args.checkpoint, charset)
    export_float(net, charset, args.out / FLOAT_FILE, rounded=not args.half)
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
