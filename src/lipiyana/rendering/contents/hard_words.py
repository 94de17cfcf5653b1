"""Words by their conjuncts and rarer letters, so that a rare one is drawn in words of its own."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

from lipiyana.ocr.scripts.clusters import clusters

# how much a conjunct's share still follows its words: 1 as in the lists, 0 all alike
_FOLLOWED = 0.4
_SHORT = 2  # clusters
# the hook of a ra before its consonant is small and easily missed
_REPH_FACTOR = 2.0
_REPH = re.compile("[रরৰર][\u094d\u09cd\u0acd]")


class HardWords:
    """A source of words in one script, by what is in them and not by how many there are."""

    def __init__(self, words: Iterable[str], virama: str) -> None:
        """Sort the words by their conjuncts and letters.

        Args:
            words: normalized, in one script.
            virama: its sign that joins consonants; "" where it has none.
        """
        conjunct = re.compile(f"(?:\\w[\u09bc\u093c]?{virama})+\\w") if virama else None
        found: defaultdict[str, list[str]] = defaultdict(list)
        self._short: list[str] = []
        for word in words:
            parts = set(conjunct.findall(word)) if conjunct else set()
            parts |= {ch for ch in word if unicodedata.category(ch)[0] in "LM" and ch != virama}
            # a set has no order that another process would repeat
            for part in sorted(parts):
                found[part].append(word)
            if len(word) <= 6 and len(clusters(word)) <= _SHORT:
                self._short.append(word)
        self._words = list(found.values())
        self._weights = list(
            accumulate(
                len(words) ** _FOLLOWED * (_REPH_FACTOR if _REPH.match(part) else 1.0)
                for part, words in found.items()
            )
        )

    def hard(self, rng: random.Random) -> str:
        """Draw a conjunct or letter, then a word that has it; "" where there are no words."""
        if not self._words:
            return ""
        return rng.choice(rng.choices(self._words, cum_weights=self._weights)[0])

    def short(self, rng: random.Random) -> str:
        """Draw a word of one or two clusters, as half the words of a sign are."""
        return rng.choice(self._short) if self._short else self.hard(rng)
