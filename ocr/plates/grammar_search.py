"""The likeliest registrations in what the reader saw, also where its first choice is none.

A reader that hesitates between Q and 0 gives both a probability; the grammar says which of them
can stand there. No character comes up that the reader did not see at its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.recognition.decoding import beam_search
from lipiyana.ocr.registrations import GRAMMAR, Reading
from lipiyana.ocr.registrations.automaton import Automaton
from lipiyana.ocr.registrations.slots import Pattern, Slot
from lipiyana.ocr.scripts.label_order import to_labels, to_text
from lipiyana.types import RegistrationFormat

WIDTH = 12
_NEXT_TO_NONE = 2e-4
CLASSES_A_STEP = 6


def _as_labels(pattern: Pattern) -> Pattern:
    slots = (
        replace(slot, words={to_labels(word): roman for word, roman in slot.words.items()})
        for slot in pattern.slots
    )
    return replace(pattern, slots=tuple(slots))


_ARROW = "1"
"""What readers take the arrow of military plates for; it has no class of its own."""

_ARROW_PLACES = (0, 2)
_ARROW_SLOT = Slot("arrow", words={_ARROW: ""})


def _with_arrow(pattern: Pattern) -> Iterator[Pattern]:
    """A military pattern with the arrow before the year or behind it."""
    year, *rest = pattern.slots
    yield replace(pattern, slots=(_ARROW_SLOT, year, *rest))
    yield replace(pattern, slots=(year, _ARROW_SLOT, *rest))


_PATTERNS = tuple(map(_as_labels, GRAMMAR.patterns))
_AUTOMATON = Automaton(
    _PATTERNS
    + tuple(
        arrowed
        for pattern in _PATTERNS
        if pattern.format is RegistrationFormat.MILITARY
        for arrowed in _with_arrow(pattern)
    )
)

CHARACTERS = tuple(
    sorted(
        {
            character
            for pattern in _PATTERNS
            for slot in pattern.slots
            for character in (*slot.alphabet, *"".join(slot.words))
        }
    )
)
"""Every label of the grammar, its words as readers see them: classes 1, 2, ... of a search."""

_SELDOM = 4.0  # nats
_MISSING_DIGIT = 2.0
_INDEX = {character: i for i, character in enumerate(CHARACTERS, start=1)}
OTHER = 1 + len(CHARACTERS)
"""The class of all that no registration holds: a step that shows it speaks against each of them."""

_SISTER_DIGITS = str.maketrans("૦૧૨૩૪૫૬૭૮૯੦੧੨੩੪੫੬੭੮੯", "०१२३४५६७८९०१२३४५६७८९")
"""Digits of Gujarati and Gurmukhi have the shapes of Devanagari's: a row of digits alone does not
tell which script it is in.
"""

_SEPARATORS = frozenset(" \u00a0.,:;-‐‑‒–—−_·•*|/'`\"")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registration without separators, and how likely it is.

    Attributes:
        log_probability: natural logarithm, over all ways to read it, and of how usual the form is.
        labels: what spells it, of `CHARACTERS`; with the arrow of a military plate.
    """

    text: str
    log_probability: float
    labels: str = ""


def letters_and_digits(
    probabilities: npt.NDArray[np.float32], charset: tuple[str, ...]
) -> npt.NDArray[np.float32]:
    """Add up the reader's classes that are one character to the grammar.

    Lower case counts as upper case, a separator as the blank. What else the reader knows is one
    class, `OTHER`.

    Args:
        probabilities: (steps, classes of the reader).
        charset: the characters of classes 1, 2, ...

    Returns:
        (steps, 2 + len(CHARACTERS)); each row sums to 1.
    """
    sources, targets = _columns(charset)
    folded = np.zeros((1 + OTHER, len(probabilities)), np.float32)
    np.add.at(folded, targets, probabilities[:, sources].T)
    folded[OTHER] = 1 - np.minimum(folded.sum(axis=0), 1.0)
    return np.minimum(folded.T, 1.0)


