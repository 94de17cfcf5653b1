"""Writes `ocr/recognition/charset.txt`.

    python -m lipiyana.ocr.training.build_charset WORDS [CLDR] [OUTPUT]

WORDS holds the word lists (`hi.txt.xz`, ...), CLDR the locale files of the Unicode CLDR
(Debian: unicode-cldr-core, the default is where it installs them). A character enters by being

- an exemplar of a language (so that languages without a word list miss no letter), or a digit;
- in at least `FLOOR` words of a list, so that the noise of the web stays out;
- ASCII, or one of the few signs that shops and roads use beside their script.

The order is part of every model: a model that exists keeps the order it was trained with.
"""

from __future__ import annotations

import lzma
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from lipiyana.ocr.scripts.label_order import HOOKS
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import SCRIPTS, Script

CLDR = Path("/usr/share/unicode/cldr/common/main")
FLOOR = 20
SIGNS = "₹।॥°–—×•½¼¾©®™"
LATIN_EXTRAS = "éèáàâäçñöüÉ"
# not exemplars of any language here, and on signs all the same
RARE = {
    "Deva": "ॲॳॴॵॶॷ॰ॱॄॢॣॠऌॡऴऩऎऒॆॊ",
    "Beng": "৳",
    "Guru": "ੵਃਁ",
    "Gujr": "૱૰",
    "Orya": "ୠୡୢୣୄଌ୰",
    "Taml": "ௐ௹ஶ",
    "Telu": "ఽౢౣ",
    "Knda": "ೢೣೱೲ",
    "Mlym": "ഽൢൣൄൎ൹",
    "Arab": "۔،؛؟٪٫٬ٔٱؐؑؒؓێ۽۾\u065a\u065b",
}
# exemplars and noise that normalized signs never show: halves of vowels, old account marks,
# letters of Pashto and Uyghur
NEVER = "\u09d7\u0c55\u0c56\u0cd5\u0cd6৲৴৵৶৸৹ټەۇ۞"


def exemplars(locale: Path) -> Iterator[str]:
    """Yield the code points of the main and auxiliary exemplars in one file of the CLDR."""
    for element in ElementTree.parse(locale).getroot().iter("exemplarCharacters"):  # noqa: S314
        if element.get("type") in {None, "auxiliary"}:
            escaped = re.sub(
                r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), element.text or ""
            )
            yield from re.sub(r"[\[\]{}\\\s-]", "", escaped)


def _block(script: Script) -> Iterator[str]:
    for first, last in script.ranges:
        for point in range(first, last + 1):
            if unicodedata.category(chr(point)) in {"Lo", "Lm", "Mn", "Mc", "Po"}:
                yield chr(point)


def script_characters(script: Script, words: Path, cldr: Path) -> list[str]:
    """Return the characters of one script in the order of their code points."""
    found = set(script.digits) | set(RARE.get(script.code, ""))
    counts: Counter[str] = Counter()
    for language in script.languages:
        locale = cldr / f"{language}.xml"
        found.update(exemplars(locale))
        path = words / f"{language}.txt.xz"
        if path.exists():
            with lzma.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    counts.update(set(normalize(line)))
    if script.code in {"Mtei", "Olck"}:
        # the lists are short, and the CLDR has Meitei in Bengali letters alone
        first, last = script.ranges[0]
        found.update(ch for ch in _block(script) if first <= ord(ch) <= last)
    marks_in_urdu = {"Mn", "Cf"} if script.code == "Arab" else set()
    found.update(
        ch
        for ch, count in counts.items()
        # the Urdu list is full of Quranic marks: those of the exemplars are enough
        if count >= FLOOR and unicodedata.category(ch) not in marks_in_urdu
    )
    return sorted(
        ch
        for ch in found.difference(NEVER)
        # after a letter, since a mark alone could be trimmed or composed
        if script.contains(ch) and normalize("ꯀ" + ch) == "ꯀ" + ch
    )


def build(words: Path, cldr: Path) -> list[str]:
    """Return every label: ASCII, signs, Latin extras, script by script, then the hooks."""
    characters = [chr(point) for point in range(0x20, 0x7F)] + list(SIGNS) + list(LATIN_EXTRAS)
    for script in SCRIPTS.values():
        if script.code != "Latn":
            characters += script_characters(script, words, cldr)
    return list(dict.fromkeys([*characters, *HOOKS]))


def main(words: str, cldr: str = str(CLDR), output: str = "ocr/recognition/charset.txt") -> None:
    """Write the charset, one character a line."""
    text = "\n".join(build(Path(words), Path(cldr))) + "\n"
    Path(output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
