r"""Averages the weights of detectors of one shape, as those of a run and of what it began with.

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
from lipiyana.vehicles.training.train_detector import loaded


def averaged(several: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Give the mean of each weight.

    Raises:
        ValueError: they are not of the same names and shapes.
    """
    shapes = [{name: weight.shape for name, weight in one.items()} for one in several]
    if any(one != shapes[0] for one in shapes):
        raise ValueError("detectors of different shapes have no average")
    return {name: torch.stack([one[name].float() for one in several]).mean(0) for name in shapes[0]}


def main() -> None:
    """Read the command line and write a checkpoint that `export_detector` takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+", help="checkpoints and float twins")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint")
    args = parser.parse_args()
    mean = averaged([loaded(path).state_dict() for path in args.weights])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": mean, "classes": list(CLASSES)}, args.out)


if __name__ == "__main__":
    main()