def search(rows: Sequence[npt.NDArray[np.float32]], top: int = 4) -> list[Candidate]:
    """Find the likeliest registrations in the rows of a plate, from the top.

    Args:
        rows: what `letters_and_digits` made of each.
        top: how many to return at most.

    Returns:
        Distinct registrations, best first; none where no path fits the grammar.
    """
    states: dict[str, int | None] = {"": _AUTOMATON.start}

    def follows(prefix: str, character: str) -> float:
        state = states[prefix]
        reached = None if state is None else _AUTOMATON.step(state, character)
        states[prefix + character] = reached
        return -math.inf if reached is None else 0.0

    found = beam_search(
        _worth_a_step(_joined(rows))[:, :OTHER],
        CHARACTERS,
        width=WIDTH,
        top=WIDTH,
        classes_a_step=CLASSES_A_STEP,
        scorer=follows,
    )
    readings = ((_reading(labels), score, labels) for labels, score in found)
    weighed = [
        Candidate("".join(reading.parts), score + prior(reading), labels)
        for reading, score, labels in readings
        if reading is not None
    ]
    ranked = sorted(weighed, key=lambda c: (-c.log_probability, c.text))
    # with its arrow and without one it is one registration
    return list({candidate.text: candidate for candidate in reversed(ranked)}.values())[::-1][:top]


def _reading(labels: str) -> Reading | None:
    text = to_text(labels)
    reading = GRAMMAR.reading(text)
    if reading is not None:
        return reading
    for place in _ARROW_PLACES:
        if text[place : place + 1] == _ARROW:
            reading = GRAMMAR.reading(text[:place] + text[place + 1 :])
            if reading is not None and reading.pattern.format is RegistrationFormat.MILITARY:
                return reading
    return None


def prior(reading: Reading) -> float:
    """Natural logarithm of how usual a form is, cautiously: fewer than 2 % of the cars on the
    road have a number of fewer than four digits or three series letters, some 4 % no letters.
    Short numbers, above all without letters, are rather a part of a plate than a plate. Trade
    plates are as seldom, but nothing else ends in TC and four digits. In Nepal a tenth of the
    numbers has three digits, a hundredth two.
    """
    kind, missing = reading.pattern.format, 4 - len(reading.part("number"))
    if kind is RegistrationFormat.LEGACY:
        return -_SELDOM - _MISSING_DIGIT * missing
    if kind in {RegistrationFormat.DIPLOMATIC, RegistrationFormat.MILITARY}:
        return -_SELDOM
    if kind is RegistrationFormat.NEPAL:
        return -_MISSING_DIGIT * missing - (_SELDOM / 2 if reading.parts[0].isascii() else 0.0)
    if kind is not RegistrationFormat.STANDARD:
        return 0.0
    letters = len(reading.part("lot"))
    alone = 1.0 if letters else 1.5
    return -_MISSING_DIGIT * alone * missing - {0: 1.5, 3: 2.0}.get(letters, 0.0)


def best_path(rows: Sequence[npt.NDArray[np.float32]]) -> float:
    """Natural logarithm of the likeliest path through the rows, whatever it spells.

    All that is `OTHER` counts as one character.
    """
    with np.errstate(divide="ignore"):
        return float(sum(np.log(row.max(axis=1)).sum() for row in rows))


def _joined(rows: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    # one character at the end of a row and the same at the start of the next are two
    blank = np.zeros((1, 1 + OTHER), np.float32)
    blank[0, 0] = 1
    return np.concatenate([part for row in rows for part in (row, blank)])


def _worth_a_step(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Leave out what costs time and decides nothing: chances that are next to none, and blanks
    after blanks.
    """
    seen = np.where(probabilities < _NEXT_TO_NONE, np.float32(0), probabilities)
    empty = probabilities[:, 0] > 1 - _NEXT_TO_NONE
    return np.asarray(seen[~(empty & np.roll(empty, 1)) | (np.arange(len(seen)) == 0)])


def _folded(character: str) -> str:
    return character.upper().translate(_SISTER_DIGITS)


@lru_cache(maxsize=8)
def _columns(charset: tuple[str, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    sources, targets = [0], [0]
    for index, character in enumerate(charset, start=1):
        target = 0 if character in _SEPARATORS else _INDEX.get(_folded(character))
        if target is not None:
            sources.append(index)
            targets.append(target)
    return np.array(sources, np.intp), np.array(targets, np.intp)
