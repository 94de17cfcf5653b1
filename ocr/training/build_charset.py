"""Writes `ocr/recognition/charset.txt`.

    python -m lipiyana.ocr.training.build_charset WORDS [CLDR] [OUTPUT]

WORDS has the word lists (`hi.txt.xz`, ...), CLDR the locale files of the Unicode CLDR (Debian
package: unicode-cldr-core; its path is the default). The charset contains

- the exemplars of each language (so that languages without a word list are covered) and digits;
- characters in at least `FLOOR` words of a list, which excludes the noise of the web;
- ASCII, and a few signs that shops and roads use with every script.

The order is part of every model: an existing model keeps the order that it was trained with.
"""

from __future__ import annotations

import argparse
import lzma
import re
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
# not exemplars of any language here, but used on signs
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
# exemplars and noise that normalized signs never contain: halves of vowels, old accounting marks,
NEVER = "\u09d7\u0c55\u0c56\u0cd5\u0cd6৲৴৵৶৸৹ټەۇ۞"


def exemplars(locale: Path) -> Iterator[str]:
    """Yield the code points of the main and auxiliary exemplars of one CLDR file."""
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
    """Return the characters of one script, in code-point order."""
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
        # the word lists are short, and the CLDR has Meitei only in Bengali letters
        first, last = script.ranges[0]
        found.update(ch for ch in _block(script) if first <= ord(ch) <= last)
    marks_in_urdu = {"Mn", "Cf"} if script.code == "Arab" else set()
    found.update(
        ch
        for ch, count in counts.items()
        # the Urdu list has many Quranic marks; those among the exemplars are enough
        if count >= FLOOR and unicodedata.category(ch) not in marks_in_urdu
    )
    return sorted(
        ch
        for ch in found.difference(NEVER)
        # test it after a letter, because normalization may strip or compose a mark alone
        if script.contains(ch) and normalize("ꯀ" + ch) == "ꯀ" + ch
    )


def build(words: Path, cldr: Path) -> list[str]:
    """Return all labels: ASCII, signs, Latin extras, each script, then the hooks."""
    characters = [chr(point) for point in range(0x20, 0x7F)] + list(SIGNS) + list(LATIN_EXTRAS)
    for script in SCRIPTS.values():
        if script.code != "Latn":
            characters += script_characters(script, words, cldr)
    return list(dict.fromkeys([*characters, *HOOKS]))


def main(given: list[str] | None = None) -> None:
    """Write the charset, one character a line."""
    parser = argparse.ArgumentParser(description="Writes the charset of the line reader.")
    parser.add_argument("words", type=Path, help="folder of word lists (hi.txt.xz, ...)")
    parser.add_argument("cldr", type=Path, nargs="?", default=CLDR, help="locale files of the CLDR")
    parser.add_argument("output", type=Path, nargs="?", default=Path("ocr/recognition/charset.txt"))
    args = parser.parse_args(given)
    text = "\n".join(build(args.words, args.cldr)) + "\n"
    args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
