"""Exports a trained text detector and its INT8 twin into a folder of models.

    python -m lipiyana.learning.distill.export_text_detector --pool runs/text_detector/pool \
        --checkpoint runs/text_detector_int8/last.pt --out runs/text_detector_export

With `--half` it writes the float file alone, with weights in fp16, from which training continues.
`benchmarks/reader/text_detectors.py --models runs/text_detector_export` compares it with the
installed detector.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import torch

from lipiyana.learning.distill.finishing import export_student, quantize_student
from lipiyana.learning.distill.network import TextStudent
from lipiyana.learning.distill.pictures.pool import PoolPicture
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, twins
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models

NAME = "text-detector"


def load_checkpoint(path: Path) -> TextStudent:
    """Load the moving average of a run."""
    net = TextStudent()
    state = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(state["average"])
    return net.eval()


def calibration_pictures(pool: Path) -> list[PoolPicture]:
    """List the pictures of a pool in a random order that is always the same."""
    pictures = [PoolPicture(map_.with_suffix(".jpg"), map_) for map_ in sorted(pool.glob("*.png"))]
    random.Random(0).shuffle(pictures)
    return pictures


def main() -> None:
    """Run the command line: export, quantize, register in `--out`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pool", type=Path, required=True, help="labelled pictures of the run")
    parser.add_argument("--out", type=Path, required=True, help="folder for both models")
    parser.add_argument("--version", default="0", help="version of the models in the manifest")
    parser.add_argument("--half", action="store_true", help="only the float file, in fp16")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    twin, small = args.out / "float.onnx", args.out / "int8.onnx"
    export_student(load_checkpoint(args.checkpoint), twin, rounded=not args.half)
    if args.half:
        return
    agreement = quantize_student(twin, small, calibration_pictures(args.pool))
    sys.stdout.write(f"agreement of INT8 with float: {agreement:.4f}\n")
    models = [
        NewModel(
            name,
            Task.TEXT_DETECTOR,
            file,
            args.version,
            "Apache-2.0",
            "photos of signs and streets of India, Bangladesh and Nepal (their sources are in the "
            "card) and rendered pictures; PP-OCRv6 small was the teacher",
            "The card of this model is text_detector.md of the project.\n",
        )
        for name, file in ((NAME + FLOAT_SUFFIX, twin), (NAME, small))
    ]
    add_models(args.out, twins(*models, good=True, faster=True))


if __name__ == "__main__":
    main()
