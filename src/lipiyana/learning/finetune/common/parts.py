"""Splits pictures into a training and a validation set, in contiguous blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "validation"]

VALIDATION_SHARE = 0.2
BLOCKS = 3
LEAST_VALIDATION = 3


@dataclass(frozen=True, slots=True)
class Dropped:
    """A label that is not used, and the reason."""

    where: str
    picture: str
    problem: str


def assign_parts(given: Sequence[Part | None], groups: Sequence[int]) -> tuple[list[Part], int]:
    """Assign each picture to the training or the validation set.

    Neighbours often show the same street, because pictures are mostly in the order in which they
    were taken. Therefore, unless the user assigned them, the validation set consists of `BLOCKS`
    blocks of neighbours, spread over all pictures. Near-duplicates go with the first of their
    group.

    Args:
        given: the user's assignments, in the order of the pictures.
        groups: the group of each picture, see `duplicates.group`.

    Returns:
        The assignments, and the number of pictures that were reassigned to follow their group.
    """
    if any(part is not None for part in given):
        parts: list[Part] = [part or "train" for part in given]
    else:
        parts = ["train"] * len(given)
        for index in validation_indices(len(given)):
            parts[index] = "validation"
    followed: list[Part] = [parts[first] for first in groups]
    moved = sum(before != after for before, after in zip(parts, followed, strict=True))
    return followed, moved


def validation_indices(count: int) -> list[int]:
    """Select about a fifth of `count` pictures, as one block in the middle of each third."""
    wanted = max(LEAST_VALIDATION, round(count * VALIDATION_SHARE))
    indices: list[int] = []
    for block in range(BLOCKS):
        size = (wanted * (block + 1)) // BLOCKS - (wanted * block) // BLOCKS
        middle = count * (2 * block + 1) // (2 * BLOCKS)
        first = max(0, middle - size // 2)
        indices += range(first, min(count, first + size))
    return sorted(set(indices))
