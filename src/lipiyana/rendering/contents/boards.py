"""Random texts of boards and signs, drawn from hand-written lists of places, phrases and names."""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from lipiyana.ocr.scripts.table import LANGUAGES, SCRIPTS
from lipiyana.rendering.contents import numbers, registration_texts

_NATIVE_DIGITS = {"Taml": 0.15, "Mlym": 0.15, "Telu": 0.2, "Arab": 0.35, "Guru": 0.35}
_FIELD = re.compile(r"\{(\w+)\}")

Pick = Callable[[random.Random, str], str]
"""Draws one word in a script, given by its ISO 15924 code."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The places, phrases and names of one language; a list without entries is empty."""

    places: Sequence[str]
    phrases: Sequence[str]
    given_names: Sequence[str]
    surnames: Sequence[str]


def _toml(name: str) -> dict[str, dict[str, list[str]]]:
    file = resources.files("lipiyana.rendering.contents").joinpath(name)
    return tomllib.loads(file.read_text("utf-8"))


def load_vocabularies() -> dict[str, Vocabulary]:
    """Read `places.toml`, `phrases.toml` and `names.toml`, by BCP 47 code of the language."""
    places, phrases, names = map(_toml, ("places.toml", "phrases.toml", "names.toml"))
    return {
        language: Vocabulary(
            places.get(language, {}).get("places", []),
            phrases.get(language, {}).get("phrases", []),
            names.get(language, {}).get("given", []),
            names.get(language, {}).get("surnames", []),
        )
        for language in LANGUAGES
    }


class Boards:
    """Draws texts of boards, signs and plates in a script, given by its ISO 15924 code.

    If a script has no list for the requested kind of text, a word drawn by `pick` is returned.
    """

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self._vocabulary = load_vocabularies()
        self._letter_names = {
            code: names["letters"] for code, names in _toml("letters.toml").items()
        }

    def words(self) -> Iterator[str]:
        """Yield every word of the places, phrases and names."""
        for vocabulary in self._vocabulary.values():
            for texts in (vocabulary.places, vocabulary.phrases):
                for text in texts:
                    yield from text.split()
            yield from vocabulary.given_names
            yield from vocabulary.surnames

    def _language(self, rng: random.Random, code: str, field: str) -> Vocabulary | None:
        """Draw a language, weighted by the size of its list; None if all lists are empty."""
        vocabularies = [self._vocabulary[language] for language in SCRIPTS[code].languages]
        sizes = [len(getattr(vocabulary, field)) for vocabulary in vocabularies]
        return rng.choices(vocabularies, sizes)[0] if any(sizes) else None

    def place(self, rng: random.Random, code: str) -> str:
        """Draw a place name, sometimes with its distance."""
        vocabulary = self._language(rng, code, "places")
        if vocabulary is None:
            return self._pick(rng, code)
        place = rng.choice(vocabulary.places)
        if code == "Latn":
            place = random_case(rng, place)
        if rng.random() < 0.25:
            distance = self.digits(rng, code, str(rng.randint(1, 999)))
            place += rng.choice((" ", " ", "  ", " - ", "-")) + distance
        return place

    def phrase(self, rng: random.Random, code: str) -> str:
        """Draw a phrase of a shop or road sign, or a part of it."""
        vocabulary = self._language(rng, code, "phrases")
        if vocabulary is None:
            return self._pick(rng, code)
        phrase = self._fill(rng, code, vocabulary, rng.choice(vocabulary.phrases))
        words = phrase.split()
        if len(words) > 3 and rng.random() < 0.5:
            # signs break phrases into lines, and a crop shows one line
            length = rng.randint(1, 3)
            start = rng.randint(0, len(words) - length)
            phrase = " ".join(words[start : start + length])
        return random_case(rng, phrase) if code == "Latn" else phrase

    def _fill(self, rng: random.Random, code: str, vocabulary: Vocabulary, phrase: str) -> str:
        def value(match: re.Match[str]) -> str:
            field = match[1]
            if field == "name" and vocabulary.given_names:
                return rng.choice((*vocabulary.given_names, *vocabulary.surnames))
            if field == "place" and vocabulary.places:
                return rng.choice(vocabulary.places)
            if field == "number":
                return self.digits(rng, code, str(rng.randint(1, 10 ** rng.randint(1, 3))))
            if field == "phone":
                return self.digits(rng, code, numbers.phone(rng))
            if field == "price":
                return self.digits(rng, code, numbers.price(rng))
            return self._pick(rng, code)

        return _FIELD.sub(value, phrase)

    def name(self, rng: random.Random, code: str) -> str:
        """Draw a person's name, as on the boards of doctors and lawyers."""
        vocabulary = self._language(rng, code, "given_names")
        if vocabulary is None:
            return self._pick(rng, code)
        name = rng.choice(vocabulary.given_names)
        if vocabulary.surnames and rng.random() < 0.7:
            name += " " + rng.choice(vocabulary.surnames)
        if code in self._letter_names and rng.random() < 0.15:
            name = f"{rng.choice(self._letter_names[code])}. {name}"
        return random_case(rng, name) if code == "Latn" else name

    def initials(self, rng: random.Random, code: str) -> str:
        """Draw English letters spelled in the script, as in abbreviations of banks and degrees."""
        letters = self._letter_names.get(code)
        if not letters:
            return self._pick(rng, code)
        chosen = [rng.choice(letters) for _ in range(rng.randint(1, 4))]
        dots = rng.choice((".", ". ", "", " "))
        return dots.join(chosen) + dots

    def digits(self, rng: random.Random, code: str, text: str, native: float = 0.0) -> str:
        """Replace ASCII digits by native ones, with probability `native` or the script's own."""
        if code != "Latn" and rng.random() < (native or _NATIVE_DIGITS.get(code, 0.5)):
            return text.translate(
                {ord(str(i)): digit for i, digit in enumerate(SCRIPTS[code].digits)}
            )
        return text

    def number(self, rng: random.Random, code: str) -> str:
        """Draw a number of any kind: price, date, time, telephone number..."""
        return self.digits(rng, code, numbers.quantity(rng))

    def registration(self, rng: random.Random, code: str) -> str:
        """Draw a registration, or one row of it, in the script's own letters."""
        if code == "Latn":
            return registration_texts.indian(rng)
        if code == "Deva" and rng.random() < 0.7:
            return self.digits(rng, code, registration_texts.nepali(rng), native=0.97)
        if code == "Beng" and rng.random() < 0.85:
            return self.digits(rng, code, registration_texts.bangladeshi(rng), native=0.97)
        if code not in self._letter_names:
            return self.number(rng, code)
        letters = dict(zip(string.ascii_uppercase, self._letter_names[code], strict=True))
        return registration_texts.indian_in_script(rng, letters, SCRIPTS[code].digits)


def random_case(rng: random.Random, text: str) -> str:
    """Change Latin text at random to upper case, title case or lower case, or leave it."""
    kind = rng.random()
    if kind < 0.45:
        return text.upper()
    if kind < 0.75:
        return string.capwords(text)
    return text if kind < 0.85 else text.lower()
