r"""Orthographic clusters: consonants joined by viramas, with their vowel sign and other marks.

This is what a reader of an Indian script sees as one letter. Unicode's extended grapheme cluster
(regex \X) splits conjuncts in many scripts, and joins Tamil's spelled-out ones in none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lipiyana.ocr.scripts.table import SCRIPTS, Script

JOINER = "\u200d"
"""ZERO WIDTH JOINER."""

WITH_JOINED_RA = frozenset({"Beng", "Knda"})
"""Scripts in which a joiner behind ra says that ra does not become a hook."""

# beyond the layout that the blocks share
_MORE_LETTERS = {
    "Deva": "\u0972-\u097f",
    "Beng": "\u09ce\u09f0\u09f1",
    "Guru": "\u0a72\u0a73",
    "Orya": "\u0b71",
    "Mlym": "\u0d7a-\u0d7f\u0d4e\u0d54-\u0d56",
}
_MORE_MARKS = {"Deva": "\u094e\u094f", "Guru": "\u0a70\u0a71\u0a75"}
_ARABIC_MARKS = (
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
)


def _marks(first: int) -> str:
    # nukta, vowel signs, signs of nasals and breath, accents; never the virama
    spans = [(0x00, 0x03), (0x3A, 0x3C), (0x3E, 0x4C), (0x51, 0x57), (0x62, 0x63)]
    return "".join(f"{chr(first + a)}-{chr(first + b)}" for a, b in spans)


def _classes(script: Script) -> tuple[str, str]:
    """Return the letters and the marks of a script as the insides of character classes."""
    if script.code == "Mtei":
        return "\uabc0-\uabe2", "\uabe3-\uabea\uabec"
    first = script.ranges[0][0]
    letters = f"{chr(first + 0x04)}-{chr(first + 0x39)}{chr(first + 0x58)}-{chr(first + 0x61)}"
    letters += _MORE_LETTERS.get(script.code, "")
    marks = _marks(first) + _MORE_MARKS.get(script.code, "")
    if script.code == "Mlym":
        # rare chillus stand where other blocks have accents
        marks = marks.replace("\u0d51-\u0d57", "\u0d57")
    return letters, marks


_CLASSES = {code: _classes(script) for code, script in SCRIPTS.items() if script.virama}

LETTERS: Mapping[str, str] = {code: letters for code, (letters, _) in _CLASSES.items()}
"""Consonants and vowels of each script that has conjuncts, as the inside of a character class."""

MARKS: Mapping[str, str] = {code: marks for code, (_, marks) in _CLASSES.items()}
"""The marks that may follow them, without the virama, likewise."""


def _pattern() -> re.Pattern[str]:
    alternatives = []
    for script in SCRIPTS.values():
        if script.virama:
            letters, marks = _CLASSES[script.code]
            nukta = chr(script.ranges[0][0] + 0x3C)
            joiner = f"{JOINER}?" if script.code in WITH_JOINED_RA else ""
            joined = f"(?:{nukta}?{joiner}{script.virama}[{letters}])*"
            if script.code == "Taml":
                # the pulli shows its consonants one by one; two ligatures are all there are
                joined = "(?:(?<=க)்ஷ|(?<=ஸ)்ர(?=ீ))?"
            alternatives.append(f"[{letters}]{joined}[{marks}{script.virama}]*")
    alternatives.append(f"[\u0620-\u064a\u066e-\u06d5\u0750-\u077f][{_ARABIC_MARKS}]*")
    alternatives.append("[\u1c5a-\u1c77][\u1c78-\u1c7d]*")
    alternatives.append("(?s:.)[\u0300-\u036f]*")
    return re.compile("|".join(alternatives))


_CLUSTER = _pattern()


def clusters(text: str) -> list[str]:
    """Split NFC text into its orthographic clusters; joined again they are the text."""
    return _CLUSTER.findall(text)
