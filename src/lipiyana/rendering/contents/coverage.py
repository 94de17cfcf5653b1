"""Strings that show every character of a script and every cluster that its words know."""

from __future__ import annotations

import random
import string
import unicodedata
from collections.abc import Callable, Iterable

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.clusters import clusters
from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char


class Coverage:
    """A source of random strings in one script.

    Clusters are drawn uniformly, not by frequency: half of them from those that the words
    hold, so that rare conjuncts are seen as often as common ones, the rest made at random.
    """

    def __init__(self, code: str, charset: Charset, words: Iterable[str]) -> None:
        self._script = SCRIPTS[code]
        self._characters = [ch for ch in charset.characters if script_of_char(ch) == code]
        self._letters = [ch for ch in self._characters if unicodedata.category(ch) == "Lo"]
        block = self._script.ranges[0][0]
        self._consonants = [
            ch
            for ch in self._letters
            if code not in _BRAHMIC or 0x15 <= ord(ch) - block <= 0x39 or ord(ch) - block > 0x70
        ]
        if code == "Mlym":
            self._consonants = [ch for ch in self._letters if 0x15 <= ord(ch) - block <= 0x39]
        if code == "Mtei":
            self._consonants = [ch for ch in self._letters if ch <= "\uabda"]
        marks = [ch for ch in self._characters if unicodedata.category(ch)[0] == "M"]
        self._marks = [ch for ch in marks if ch != self._script.virama]
        self._nukta = "".join(ch for ch in marks if unicodedata.name(ch).endswith("SIGN NUKTA"))
        self._clusters = _known_clusters(words)
        self._make: Callable[[random.Random], str] = {
            "Latn": self._latin,
            "Arab": self._joined_letters,
            "Olck": self._joined_letters,
        }.get(code, self._brahmic)

    def sample(self, rng: random.Random) -> str:
        """Return a string of one to six letters or clusters; normalize it before use."""
        if rng.random() < 0.15:
            return self._one(rng)
        return self._make(rng)

    def _one(self, rng: random.Random) -> str:
        """One character, marks on a letter, sometimes digits in a row."""
        character = rng.choice(self._characters)
        if unicodedata.category(character)[0] == "M" or unicodedata.category(character) == "Lm":
            return rng.choice(self._consonants) + character
        if character.isdigit():
            return "".join(rng.choice(self._script.digits) for _ in range(rng.randint(1, 4)))
        return character

    def _latin(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.3:
            letters = rng.choice((string.ascii_lowercase, string.ascii_uppercase))
        elif kind < 0.6:
            letters = string.ascii_letters + string.digits
        else:
            letters = string.ascii_letters + string.digits + string.punctuation * 2
            letters += "".join(self._characters) + "₹°–—×•½¼¾©®™"
        return "".join(rng.choice(letters) for _ in range(rng.randint(1, 8)))

    def _joined_letters(self, rng: random.Random) -> str:
        parts = []
        for _ in range(rng.randint(1, 6)):
            parts.append(rng.choice(self._letters))
            if self._marks and rng.random() < 0.08:
                parts.append(rng.choice(self._marks))
            if rng.random() < 0.06:
                parts.append(self._one(rng))
        if self._script.code == "Olck" and rng.random() < 0.5:
            parts.insert(rng.randint(1, len(parts)), rng.choice("ᱸᱹᱺᱻᱼᱽ"))
        return "".join(parts)

    def _brahmic(self, rng: random.Random) -> str:
        return "".join(self._cluster(rng) for _ in range(rng.randint(1, 5)))

    def _cluster(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.5 and self._clusters:
            return rng.choice(self._clusters)
        if kind < 0.62:
            return self._one(rng)
        cluster = rng.choice(self._consonants)
        if self._nukta and rng.random() < 0.1:
            cluster += self._nukta
        if self._script.virama and rng.random() < 0.25:
            cluster += self._script.virama + rng.choice(self._consonants)
        if self._marks and rng.random() < 0.7:
            cluster += rng.choice(self._marks)
        return cluster


_BRAHMIC = {"Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym"}


def _known_clusters(words: Iterable[str]) -> list[str]:
    found = {cluster for word in words for cluster in clusters(word)}
    return sorted(cluster for cluster in found if len(cluster) > 1)
