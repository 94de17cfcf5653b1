"""Prepares labels of plates: the rows as the reader spells them, and whole registrations."""

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
    """Spell every row as readers are trained to read plates: upper case, without separators
    except for the marks of Nepal and Bangladesh.
    """
    return [replace(label, text=_as_plate(label.text)) for label in labels]


def _as_plate(text: str) -> str:
    end = "\n" if "\n" in text.strip() else "/"
    return end.join(as_read(row) for row in text.strip().split(end))


def registrations(examples: Sequence[Example]) -> dict[str, str]:
    """Join the rows of each plate with line breaks; the keys are the sources of the labels."""
    rows: dict[str, list[str]] = {}
    for example in examples:
        rows.setdefault(example.where, []).append(example.text)
    return {where: "\n".join(texts) for where, texts in rows.items()}


def format_notes(plates: dict[str, str]) -> Iterator[str]:
    """Name the labels that match no registration format without a correction."""
    doubtful = [where for where, text in plates.items() if not _fits(text)]
    if doubtful:
        named = ", ".join(doubtful[:_SHOWN]) + (", ..." if len(doubtful) > _SHOWN else "")
        yield (
            f"{len(doubtful)} of {len(plates)} labels match no known registration format; are "
            f"they mistyped? {named}"
        )


def _fits(text: str) -> bool:
    return parse(text).canonical == letters_and_digits(text)
