"""Checks labels before training: which are usable, and why the others are not.

Labels of plates are spelled as the reader reads plates, and compared with the known formats.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lipiyana.arrays import RgbArray
from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.learning.finetune.common.duplicates import difference_hash, group
from lipiyana.learning.finetune.common.parts import Dropped, Part, assign_parts
from lipiyana.learning.finetune.reader.examples import Example, load_crop
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.learning.finetune.reader.scoring import letters_and_digits
from lipiyana.ocr.plates.rows import split_two_rows
from lipiyana.ocr.plates.settings import PLATES
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import bucket_width
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.lines import fits
from lipiyana.ocr.training.plates.lines import as_read

LEAST_LABELS = 10
MAX_WIDTH = 960
"""Maximum width of a line in pixels at the reader's height; longer lines are read in pieces."""

_SHORTEST_PLATE = 5  # characters of a two-row plate with its slash: 24/7 is one row
_FEW = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class CheckedData:
    """The usable data.

    Attributes:
        labels: number of labels.
        train, validation: lines; a plate of two rows is two lines.
        dropped: the unusable labels.
        charset: charset of the base, with new characters of the labels appended.
        notes: other remarks for the user.
    """

    labels: int
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    dropped: tuple[Dropped, ...]
    charset: Charset
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Describe the amount of data in one phrase."""
        return (
            f"{self.labels} labels: {len(self.train)} lines for training, "
            f"{len(self.validation)} for validation, {len(self.dropped)} labels not used"
        )


@dataclass(frozen=True, slots=True)
class _Usable:
    label: Label
    picture: Path
    rows: tuple[str, ...]
    hash: int


class _Unusable(Exception):
    """The label cannot be used; the message says why."""


def check(
    labels: Sequence[Label], charset: Charset, on_label: Callable[[], None] = lambda: None
) -> CheckedData:
    """Check every label and its picture, one at a time.

    Args:
        labels: the user's labels.
        charset: charset of the base.
        on_label: called after each label.

    Raises:
        InvalidRequest: there is too little data (TOO_LITTLE_DATA), or all texts are equal
            (ONE_LABEL); the message says what is needed.
    """
    if not labels:
        raise _too_little("there are no labels", ())
    usable: list[_Usable] = []
    dropped: list[Dropped] = []
    seen: set[object] = set()
    for label in labels:
        try:
            usable.append(_check_label(label, seen))
        except _Unusable as why:
            picture = str(label.picture) if label.picture else ""
            dropped.append(Dropped(label.where, picture, str(why)))
        on_label()
    _require_enough(usable, dropped)
    notes = list(_conflicts(usable))
    parts = _parts(usable, notes)
    examples = [
        example for one, part in zip(usable, parts, strict=True) for example in _examples(one, part)
    ]
    extended = _extend_charset(charset, examples, notes)
    return CheckedData(
        labels=len(labels),
        train=tuple(e for e in examples if e.part == "train"),
        validation=tuple(e for e in examples if e.part == "validation"),
        dropped=tuple(dropped),
        charset=extended,
        notes=tuple(notes),
    )


def _check_label(label: Label, seen: set[object]) -> _Usable:
    """Check one label.

    Raises:
        _Unusable: it cannot be used.
    """
    if label.picture is None or label.problem:
        raise _Unusable(label.problem)
    if (label.picture, label.corners) in seen:
        raise _Unusable("the picture has two labels; the first one is used")
    seen.add((label.picture, label.corners))
    if not normalize(label.text):
        raise _Unusable("the text is empty")
    try:
        crop = load_crop(label.picture, label.corners)
    except LipiyanaError as error:
        raise _Unusable(error.message) from error
    rows = rows_of(label.text, crop)
    pieces: Sequence[RgbArray] = (crop,) if len(rows) == 1 else split_two_rows(crop)
    for row, piece in zip(rows, pieces, strict=True):
        _require_readable(row, bucket_width(*piece.shape[:2]))
    return _Usable(label, label.picture, rows, difference_hash(crop))


def _require_readable(row: str, width: int) -> None:
    """Reject a row that no reader could output from a line of `width` pixels."""
    if strange := sorted({c for c in row if unicodedata.category(c)[0] == "C"}):
        named = ", ".join(f"U+{ord(c):04X}" for c in strange)
        raise _Unusable(f"the text has code points that are not characters: {named}")
    if width > MAX_WIDTH:
        raise _Unusable(
            f"the line is too long: {width} pixels at a height of 48, at most {MAX_WIDTH}"
        )
    if not fits([ord(c) for c in row], width):
        raise _Unusable(
            f"the text has {len(row)} characters, too many for so narrow a crop; is the crop "
            "cut off, or does it have two rows? Write / between the rows of a plate"
        )


def rows_of(text: str, crop: RgbArray) -> tuple[str, ...]:
    """Split the text of a two-row plate at its line break, or at its only slash if the crop,
    (H, W, 3), is narrow enough for a two-row plate.
    """
    pieces = [normalize(row) for row in text.strip().split("\n")]
    if len(pieces) == 2 and all(pieces):
        return tuple(pieces)
    whole = normalize(text)
    height, width = crop.shape[:2]
    rows = tuple(normalize(row) for row in whole.split("/"))
    if (
        len(rows) == 2
        and all(rows)
        and len(whole) >= _SHORTEST_PLATE
        and width < PLATES.two_row_aspect * height
        and height > 1
    ):
        return rows
    return (whole,)


def _require_enough(usable: Sequence[_Usable], dropped: Sequence[Dropped]) -> None:
    if len(usable) < LEAST_LABELS:
        left = "one usable picture" if len(usable) == 1 else f"{len(usable)} usable pictures"
        raise _too_little(left, dropped)
    if len({one.rows for one in usable}) == 1:
        raise InvalidRequest(
            f"all {len(usable)} labels have the same text; training needs different texts",
            field="data",
            reason="ONE_LABEL",
        )


def _too_little(left: str, dropped: Sequence[Dropped]) -> InvalidRequest:
    why = "".join(f"\n  {d.where}: {d.problem}" for d in dropped[:_FEW])
    more = f"\n  and {len(dropped) - _FEW} more" if len(dropped) > _FEW else ""
    return InvalidRequest(
        f"{left}: at least {LEAST_LABELS} are needed, for training and validation; 50 or more "
        f"work well{why}{more}",
        field="data",
        reason="TOO_LITTLE_DATA",
    )


def _conflicts(usable: Sequence[_Usable]) -> Iterator[str]:
    texts: dict[int, _Usable] = {}
    for one in usable:
        other = texts.setdefault(one.hash, one)
        # the hash of a plain picture is 0 and means nothing
        if one.hash and other.rows != one.rows:
            yield f"{one.label.where} and {other.label.where} look the same but have other texts"


def _parts(usable: Sequence[_Usable], notes: list[str]) -> list[Part]:
    groups = group([one.hash for one in usable], ["/".join(one.rows) for one in usable])
    parts, moved = assign_parts([one.label.part for one in usable], groups)
    if moved:
        notes.append(f"{moved} pictures were reassigned to the part of their near-duplicates")
    for part, what in (("train", "training"), ("validation", "validation")):
        if part not in parts:
            raise InvalidRequest(
                f"no data is left for {what}: too many pictures are nearly the same, or the part "
                f"{part!r} is empty; add different pictures",
                field="data",
                reason="TOO_LITTLE_DATA",
            )
    return parts


def _examples(one: _Usable, part: Part) -> Iterable[Example]:
    label = one.label
    for row, text in enumerate(one.rows):
        number = row if len(one.rows) == 2 else None
        yield Example(label.where, one.picture, text, part, label.corners, number)


def _extend_charset(charset: Charset, examples: Sequence[Example], notes: list[str]) -> Charset:
    """Append the characters that the base does not know, in code-point order."""
    lines = Counter(c for e in examples if e.part == "train" for c in set(e.text))
    unmet = {c for e in examples for c in e.text} - set(lines)
    added = sorted(c for c in {*lines, *unmet} if c not in charset)
    if not added:
        return charset
    named = ", ".join(f"{c} (U+{ord(c):04X}, {lines[c]} lines)" for c in added)
    notes.append(f"{len(added)} characters are new to the model and were added: {named}")
    if few := [c for c in added if lines[c] < _FEW]:
        notes.append(f"there are too few lines to learn these characters: {' '.join(few)}")
    return Charset((*charset.characters, *added))


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
    doubtful = [where for where, text in plates.items() if not _is_registration(text)]
    if doubtful:
        named = ", ".join(doubtful[:_SHOWN]) + (", ..." if len(doubtful) > _SHOWN else "")
        yield (
            f"{len(doubtful)} of {len(plates)} labels match no known registration format; are "
            f"they mistyped? {named}"
        )


def _is_registration(text: str) -> bool:
    return parse(text).canonical == letters_and_digits(text)
