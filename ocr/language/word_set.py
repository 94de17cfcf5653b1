"""Which words are known: a fingerprint a word, twelve bits in a file.

A fingerprint stands for every word with the same one, so one of `_PER_WORD` words that are not
known passes for known. So callers of `near` also score the words that it finds by their letters.

Fingerprints are stored in the Elias-Fano encoding (Elias 1974; Vigna, "Quasi-succinct indices",
2013): sorted, the low bits as they are, the high ones in unary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Word = tuple[int, ...]
"""Numbers of letters, from 1 on."""

_LOW_BITS = 10
_PER_WORD = 1 << _LOW_BITS

# a word is the polynomial of its letters in an odd number, so that the hashes of all words that
# differ from it in one letter take one addition each; the rest of the hash is MurmurHash3's mixing
_BASE = 0x9E3779B97F4A7C15
_TO_64_BITS = 1 << 64
_INVERSE = np.uint64(pow(_BASE, -1, _TO_64_BITS))
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_HALF, _SHIFT = np.uint64(32), np.uint64(33)

_Hashes = npt.NDArray[np.uint64]


class WordSet:
    """A set of words of one script."""

    def __init__(self, fingerprints: npt.NDArray[np.uint32]) -> None:
        """Take sorted fingerprints, one a word; `of` makes them."""
        self._fingerprints = fingerprints

    @classmethod
    def of(cls, words: Iterable[Sequence[int]]) -> WordSet:
        """Make the set of these words."""
        hashes = np.array([_hash(word) for word in {*map(tuple, words)}], np.uint64)
        return cls(np.sort(_fingerprints(hashes, len(hashes))))

    def __len__(self) -> int:
        return len(self._fingerprints)

    def __contains__(self, word: Sequence[int]) -> bool:
        return bool(self._are_known(np.array([_hash(word)], np.uint64))[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordSet) and np.array_equal(
            self._fingerprints, other._fingerprints
        )

    __hash__ = None  # type: ignore[assignment]

    def near(self, word: Sequence[int], letters: Sequence[int]) -> list[Word]:
        """Find known words that differ from `word` in one letter, more, less or another one.

        Args:
            word: known itself or not; it is not among what is found.
            letters: that may come in.
        """
        word = tuple(word)
        own = np.array(word, np.uint64)
        new = np.array(letters, np.uint64)
        powers = _powers(len(own) + 1)
        terms = own * powers[:-1]
        before = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
        behind = before[-1] - before
        added = new * powers[:, None]  # (places, letters)
        inserted = before[:, None] + added + (behind * np.uint64(_BASE))[:, None]
        replaced = before[:-1, None] + added[:-1] + behind[1:, None]
        removed = before[:-1] + behind[1:] * _INVERSE
        found: dict[Word, None] = {}
        for place, letter in zip(*np.nonzero(self._are_known(inserted)), strict=True):
            found[(*word[:place], letters[letter], *word[place:])] = None
        for place, letter in zip(*np.nonzero(self._are_known(replaced)), strict=True):
            found[(*word[:place], letters[letter], *word[place + 1 :])] = None
        for place in np.flatnonzero(self._are_known(removed)):
            found[word[:place] + word[place + 1 :]] = None
        found.pop(word, None)
        found.pop((), None)
        return list(found)

    def to_bytes(self) -> bytes:
        """Pack the set: two bits and `_LOW_BITS` a word."""
        count = len(self)
        low = (self._fingerprints[:, None] >> np.arange(_LOW_BITS, dtype=np.uint32)) & 1
        high = np.zeros(2 * count, np.uint8)
        high[(self._fingerprints >> _LOW_BITS) + np.arange(count)] = 1
        packed = (np.packbits(high), np.packbits(low.astype(np.uint8)))
        return count.to_bytes(4, "little") + b"".join(part.tobytes() for part in packed)

    @classmethod
    def from_bytes(cls, data: bytes) -> WordSet:
        """Unpack what `to_bytes` packed."""
        count = int.from_bytes(data[:4], "little")
        bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=4))
        high = np.flatnonzero(bits[: 2 * count]) - np.arange(count)
        rest = bits[-(-2 * count // 8) * 8 :][: count * _LOW_BITS].reshape(count, _LOW_BITS)
        low = rest.astype(np.uint32) @ (1 << np.arange(_LOW_BITS, dtype=np.uint32))
        return cls(np.asarray((high << _LOW_BITS) | low, np.uint32))

    def _are_known(self, hashes: _Hashes) -> npt.NDArray[np.bool_]:
        if not len(self):
            return np.zeros(hashes.shape, np.bool_)
        asked = _fingerprints(hashes, len(self))
        places = np.searchsorted(self._fingerprints, asked)
        places[places == len(self)] = 0
        return np.asarray(self._fingerprints[places] == asked)


def _powers(count: int) -> _Hashes:
    return np.array([pow(_BASE, place, _TO_64_BITS) for place in range(count)], np.uint64)


def _hash(word: Sequence[int]) -> int:
    total = 0
    for letter in reversed(word):
        total = (total * _BASE + letter) % _TO_64_BITS
    return total


def _fingerprints(hashes: _Hashes, count: int) -> npt.NDArray[np.uint32]:
    """Spread hashes evenly over `_PER_WORD` numbers for each of `count` words."""
    mixed = (hashes ^ (hashes >> _SHIFT)) * _MIX
    mixed ^= mixed >> _SHIFT
    return (((mixed >> _HALF) * np.uint64(count * _PER_WORD)) >> _HALF).astype(np.uint32)
