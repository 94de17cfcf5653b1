"""Averages networks that were trained from one another, or from one start, into a checkpoint.

    python -m lipiyana.learning.trainer.average runs/first/last.pt=0.6 runs/second/last.pt=0.4 \
        --out runs/averaged.pt

Weights of networks that lie in one valley of the loss are averaged, not what they answer: the
average costs no more than one of them and fails less on what none has seen (Wortsman et al.,
"Model soups", ICML 2022).
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
        paths: of networks of one shape.
        shares: how much each counts; they are brought to a sum of 1.

    Returns:
        State dict, fp32.

    Raises:
        ValueError: the networks differ in their layers, or the shares are not positive.
    """
    if min(shares) <= 0:
        raise ValueError(f"shares must be over 0, and are {', '.join(map(str, shares))}")
    weights = [load_weights(path) for path in paths]
    shapes = [{name: value.shape for name, value in each.items()} for each in weights]
    for path, shape in zip(paths, shapes, strict=True):
        if shape != shapes[0]:
            raise ValueError(f"{path} has other layers than {paths[0]}: they have no average")
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
