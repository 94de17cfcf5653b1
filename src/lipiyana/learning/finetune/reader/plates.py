"""Labels that are plates: their rows as the reader is to spell them, and whole registrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lipiyana.learning.finetune.reader.examples import Example
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.learning.finetune.reader.scoring import letters_and_digits
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.training.plates.lines import as_read

_SHOWN = 5


def as_plates(labels: Sequence[Label]) -> list[Label]:
    """Spell every row as the reader is taught plates: upper case, without what parts its letters
    but for the marks of Nepal and Bangladesh.
    """
    return [replace(label, text=_as_plate(label.text)) for label in labels]


def _as_plate(text: str) -> str:
    end = "\n" if "\n" in text.strip() else "/"
    return end.join(as_read(row) for row in text.strip().split(end))


def registrations(examples: Sequence[Example]) -> dict[str, str]:
    """Join the rows of each plate, one a line of text, by where its label came from."""
    rows: dict[str, list[str]] = {}
    for example in examples:
        rows.setdefault(example.where, []).append(example.text)
    return {where: "\n".join(texts) for where, texts in rows.items()}


def format_notes(plates: dict[str, str]) -> Iterator[str]:
    """Name the labels that fit no format of registrations, or only one with a letter changed."""
    doubtful = [where for where, text in plates.items() if not _fits(text)]
    if doubtful:
        named = ", ".join(doubtful[:_SHOWN]) + (", ..." if len(doubtful) > _SHOWN else "")
        yield (
            f"{len(doubtful)} of {len(plates)} labels fit no format of registrations that is "
            f"known; are they mistyped? {named}"
        )


def _fits(text: str) -> bool:
    return parse(text).canonical == letters_and_digits(text)
