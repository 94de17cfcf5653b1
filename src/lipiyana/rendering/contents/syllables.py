"""Words that might be: a trigram model of characters, for scripts with few real words."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import accumulate

_START, _END = "\x02", "\x03"


class TrigramModel:
    """Draws characters one by one, each by the two before it."""

    def __init__(self, words: Iterable[str]) -> None:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word in words:
            padded = _START * 2 + word + _END
            for i in range(len(padded) - 2):
                counts[padded[i : i + 2]][padded[i + 2]] += 1
        self._next = {
            context: (list(counter), list(accumulate(counter.values())))
            for context, counter in counts.items()
        }

    def sample(self, rng: random.Random, longest: int = 14) -> str:
        """Return a word of at most `longest` characters, "" where the model saw no word."""
        word = _START * 2
        while word[-2:] in self._next and len(word) - 2 < longest:
            characters, weights = self._next[word[-2:]]
            character = rng.choices(characters, cum_weights=weights)[0]
            if character == _END:
                break
            word += character
        return word[2:]
