"""Which registration a plate's rows spell: hypotheses over all ways in which they were read.

Limits and costs are natural logarithms of probabilities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.grammar_search import best_path, prior, search
from lipiyana.ocr.registrations import GRAMMAR, Reading
from lipiyana.types import Registration, RegistrationFormat

Kept = npt.NDArray[np.float32]
"""What `grammar_search.letters_and_digits` kept of a row."""

NO_REGISTRATION = -0.7
"""How likely it is, a character, that there is none. A reader that guesses makes registrations
up: chosen on training pictures, readable plates on the one side, pictures without a plate and
plates that nobody can read on the other.
"""

_CLEAR = -0.1
"""How likely, a character, what is seen of a registration must be for how usual it is not to count:
to tell a short one from a part of another is the business of a plate that is hard to read.
"""
_FEWEST_CLEAR = 5  # characters

_LEAST_RATIO = -8.0  # to the likeliest path through the same rows, whatever it spells
_DROPPED_ROW = 4.0  # nats that leaving out a row costs
_ALTERNATIVES_WITHIN = 4.0
_MOST_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The likeliest registration.

    Attributes:
        registration: with its alternatives, best first.
        attempt: index of the attempt in which it is likeliest.
        a_character: natural logarithm of its probability, by the number of its characters;
            registrations of any length compare by it. Of one that is clear to see, how usual it
            is does not count.
    """

    registration: Registration
    attempt: int
    a_character: float


@dataclass(frozen=True, slots=True, eq=False)
class _Hypothesis:
    text: str
    score: float  # log probability, less what was left out
    attempt: int


def likeliest(attempts: Sequence[Sequence[Kept]]) -> Verdict | None:
    """Find the registration that is likeliest over all attempts to read one plate.

    Args:
        attempts: the rows of each, from the top.

    Returns:
        None where no row can be a part of one.
    """
    totals: dict[str, float] = defaultdict(lambda: -np.inf)
    best: dict[str, _Hypothesis] = {}
    for hypothesis in _hypotheses(attempts):
        text = hypothesis.text
        totals[text] = float(np.logaddexp(totals[text], hypothesis.score))
        if text not in best or hypothesis.score > best[text].score:
            best[text] = hypothesis
    ranked = sorted(totals, key=lambda text: (-totals[text], text))
    reading = GRAMMAR.reading(ranked[0]) if ranked else None
    if reading is None:
        return None
    chosen, total = best[ranked[0]], totals[ranked[0]]
    others = [t for t in ranked[1:] if total - totals[t] < _ALTERNATIVES_WITHIN]
    unusual = prior(reading)
    if not _clear(reading, chosen.score - unusual):
        unusual = 0.0
    registration = replace(
        reading.registration(_agreement(chosen.text, totals, unusual)),
        alternatives=tuple(others[:_MOST_ALTERNATIVES]),
    )
    return Verdict(registration, chosen.attempt, (chosen.score - unusual) / len(chosen.text))


def _clear(reading: Reading, seen: float) -> bool:
    """Tell whether a registration is seen too clearly to be a part of another, or no registration;
    without series letters parts and phone numbers look like one.
    """
    length = sum(map(len, reading.parts))
    told = reading.pattern.format is not RegistrationFormat.LEGACY and (
        reading.pattern.format is not RegistrationFormat.STANDARD or bool(reading.part("lot"))
    )
    return told and length >= _FEWEST_CLEAR and seen >= _CLEAR * length


def _hypotheses(attempts: Sequence[Sequence[Kept]]) -> Iterator[_Hypothesis]:
    for index, rows in enumerate(attempts):
        for window in _windows(tuple(rows)):
            cost = _DROPPED_ROW * (len(rows) - len(window))
            highest = best_path(window)
            for candidate in search(window):
                score = candidate.log_probability - cost
                if score - highest >= _LEAST_RATIO:
                    yield _Hypothesis(candidate.text, score, index)


def _windows(rows: tuple[Kept, ...]) -> Iterator[tuple[Kept, ...]]:
    """All rows, and one or two neighbours of more: makers and slogans stand above and below."""
    if rows:
        yield rows
    for size in (2, 1):
        if size < len(rows):
            yield from (rows[start : start + size] for start in range(len(rows) - size + 1))


def _agreement(text: str, totals: dict[str, float], unusual: float) -> tuple[float, ...]:
    """How likely each character of `text` is: the share of all that may stand there which has it,
    other registrations and, with `NO_REGISTRATION`, none, to which `unusual` is added.
    """
    nothing = NO_REGISTRATION * len(text) + unusual
    highest = max(nothing, *totals.values())
    weights = {other: float(np.exp(total - highest)) for other, total in totals.items()}
    agreed = np.zeros(len(text))
    for other, weight in weights.items():
        for block in SequenceMatcher(None, text, other, autojunk=False).get_matching_blocks():
            agreed[block.a : block.a + block.size] += weight
    whole = sum(weights.values()) + float(np.exp(nothing - highest))
    return tuple((agreed / whole).tolist())
