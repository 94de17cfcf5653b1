"""Blocks of a line reader that it can do without: found by what its answers lose, and left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lipiyana.ocr.training.batches import Batch
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape

_BLOCK = "blocks."


@dataclass(frozen=True, slots=True)
class Left:
    """A block that was left out: its number in the whole reader, and what the answers lost with it
    and those before it: Kullback-Leibler divergence by the step.
    """

    block: int
    divergence: float


def droppable(weights: Mapping[str, Tensor]) -> list[int]:
    """Number the blocks that add to their input, so that the rest fits together without them."""
    return [
        index
        for index, block in enumerate(ReaderShape.of_weights(weights).blocks)
        if block.stride == 1
    ]


def without(weights: Mapping[str, Tensor], left: Sequence[int]) -> dict[str, Tensor]:
    """Leave blocks out of a reader's weights; those behind them move up.

    Raises:
        ValueError: one of them does not add to its input.
    """
    if not set(left) <= set(droppable(weights)):
        raise ValueError(f"of the blocks {list(left)} some cannot be left out")
    kept = [n for n in range(len(ReaderShape.of_weights(weights).blocks)) if n not in left]
    places = {str(old): str(new) for new, old in enumerate(kept)}
    pruned = {}
    for name, value in weights.items():
        if not name.startswith(_BLOCK):
            pruned[name] = value
            continue
        number, rest = name.removeprefix(_BLOCK).split(".", 1)
        if number in places:
            pruned[f"{_BLOCK}{places[number]}.{rest}"] = value
    return pruned


def least_needed(
    weights: Mapping[str, Tensor],
    count: int,
    batches: Sequence[Batch],
    on_tried: Callable[[], None] = lambda: None,
) -> list[Left]:
    """Choose blocks one after the other: each time the one without which the answers change least.

    Args:
        weights: of the reader.
        count: of blocks; at most all but one of those that can be left out.
        batches: lines to read.
        on_tried: called after each trial, of which there are about `count` times the blocks.

    Raises:
        ValueError: `count` is more than that.
    """
    candidates = droppable(weights)
    if not 0 < count < len(candidates):
        raise ValueError(f"1 to {len(candidates) - 1} blocks can be left out, not {count}")
    wanted = _answers(weights, batches)
    left: list[Left] = []
    for _ in range(count):
        gone = [one.block for one in left]
        trials = []
        for block in candidates:
            if block not in gone:
                found = _answers(without(weights, [*gone, block]), batches)
                trials.append(Left(block, _divergence(wanted, found)))
                on_tried()
        left.append(min(trials, key=lambda one: one.divergence))
    return left


def _answers(weights: Mapping[str, Tensor], batches: Sequence[Batch]) -> list[Tensor]:
    net = LineReaderNet(ReaderShape.of_weights(weights)).eval()
    net.load_state_dict(dict(weights))
    with torch.inference_mode():
        return [net(batch.pixels).log_softmax(-1) for batch in batches]


def _divergence(wanted: Sequence[Tensor], found: Sequence[Tensor]) -> float:
    total = sum(
        float(torch.nn.functional.kl_div(b, a, reduction="sum", log_target=True))
        for a, b in zip(wanted, found, strict=True)
    )
    return total / max(1, sum(a.shape[0] * a.shape[1] for a in wanted))
