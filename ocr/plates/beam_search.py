"""Searches a row for the likeliest texts among those that an automaton allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Step = Callable[[int, str], int | None]
"""The state of an automaton after a state and a character; None where it cannot follow."""

_BLANK = 0
_NONE = -1  # no prefix
_ROUNDING = 1e-6  # sums of many steps in another order differ by less


def beam_search(
    probabilities: Floats,
    charset: Sequence[str],
    follow: Step,
    *,
    start: int = 0,
    width: int = 8,
    classes_a_step: int = 16,
    least: float = -math.inf,
) -> list[tuple[str, float]]:
    """Search the likeliest texts, adding up all paths that spell the same text.

    Prefix beam search (Hannun et al. 2014). Exact where `width` holds every prefix and
    `classes_a_step` every class.

    Args:
        probabilities: (steps, classes), class 0 being the blank; no step sums to more than 1.
        charset: the characters of classes 1, 2, ...
        follow: of the automaton.
        start: its state before the first character.
        width: prefixes kept after each step.
        classes_a_step: characters that are tried at each step, the likeliest ones.
        least: a search that cannot reach this logarithm any more ends without a text.

    Returns:
        Up to `width` pairs (text, natural logarithm of its probability), best first.
    """
    # plain numbers: a search takes millions of single values, which numpy hands out slowly
    exact = probabilities.astype(np.float64)
    rows: list[list[float]] = exact.tolist()
    prefixes = _Prefixes(charset, follow, start)
    # by prefix the probability of the paths that end in a blank, and of those that do not
    beams: dict[int, tuple[float, float]] = {0: (1.0, 0.0)}
    scale = 0.0  # natural logarithm of what all of them are divided by
    hopes = _hopes(exact)
    if hopes[0] < least:
        return []
    for row, tried, hope in zip(rows, _tried(exact, classes_a_step), hopes[1:], strict=True):
        likely = [(index, row[index]) for index in tried if row[index] > 0]
        grown = _grown(beams, prefixes, row, likely, width)
        totals = {prefix: blank + last for prefix, (blank, last) in grown.items()}
        if len(grown) > width:
            best = sorted(totals, key=totals.__getitem__, reverse=True)[:width]
            grown = {prefix: grown[prefix] for prefix in best}
            totals = {prefix: totals[prefix] for prefix in best}
        greatest = max(totals.values())
        if greatest == 0 or math.log(sum(totals.values())) + scale + hope < least:
            return []
        # else the products of many steps would be too small for a float
        beams = {
            prefix: (blank / greatest, last / greatest) for prefix, (blank, last) in grown.items()
        }
        scale += math.log(greatest)
    found = [
        (prefixes.texts[prefix], math.log(blank + last) + scale)
        for prefix, (blank, last) in beams.items()
        if blank + last > 0
    ]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _hopes(probabilities: npt.NDArray[np.float64]) -> list[float]:
    """Before each step and after the last, the logarithm of what all paths from there have
    together: paths that were followed so far lose at least this.
    """
    sums = np.minimum(probabilities.sum(axis=1), 1.0)
    with np.errstate(divide="ignore"):
        logs = np.log(sums)[::-1]
    return [*(np.cumsum(logs)[::-1] + _ROUNDING).tolist(), _ROUNDING]


def _tried(probabilities: npt.NDArray[np.float64], count: int) -> list[list[int]]:
    """At each step the likeliest classes but the blank, from the likeliest."""
    order = np.argsort(-probabilities[:, 1:], axis=1, kind="stable")[:, :count] + 1
    tried: list[list[int]] = order.tolist()
    return tried


class _Prefixes:
    """The prefixes of a search by their numbers; prefix 0 is the empty one.

    Attributes:
        texts: what each spells.
        ends: class of its last character; the blank for the empty one.
        parents: the prefix without that character; `_NONE` for the empty one.
        longer: by class, the prefix with one more character; None where it cannot follow.
    """

    def __init__(self, charset: Sequence[str], follow: Step, start: int) -> None:
        self._charset, self._follow = charset, follow
        self.texts: list[str] = [""]
        self.ends: list[int] = [_BLANK]
        self.parents: list[int] = [_NONE]
        self._states = [start]
        self.longer: list[dict[int, int | None]] = [{}]

    def add(self, prefix: int, index: int) -> int | None:
        """Add what `longer` has to hold for a prefix and a class, and return it."""
        character = self._charset[index - 1]
        state = self._follow(self._states[prefix], character)
        if state is None:
            self.longer[prefix][index] = None
            return None
        number = self.longer[prefix][index] = len(self.texts)
        self.texts.append(self.texts[prefix] + character)
        self.ends.append(index)
        self.parents.append(prefix)
        self._states.append(state)
        self.longer.append({})
        return number


def _grown(
    beams: dict[int, tuple[float, float]],
    prefixes: _Prefixes,
    row: list[float],
    likely: list[tuple[int, float]],
    width: int,
) -> dict[int, tuple[float, float]]:
    """The prefixes after one more time step, with their probabilities.

    Longer ones that `width` others surpass are not made, which saves most of the work.
    """
    ends, parents = prefixes.ends, prefixes.parents
    chances = dict(likely)
    empty = row[_BLANK]
    grown: dict[int, tuple[float, float]] = {}
    for prefix, (blank, last) in beams.items():
        end, parent = ends[prefix], parents[prefix]
        stays = last * row[end]
        if parent in beams and end in chances:
            its_blank, its_last = beams[parent]
            # a repeat is a new character only after a blank
            before = its_blank if ends[parent] == end else its_blank + its_last
            stays += before * chances[end]
        grown[prefix] = ((blank + last) * empty, stays)
    least = min(map(sum, grown.values())) if len(grown) >= width else 0.0
    for prefix, (blank, last) in beams.items():
        both, end, longer = blank + last, ends[prefix], prefixes.longer[prefix]
        for index, chance in likely:
            if both * chance <= least:
                break
            total = (blank if index == end else both) * chance
            if total <= least:
                continue
            known = longer[index] if index in longer else prefixes.add(prefix, index)
            if known is not None and known not in beams:
                grown[known] = (0.0, total)
    return grown
