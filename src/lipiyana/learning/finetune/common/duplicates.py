"""Pictures that are nearly the same, so that none is learned from and measured on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

import cv2
import numpy as np
import numpy.typing as npt

SAME_PICTURE = 2
"""Bits by which the hashes of one picture, saved twice, differ at most."""

SAME_VIEW = 10
"""... and those of one text seen twice."""

_BANDS = 4
_MAX_IN_BAND = 64
"""Pictures of one colour share a hash: of so many neighbours no pairs are made."""


def difference_hash(pixels: npt.NDArray[np.uint8]) -> int:
    """64 bits that tell where (H, W, 3) RGB gets brighter to the right (dHash, Krawetz 2013)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Bits that differ."""
    return (one ^ other).bit_count()


def group(hashes: Sequence[int], texts: Sequence[str]) -> list[int]:
    """Give each picture the number of its group, that of the group's first member.

    Two are of one group where their hashes nearly agree, or where they say the same and look
    alike; and where both are of one group with a third.
    """
    parents = list(range(len(hashes)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for one, other in _candidates(hashes, texts):
        apart = distance(hashes[one], hashes[other])
        if apart <= (SAME_VIEW if texts[one] == texts[other] else SAME_PICTURE):
            low, high = sorted((root(one), root(other)))
            parents[high] = low
    return [root(index) for index in range(len(parents))]


def _candidates(hashes: Sequence[int], texts: Sequence[str]) -> Iterable[tuple[int, int]]:
    near: defaultdict[object, list[int]] = defaultdict(list)
    for index, (value, text) in enumerate(zip(hashes, texts, strict=True)):
        near[text].append(index)
        # hashes that differ by fewer bits than there are bands agree in one of them
        for band in range(_BANDS):
            near[band, value >> 16 * band & 0xFFFF].append(index)
    for members in near.values():
        if len(members) <= _MAX_IN_BAND:
            yield from combinations(members, 2)
        else:
            yield from pairwise(members)
