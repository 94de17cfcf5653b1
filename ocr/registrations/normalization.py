"""From what was read to letters and digits: separators and what is not the registration go."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from lipiyana.ocr.registrations.characters import Characters

_NOISE = re.compile(
    r"""
      (?<![A-Z0-9]) IND(?:IA)? (?![A-Z0-9])                       # IND or INDIA by itself
    | ^[\W_]* IND(?:IA)? (?=[A-Z0-9]{2}[\W_]*[0-9] | [0-9]{2})  # grown onto the first row
    | (?<=[0-9]) IND(?:IA)? (?=[\W_]*$)                           # grown onto the end
    | (?<![A-Z0-9]) [A-Z]{2} [\W_]? [0-9]{7,9} (?![A-Z0-9])        # laser number
    """,
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
_KEPT = {"L", "M"}


def normalize_row(row: str) -> str:
    """Letters and digits of a row as read: NFC, ASCII letters in upper case, native ones kept.

    Separators, symbols (the arrow of military plates among them), IND, INDIA and the laser number
    of high-security plates are left out.
    """
    return normalize(Characters(row)).text


def normalize(row: Characters) -> Characters:
    """`normalize_row` with confidences, one a character of what is left."""
    row = row.with_text(_NOISE.sub(lambda found: " " * len(found[0]), row.text))
    if row.text.isascii():
        return row.expand(_ascii)
    return row.expand(_decompose).compose()


def normalize_rows(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None
) -> list[Characters]:
    """Every row that has letters or digits. One string is cut at its newlines.

    Raises:
        ValueError: `confidences` does not have one list a row, with one number a character.
    """
    lines = rows.split("\n") if isinstance(rows, str) else list(rows)
    if confidences is None:
        read = [Characters(line) for line in lines]
    else:
        read = [Characters(line, tuple(row)) for line, row in zip(lines, confidences, strict=True)]
        if any(len(row) != len(line) for line, row in zip(lines, confidences, strict=True)):
            raise ValueError("confidences must be one a character")
    return [row for row in map(normalize, read) if row.text]


def mixes_digits(text: str) -> bool:
    """Whether Arabic digits stand among those of another script.

    A plate is painted in one kind of digits, so one of them was misread, and which one cannot be
    told: where the reader saw 8 in a row of Devanagari, ४ (four) may be painted as well as ८
    (eight). A zero has the same shape in all scripts.
    """
    digits = [ch for ch in text if ch.isdecimal() and unicodedata.decimal(ch)]
    return len({ch.isascii() for ch in digits}) == 2


def native_digits(text: str) -> str:
    """Give all digits the script of those that are not ASCII, if there are any."""
    zero = next((_zero(ch) for ch in text if not ch.isascii() and ch.isdecimal()), None)
    if zero is None:
        return text
    return "".join(chr(zero + unicodedata.decimal(ch)) if ch.isdecimal() else ch for ch in text)


def arabic_digits(text: str) -> str:
    """Every decimal digit of any script as an ASCII digit."""
    return "".join(str(unicodedata.decimal(ch)) if ch.isdecimal() else ch for ch in text)


def _zero(digit: str) -> int:
    return ord(digit) - unicodedata.decimal(digit)


def _ascii(character: str) -> str:
    return character.upper() if character.isalnum() else ""


def _decompose(character: str) -> str:
    return "".join(
        ch.upper() if ch.isascii() else ch
        for ch in unicodedata.normalize("NFKD", character)
        if ch.isdecimal() or unicodedata.category(ch)[0] in _KEPT
    )
