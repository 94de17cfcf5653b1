"""The characters that the reader knows, in the order of its classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import resources

from lipiyana.errors import ModelUnavailable
from lipiyana.ocr.scripts.clusters import JOINER

CHARSET_KEY = "charset"
HASH_KEY = "charset_sha256"


class Charset:
    """An ordered set of characters; class 0 is the CTC blank, character i is class i + 1.

    Each character is one code point, so text must be normalized (NFC) before it is encoded.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        """Take the characters in the order of their classes.

        Raises:
            ValueError: an entry is not one code point, or comes twice.
        """
        self.characters = tuple(characters)
        wrong = [entry for entry in self.characters if len(entry) != 1]
        if wrong:
            raise ValueError(f"not single characters: {wrong}")
        self._index = {character: i + 1 for i, character in enumerate(self.characters)}
        if len(self._index) != len(self.characters):
            raise ValueError("a character comes twice")

    @classmethod
    def load(cls) -> Charset:
        """Read the charset of this project, `charset.txt`: one character a line."""
        text = (
            resources.files("lipiyana.ocr.recognition").joinpath("charset.txt").read_text("utf-8")
        )
        return cls(text.removesuffix("\n").split("\n"))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Charset:
        """Read the charset that a model carries, see `to_metadata`.

        Raises:
            ModelUnavailable: there is none, or it does not fit its hash (MODEL_CORRUPT).
        """
        if not metadata.get(CHARSET_KEY):
            raise ModelUnavailable("the model carries no charset", reason="MODEL_CORRUPT")
        charset = cls(metadata[CHARSET_KEY])
        if metadata.get(HASH_KEY) != charset.sha256:
            raise ModelUnavailable(
                "the model's charset does not fit its hash", reason="MODEL_CORRUPT"
            )
        return charset

    def to_metadata(self) -> dict[str, str]:
        """Return what a model must carry: the characters as one string, and their hash."""
        return {CHARSET_KEY: "".join(self.characters), HASH_KEY: self.sha256}

    @cached_property
    def sha256(self) -> str:
        """Hex digest over the characters in their order."""
        return hashlib.sha256("".join(self.characters).encode()).hexdigest()

    @property
    def classes(self) -> int:
        """Classes of a model with this charset: the characters and the blank."""
        return len(self.characters) + 1

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return character in self._index

    def covers(self, text: str) -> bool:
        """Say whether every character of `text` is known; a joiner shows in the labels' order."""
        return all(character in self._index or character == JOINER for character in text)

    def encode(self, text: str) -> list[int]:
        """Return the class of each character.

        Raises:
            ValueError: characters are unknown; the message names them.
        """
        missing = sorted({character for character in text if character not in self._index})
        if missing:
            named = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in missing)
            raise ValueError(f"characters that are not in the charset: {named}")
        return [self._index[character] for character in text]

    def decode(self, classes: Iterable[int]) -> str:
        """Return the characters of `classes`; blanks are left out, repeats are kept."""
        return "".join(self.characters[index - 1] for index in classes if index)
