"""Normalizes rows as read to letters and digits; drops separators and the noise of plates."""

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
_LETTERS_AND_MARKS = {"L", "M"}  # major Unicode categories


def normalize_row(row: str) -> str:
    """Letters and digits of a row as read, in NFC, with ASCII letters in upper case.

    Native letters and digits stay native. Separators, symbols (such as the arrow of military
    plates), IND, INDIA and the laser number of high-security plates are dropped.
    """
    return normalize(Characters(row)).text


def normalize(row: Characters) -> Characters:
    """Do the same as `normalize_row` for a row with confidences."""
    row = row.with_text(_NOISE.sub(lambda found: " " * len(found[0]), row.text))
    if row.text.isascii():
        return row.expand(_ascii)
    return row.expand(_decompose).compose()


def normalize_rows(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None
) -> list[Characters]:
    """Normalize rows and drop empty ones. A single string is split at its newlines.

    Raises:
        ValueError: `confidences` does not have one list per row, with one number per character.
    """
    lines = rows.split("\n") if isinstance(rows, str) else list(rows)
    if confidences is None:
        read = [Characters(line) for line in lines]
    else:
        read = [Characters(line, tuple(row)) for line, row in zip(lines, confidences, strict=True)]
        if any(len(row) != len(line) for line, row in zip(lines, confidences, strict=True)):
            raise ValueError("confidences needs one number per character")
    return [row for row in map(normalize, read) if row.text]


def mixes_digits(text: str) -> bool:
    """Whether a text has both Arabic digits and digits of another script, zeros aside.

    A plate has digits of one script, so some digit was misread, and it is unknown which: an 8 read
    in a Devanagari row may be ४ (four) as well as ८ (eight). Zeros do not count, because a zero
    has the same shape in all scripts.
    """
    digits = [ch for ch in text if ch.isdecimal() and unicodedata.decimal(ch)]
    return len({ch.isascii() for ch in digits}) == 2


def native_digits(text: str) -> str:
    """Convert ASCII digits to the script of the first native digit, if there is one."""
    zero = next((_zero(ch) for ch in text if not ch.isascii() and ch.isdecimal()), None)
    if zero is None:
        return text
    return "".join(chr(zero + unicodedata.decimal(ch)) if ch.isdecimal() else ch for ch in text)


def arabic_digits(text: str) -> str:
    """Convert the decimal digits of all scripts to ASCII digits."""
    return "".join(str(unicodedata.decimal(ch)) if ch.isdecimal() else ch for ch in text)


def _zero(digit: str) -> int:
    return ord(digit) - unicodedata.decimal(digit)


def _ascii(character: str) -> str:
    return character.upper() if character.isalnum() else ""


def _decompose(character: str) -> str:
    return "".join(
        ch.upper() if ch.isascii() else ch
        for ch in unicodedata.normalize("NFKD", character)
        if ch.isdecimal() or unicodedata.category(ch)[0] in _LETTERS_AND_MARKS
    )
