"""Groups near-duplicate pictures, so that no picture is in both training and validation set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

import cv2
import numpy as np
import numpy.typing as npt

SAME_PICTURE = 2
"""Maximum Hamming distance between the hashes of one picture that was saved twice."""

SAME_VIEW = 10
"""Maximum Hamming distance between the hashes of two pictures of one text."""

_BANDS = 4
_MAX_IN_BAND = 64
"""Plain pictures share a hash; larger bands are compared only between neighbours."""


def difference_hash(pixels: npt.NDArray[np.uint8]) -> int:
    """64-bit hash of where a picture, (H, W, 3) RGB, gets brighter to the right (dHash, Krawetz
    2013).
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Hamming distance."""
    return (one ^ other).bit_count()


def group(hashes: Sequence[int], texts: Sequence[str]) -> list[int]:
    """Assign each picture the index of the first picture in its group.

    Two pictures are grouped if their hashes are almost equal, or if they have the same text and
    similar hashes. Groups are transitive.
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
        # by the pigeonhole principle, hashes that differ in fewer bits than bands share a band
        for band in range(_BANDS):
            near[band, value >> 16 * band & 0xFFFF].append(index)
    for members in near.values():
        if len(members) <= _MAX_IN_BAND:
            yield from combinations(members, 2)
        else:
            yield from pairwise(members)
