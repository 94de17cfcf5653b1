"""Averages the weights of related networks into one checkpoint ("model soup").

    python -m lipiyana.learning.trainer.average runs/first/last.pt=0.6 runs/second/last.pt=0.4 \
        --out runs/averaged.pt

Averaging the weights works for networks that were trained from one another or from one start. The
average is as fast as one network and fails less on unseen data (Wortsman et al., "Model soups",
ICML 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.learning.trainer.stored_weights import load_weights


def averaged(paths: Sequence[Path], shares: Sequence[float]) -> dict[str, Tensor]:
    """Average the weights of checkpoints or float twins.

    Args:
        paths: files of networks with the same layers.
        shares: weight of each network in the average; normalized to a sum of 1.

    Returns:
        State dict, fp32.

    Raises:
        ValueError: the networks' layers differ, or a share is not positive.
    """
    if min(shares) <= 0:
        raise ValueError(f"shares must be greater than 0, not {', '.join(map(str, shares))}")
    weights = [load_weights(path) for path in paths]
    shapes = [{name: value.shape for name, value in each.items()} for each in weights]
    for path, shape in zip(paths, shapes, strict=True):
        if shape != shapes[0]:
            raise ValueError(f"the layers of {path} and {paths[0]} differ; cannot average them")
    counts = torch.tensor(shares) / sum(shares)
    stacks = {name: torch.stack([each[name].float() for each in weights]) for name in weights[0]}
    return {name: torch.tensordot(counts, stack, 1) for name, stack in stacks.items()}


def _part(text: str) -> tuple[Path, float]:
    name, _, share = text.partition("=")
    return Path(name), float(share or 1)


def main() -> None:
    """Read the command line and average."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", type=_part, metavar="FILE[=SHARE]")
    parser.add_argument("--out", type=Path, required=True, help="a checkpoint for --start")
    args = parser.parse_args()
    paths, shares = zip(*args.parts, strict=True)
    torch.save({"average": averaged(paths, shares)}, args.out)


if __name__ == "__main__":
    main()
