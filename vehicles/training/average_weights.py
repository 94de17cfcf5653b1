r"""Averages the weights of detectors with the same layers, for example of a run and its start.

    python -m lipiyana.vehicles.training.average_weights models/vehicles.float.onnx.xz \
        runs/detector_settled/last.pt --out runs/detector_average/last.pt

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy
without increasing inference time" (ICML 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.train_detector import load_detector


def averaged(several: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Average each weight.

    Raises:
        ValueError: the names or shapes of the weights differ.
    """
    shapes = [{name: weight.shape for name, weight in one.items()} for one in several]
    if any(one != shapes[0] for one in shapes):
        raise ValueError("cannot average detectors with different layers")
    return {name: torch.stack([one[name].float() for one in several]).mean(0) for name in shapes[0]}


def main() -> None:
    """Run the command line; write a checkpoint for `export_detector`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+", help="checkpoints and float twins")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint")
    args = parser.parse_args()
    mean = averaged([load_detector(path).state_dict() for path in args.weights])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": mean, "classes": list(CLASSES)}, args.out)


if __name__ == "__main__":
    main()
