"""What is learned from and what is measured on: contiguous blocks, nothing in both."""

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
    """A label that is not used, and why."""

    where: str
    picture: str
    problem: str


def assign_parts(given: Sequence[Part | None], groups: Sequence[int]) -> tuple[list[Part], int]:
    """Say what each picture is for.

    Pictures mostly come in the order in which they were taken, so neighbours show one street:
    where the user did not say it, `BLOCKS` blocks of neighbours are measured on, spread over the
    whole. Pictures that are nearly the same follow the first of them.

    Args:
        given: what the user said, in the order of the pictures.
        groups: the number of each picture's group, see `duplicates.group`.

    Returns:
        The parts, and how many pictures changed theirs to follow their group.
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
    """Choose about a fifth of `count` pictures, in blocks in the middle of each third."""
    wanted = max(LEAST_VALIDATION, round(count * VALIDATION_SHARE))
    indices: list[int] = []
    for block in range(BLOCKS):
        size = (wanted * (block + 1)) // BLOCKS - (wanted * block) // BLOCKS
        middle = count * (2 * block + 1) // (2 * BLOCKS)
        first = max(0, middle - size // 2)
        indices += range(first, min(count, first + size))
    return sorted(set(indices))
