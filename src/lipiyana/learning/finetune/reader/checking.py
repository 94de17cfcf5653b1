"""The data before anything is learned from it: what is of use, what is not, and why."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.learning.finetune.common.duplicates import difference_hash, group
from lipiyana.learning.finetune.common.parts import Dropped, Part, assign_parts
from lipiyana.learning.finetune.reader.examples import Example, Pixels, load_crop
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.ocr.plates.rows import split_two_rows
from lipiyana.ocr.plates.settings import PLATES
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import bucket_width
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.lines import fits

LEAST_LABELS = 10
MAX_WIDTH = 960
"""Of a line at the reader's height, in pixels; longer ones are read in pieces anyway."""

_SHORTEST_PLATE = 5  # of two rows, the slash included: 24/7 has one row
_FEW = 3


@dataclass(frozen=True, slots=True)
class CheckedData:
    """What is left to learn from and to measure on.

    Attributes:
        labels: how many there were.
        train, validation: lines; a plate of two rows is two of them.
        dropped: what is not used.
        charset: that of the base, with the characters that the labels add at its end.
        notes: what the user should know beside that.
    """

    labels: int
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    dropped: tuple[Dropped, ...]
    charset: Charset
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Say how much there is."""
        return (
            f"{self.labels} labels: {len(self.train)} lines to learn from, "
            f"{len(self.validation)} to measure on, {len(self.dropped)} labels not used"
        )


@dataclass(frozen=True, slots=True)
class _Usable:
    label: Label
    picture: Path
    rows: tuple[str, ...]
    hash: int


class _Unusable(Exception):
    """Says in one sentence why a label cannot be used."""


def check(
    labels: Sequence[Label], charset: Charset, on_label: Callable[[], None] = lambda: None
) -> CheckedData:
    """Look at every label and its picture, one at a time.

    Args:
        labels: as the user gave them.
        charset: of the model to begin from.
        on_label: called after each.

    Raises:
        InvalidRequest: too little is left to learn from (TOO_LITTLE_DATA), or all labels say the
            same (ONE_LABEL); the message says what is needed.
    """
    if not labels:
        raise _too_little("there is no label at all", ())
    usable: list[_Usable] = []
    dropped: list[Dropped] = []
    seen: set[object] = set()
    for label in labels:
        try:
            usable.append(_look_at(label, seen))
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
    grown = _grown(charset, examples, notes)
    return CheckedData(
        labels=len(labels),
        train=tuple(e for e in examples if e.part == "train"),
        validation=tuple(e for e in examples if e.part == "validation"),
        dropped=tuple(dropped),
        charset=grown,
        notes=tuple(notes),
    )


def _look_at(label: Label, seen: set[object]) -> _Usable:
    """Find what is usable.

    Raises:
        _Unusable: nothing is.
    """
    if label.picture is None or label.problem:
        raise _Unusable(label.problem)
    if (label.picture, label.corners) in seen:
        raise _Unusable("the picture is labelled twice; the first label counts")
    seen.add((label.picture, label.corners))
    if not normalize(label.text):
        raise _Unusable("the text is empty")
    try:
        crop = load_crop(label.picture, label.corners)
    except LipiyanaError as error:
        raise _Unusable(error.message) from error
    rows = rows_of(label.text, crop)
    pieces: Sequence[Pixels] = (crop,) if len(rows) == 1 else split_two_rows(crop)
    for row, piece in zip(rows, pieces, strict=True):
        _require_readable(row, bucket_width(*piece.shape[:2]))
    return _Usable(label, label.picture, rows, difference_hash(crop))


def _require_readable(row: str, width: int) -> None:
    """Refuse a row that no reader could spell in a line of `width` pixels."""
    if strange := sorted({c for c in row if unicodedata.category(c)[0] == "C"}):
        named = ", ".join(f"U+{ord(c):04X}" for c in strange)
        raise _Unusable(f"the text holds what is no character of Unicode: {named}")
    if width > MAX_WIDTH:
        raise _Unusable(
            f"the line is too long: {width} pixels at a height of 48, at most {MAX_WIDTH}"
        )
    if not fits([ord(c) for c in row], width):
        raise _Unusable(
            f"the text has {len(row)} characters, more than so narrow a crop can hold; is it "
            "cut off, or are these two rows? Write / between the rows of a plate"
        )


def rows_of(text: str, crop: Pixels) -> tuple[str, ...]:
    """Split the text of a plate of two rows: at its line break, or at its one slash where the crop
    (H, W, 3) is no wider than such plates are.
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
            f"all {len(usable)} labels say the same; a reader learns only from texts that differ",
            field="data",
            reason="ONE_LABEL",
        )


def _too_little(left: str, dropped: Sequence[Dropped]) -> InvalidRequest:
    why = "".join(f"\n  {d.where}: {d.problem}" for d in dropped[:_FEW])
    more = f"\n  and {len(dropped) - _FEW} more" if len(dropped) > _FEW else ""
    return InvalidRequest(
        f"{left}: at least {LEAST_LABELS} are needed, some to learn from and some to measure on; "
        f"50 or more do well{why}{more}",
        field="data",
        reason="TOO_LITTLE_DATA",
    )


def _conflicts(usable: Sequence[_Usable]) -> Iterator[str]:
    texts: dict[int, _Usable] = {}
    for one in usable:
        other = texts.setdefault(one.hash, one)
        # a picture of one colour has no hash to speak of
        if one.hash and other.rows != one.rows:
            yield f"{one.label.where} and {other.label.where} look the same, but their texts differ"


def _parts(usable: Sequence[_Usable], notes: list[str]) -> list[Part]:
    groups = group([one.hash for one in usable], ["/".join(one.rows) for one in usable])
    parts, moved = assign_parts([one.label.part for one in usable], groups)
    if moved:
        notes.append(f"{moved} pictures are nearly the same as others, and are kept with them")
    for part, what in (("train", "learn from"), ("validation", "measure on")):
        if part not in parts:
            raise InvalidRequest(
                f"nothing is left to {what}: too many pictures are nearly the same, or the part "
                f"{part!r} is empty; add pictures that differ",
                field="data",
                reason="TOO_LITTLE_DATA",
            )
    return parts


def _examples(one: _Usable, part: Part) -> Iterable[Example]:
    label = one.label
    for row, text in enumerate(one.rows):
        number = row if len(one.rows) == 2 else None
        yield Example(label.where, one.picture, text, part, label.corners, number)


def _grown(charset: Charset, examples: Sequence[Example], notes: list[str]) -> Charset:
    """Add the characters that the base does not know, in the order of their code points."""
    lines = Counter(c for e in examples if e.part == "train" for c in set(e.text))
    unmet = {c for e in examples for c in e.text} - set(lines)
    added = sorted(c for c in {*lines, *unmet} if c not in charset)
    if not added:
        return charset
    named = ", ".join(f"{c} (U+{ord(c):04X}, {lines[c]} lines)" for c in added)
    notes.append(f"{len(added)} characters are new to the model, and are added: {named}")
    if few := [c for c in added if lines[c] < _FEW]:
        notes.append(f"too few lines to learn them from: {' '.join(few)}")
    return Charset((*charset.characters, *added))
