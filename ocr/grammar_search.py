"""The likeliest registrations in what the reader saw, also where its first choice is none.

A reader that hesitates between Q and 0 gives both a probability; the grammar says which of them
can stand there. No character comes up that the reader did not see at its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.decoding import alignment, beam_search
from lipiyana.ocr.registrations import GRAMMAR, Reading
from lipiyana.types import RegistrationFormat

WIDTH = 12
CLASSES_A_STEP = 6

CHARACTERS = tuple(
    sorted(
        {
            character
            for pattern in GRAMMAR.patterns
            for slot in pattern.slots
            for character in (*slot.alphabet, *"".join(slot.words))
        }
    )
)
"""Every character of the grammar: classes 1, 2, ... of what is searched."""

_SELDOM = {
    RegistrationFormat.LEGACY,
    RegistrationFormat.DIPLOMATIC,
    RegistrationFormat.MILITARY,
    RegistrationFormat.TRADE,
}
_INDEX = {character: i for i, character in enumerate(CHARACTERS, start=1)}

_SEPARATORS = frozenset(" \u00a0.,:;-‐‑‒–—−_·•*|/'`\"")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registration without separators, and how likely it is.

    Attributes:
        log_probability: natural logarithm, over all ways to read it, and of how usual the form is.
    """

    text: str
    log_probability: float


def letters_and_digits(
    probabilities: npt.NDArray[np.float32], charset: tuple[str, ...]
) -> npt.NDArray[np.float32]:
    """Add up the reader's classes that are one character to the grammar.

    Lower case counts as upper case, a separator as the blank. What else the reader knows is left
    out, so that the rows may sum to less than 1.

    Args:
        probabilities: (steps, classes of the reader).
        charset: the characters of classes 1, 2, ...

    Returns:
        (steps, 1 + len(CHARACTERS)).
    """
    sources, targets = _columns(charset)
    folded = np.zeros((1 + len(CHARACTERS), len(probabilities)), np.float32)
    np.add.at(folded, targets, probabilities[:, sources].T)
    return np.minimum(folded.T, 1.0)


def search(rows: Sequence[npt.NDArray[np.float32]], top: int = 4) -> list[Candidate]:
    """Find the likeliest registrations in the rows of a plate, from the top.

    Args:
        rows: what `letters_and_digits` made of each.
        top: how many to return at most.

    Returns:
        Distinct registrations, best first; none where no path fits the grammar.
    """
    states: dict[str, int | None] = {"": GRAMMAR.automaton.start}

    def follows(prefix: str, character: str) -> float:
        state = states[prefix]
        reached = None if state is None else GRAMMAR.automaton.step(state, character)
        states[prefix + character] = reached
        return -math.inf if reached is None else 0.0

    found = beam_search(
        _joined(rows),
        CHARACTERS,
        width=WIDTH,
        top=WIDTH,
        classes_a_step=CLASSES_A_STEP,
        scorer=follows,
    )
    readings = ((GRAMMAR.reading(text), score) for text, score in found)
    weighed = [
        Candidate("".join(reading.parts), score + _prior(reading))
        for reading, score in readings
        if reading is not None
    ]
    return sorted(weighed, key=lambda c: (-c.log_probability, c.text))[:top]


def _prior(reading: Reading) -> float:
    """Natural logarithm of how usual a form is, cautiously: fewer than 2 % of the cars on the
    road have a number of fewer than four digits or three series letters, some 4 % no letters.
    """
    if reading.pattern.format in _SELDOM:
        return -6.0
    if reading.pattern.format is not RegistrationFormat.STANDARD:
        return 0.0
    digits, letters = len(reading.part("number")), len(reading.part("lot"))
    return -1.5 * (4 - digits) - {0: 1.5, 3: 2.0}.get(letters, 0.0)


def best_path(rows: Sequence[npt.NDArray[np.float32]]) -> float:
    """Natural logarithm of the likeliest path through the rows, whatever it spells."""
    with np.errstate(divide="ignore"):
        return float(sum(np.log(row.max(axis=1)).sum() for row in rows))


def confidences(rows: Sequence[npt.NDArray[np.float32]], text: str) -> tuple[float, ...]:
    """Probability of each character of a registration that `search` found in `rows`."""
    return alignment(_joined(rows), [_INDEX[character] for character in text])


def _joined(rows: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    # one character at the end of a row and the same at the start of the next are two
    blank = np.zeros((1, 1 + len(CHARACTERS)), np.float32)
    blank[0, 0] = 1
    return np.concatenate([part for row in rows for part in (row, blank)])


@lru_cache(maxsize=8)
def _columns(charset: tuple[str, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    sources, targets = [0], [0]
    for index, character in enumerate(charset, start=1):
        target = 0 if character in _SEPARATORS else _INDEX.get(character.upper())
        if target is not None:
            sources.append(index)
            targets.append(target)
    return np.array(sources, np.intp), np.array(targets, np.intp)
