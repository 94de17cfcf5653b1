"""Which letter follows which in the words of each script, and which words there are.

It is a file of two megabytes: n-grams, and a set of words.

Letters are in the order of a picture, as the reader's labels are (`label_order.py`). A word
begins and ends with a mark of its own. Where an n-gram is not kept, a shorter one stands for it
at a discount (stupid back-off, Brants et al. 2007).
"""

from __future__ import annotations

import hashlib
import io
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lipiyana.errors import ModelUnavailable
from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.ocr.language.settings import LANGUAGE, LanguageSettings
from lipiyana.ocr.language.word_set import WordSet
from lipiyana.ocr.scripts.table import script_of, script_of_char

ORDER = 5
EDGE = 1
"""Number of the mark at both edges of a word; letters are numbered from 2."""


LEVELS = 16
"""Steps of a stored logarithm in one unit of it."""

_SYMBOL_BITS = 8
_FULL = 200_000  # weights kept at hand


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of one length.

    Attributes:
        keys: packed symbols, see `pack`, sorted.
        levels: minus `LEVELS` times the natural logarithm of the last symbol's probability after
            the others, one byte a key.
    """

    keys: array[int]
    levels: bytes


@dataclass(frozen=True, slots=True)
class ScriptModel:
    """The words of one script: its letters in the order of their numbers, n-grams of 1, 2, ..."""

    letters: str
    grams: tuple[Grams, ...]
    words: WordSet = field(default_factory=lambda: WordSet.of(()))


def pack(symbols: Iterable[int]) -> int:
    """Make one number of an n-gram's symbols."""
    key = 0
    for symbol in symbols:
        key = key << _SYMBOL_BITS | symbol
    return key


class LanguageModel:
    """The models of all scripts. Safe to share between threads."""

    def __init__(
        self, scripts: Mapping[str, ScriptModel], settings: LanguageSettings = LANGUAGE
    ) -> None:
        self._settings = settings
        self.scripts = dict(scripts)
        self._numbers: dict[str, tuple[str, int]] = {}
        for code, model in scripts.items():
            for number, letter in enumerate(model.letters, EDGE + 1):
                self._numbers[letter] = code, number
        self._known: dict[tuple[str, str], float | None] = {}

    @classmethod
    def load(cls, source: Path | BinaryIO, settings: LanguageSettings = LANGUAGE) -> LanguageModel:
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: there is none.
        """
        with np.load(source, allow_pickle=False) as stored:
            scripts = {}
            for code in [name[:4] for name in stored if name.endswith(".letters")]:
                letters = "".join(map(chr, stored[f"{code}.letters"]))
                orders = range(1, ORDER + 1)
                scripts[code] = ScriptModel(
                    letters,
                    tuple(
                        Grams(
                            _unpacked(stored[f"{code}.keys{n}"]), stored[f"{code}.p{n}"].tobytes()
                        )
                        for n in orders
                    ),
                    WordSet.from_bytes(stored[f"{code}.words"].tobytes()),
                )
        return cls(scripts, settings)

    def save(self, path: Path) -> None:
        """Write the file."""
        stored: dict[str, npt.NDArray[np.generic]] = {}
        for code, model in self.scripts.items():
            stored[f"{code}.letters"] = np.array([ord(c) for c in model.letters], np.uint32)
            for n, grams in enumerate(model.grams, 1):
                stored[f"{code}.keys{n}"] = _packed(grams.keys)
                stored[f"{code}.p{n}"] = np.frombuffer(grams.levels, np.uint8)
            stored[f"{code}.words"] = np.frombuffer(model.words.to_bytes(), np.uint8)
        np.savez_compressed(path, **stored)  # type: ignore[arg-type]

    def knows(self, text: str) -> bool:
        """Say whether the model has words of the script that `text` is mostly in."""
        return script_of(text) in self.scripts

    def numbered(self, word: str) -> tuple[str, tuple[int, ...]] | None:
        """Give the script of a word and the numbers of its letters; None if it has no model."""
        letters = [self._numbers.get(letter, ("", EDGE)) for letter in word]
        codes = {code for code, _ in letters}
        if len(codes) != 1 or "" in codes:
            return None
        return codes.pop(), tuple(number for _, number in letters)

    def is_letter(self, character: str) -> bool:
        """Say whether the model has words with this character."""
        return character in self._numbers

    def log_probability(self, before: str, character: str) -> float | None:
        """Natural logarithm of the chance of `character` after `before`.

        Args:
            before: text in the order of the picture; its last word counts.
            character: a letter, or "" for the end of the word.

        Returns:
            None if there is no word to speak of: signs, digits, scripts without a model. A letter
            that no word of its script has is as unlikely as can be.
        """
        key = before[1 - ORDER :], character
        if key not in self._known:
            if len(self._known) >= _FULL:
                self._known.clear()
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def _look_up(self, before: str, character: str) -> float | None:
        nothing = ("", EDGE)
        code, number = self._numbers.get(character or before[-1:], nothing)
        if not code:
            # a letter that no word has, such as vowels of Sanskrit, is no sign
            strange = character.isalpha() and script_of_char(character) in self.scripts
            return self._settings.unknown_letters if strange else None
        # keys of 1, 2, ... symbols, the new one last
        key = number if character else EDGE
        keys = [key]
        for place, letter in enumerate(reversed(before), 1):
            script, number = self._numbers.get(letter, nothing)
            if script not in {code, ""}:
                return self._settings.unknown_letters  # two scripts in one word
            key |= number << _SYMBOL_BITS * place
            keys.append(key)
            if not script:
                break
        else:
            if len(keys) < ORDER:
                keys.append(key | EDGE << _SYMBOL_BITS * len(keys))
        return _backed_off(self.scripts[code].grams, keys, self._settings)


@lru_cache(maxsize=4)
def load_words(path: Path, sha256: str, settings: LanguageSettings = LANGUAGE) -> LanguageModel:
    """Read the language model that a reader's manifest names; once a process.

    Raises:
        ModelUnavailable: the file is missing, or is not the one that the manifest names.
    """
    try:
        data = read_file(path, MAX_MODEL_BYTES)
    except OSError as error:
        raise ModelUnavailable(f"the language model {path} cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelUnavailable(
            f"{path} is not the language model of the manifest; install the package again",
            reason="MODEL_CORRUPT",
        )
    return LanguageModel.load(io.BytesIO(data), settings)


def _backed_off(grams: Sequence[Grams], keys: list[int], settings: LanguageSettings) -> float:
    discount = 0.0
    for length in range(len(keys), 0, -1):
        known, key = grams[length - 1].keys, keys[length - 1]
        place = bisect_left(known, key)
        if place < len(known) and known[place] == key:
            return discount - grams[length - 1].levels[place] / LEVELS
        discount += settings.back_off
    return discount + settings.unknown_letters


def _packed(keys: array[int]) -> npt.NDArray[np.uint8]:
    # differences of sorted keys, byte by byte, are mostly zeros and compress well
    steps = np.diff(np.array(keys, np.uint64), prepend=np.uint64(0))
    return steps.astype("<u8").view(np.uint8).reshape(-1, 8).T.copy()


def _unpacked(planes: npt.NDArray[np.uint8]) -> array[int]:
    steps = np.ascontiguousarray(planes.T).view("<u8").reshape(-1)
    return array("Q", np.cumsum(steps, dtype=np.uint64).tobytes())
