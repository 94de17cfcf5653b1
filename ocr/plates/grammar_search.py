"""The likeliest registrations in what the reader saw, and what it saw of each of their characters.

A reader that hesitates between Q and 0 gives both a probability; the grammar says which of them
can stand there. No character comes up that the reader did not see at its place. `search` compares
registrations only with each other. `align` tells whether each character of one was seen at all,
what else was seen in its place, and what was seen beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.plates.beam_search import beam_search
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.registrations import GRAMMAR, Automaton, Reading, Slot, Variant
from lipiyana.ocr.scripts.label_order import to_labels, to_text


def _as_labels(variant: Variant) -> Variant:
    slots = (
        replace(slot, words={to_labels(word): roman for word, roman in slot.words.items()})
        for slot in variant.slots
    )
    return replace(variant, slots=tuple(slots))


_ARROW = "1"
"""What readers take the arrow of military plates for; it has no class of its own."""
_ARROW_PLACES = (0, 2)
_ARROW_SLOT = Slot("arrow", words={_ARROW: ""})


def _with_arrow(variant: Variant) -> Iterator[Variant]:
    """A variant with the arrow before its first slot or behind it."""
    first, *rest = variant.slots
    yield replace(variant, slots=(_ARROW_SLOT, first, *rest))
    yield replace(variant, slots=(first, _ARROW_SLOT, *rest))


_VARIANTS = tuple(_as_labels(pattern.variant) for pattern in GRAMMAR.patterns)
_AUTOMATON = Automaton(
    _VARIANTS
    + tuple(arrowed for variant in _VARIANTS if variant.arrow for arrowed in _with_arrow(variant))
)

CHARACTERS = tuple(
    sorted(
        {
            character
            for variant in _VARIANTS
            for slot in variant.slots
            for character in (*slot.alphabet, *"".join(slot.words))
        }
    )
)
"""Every label of the grammar, its words as readers see them: classes 1, 2, ... of a search."""

_INDEX = {character: i for i, character in enumerate(CHARACTERS, start=1)}
OTHER = 1 + len(CHARACTERS)
"""The class of all that no registration holds: a step that shows it speaks against each of them."""

_SISTER_DIGITS = str.maketrans("૦૧૨૩૪૫૬૭૮૯੦੧੨੩੪੫੬੭੮੯", "०१२३४५६७८९०१२३४५६७८९")
"""Digits of Gujarati and Gurmukhi have the shapes of Devanagari's: a row of digits alone does not
tell which script it is in.
"""

_BLANK = 0
_LEAST = 1e-6
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


def grammar_probabilities(
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


def search(
    rows: Sequence[npt.NDArray[np.float32]],
    top: int = 4,
    *,
    least: float = -math.inf,
    settings: PlateSettings = PLATES,
) -> list[Candidate]:
    """Find the likeliest registrations in the rows of a plate, from the top.

    Args:
        rows: what `grammar_probabilities` made of each.
        top: how many to return at most.
        least: less likely ones may be left out; where there are no others, the search ends early.
        settings: tuned constants.

    Returns:
        Distinct registrations, best first; none where no path fits the grammar.
    """
    found = beam_search(
        _worth_a_step(_joined(rows), settings)[:, :OTHER],
        CHARACTERS,
        _AUTOMATON.step,
        start=_AUTOMATON.start,
        width=settings.beam_width,
        classes_a_step=settings.classes_a_step,
        least=least,  # no prior is above 0
    )
    readings = ((_reading(labels), score, labels) for labels, score in found)
    weighed = [
        Candidate("".join(reading.parts), score + reading.prior, labels)
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
            if reading is not None and reading.variant.arrow:
                return reading
    return None


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


def _worth_a_step(
    probabilities: npt.NDArray[np.float32], settings: PlateSettings
) -> npt.NDArray[np.float32]:
    """Leave out what costs time and decides nothing: chances that are next to none, and blanks
    after blanks.
    """
    seen = np.where(probabilities < settings.negligible_probability, np.float32(0), probabilities)
    empty = probabilities[:, 0] > 1 - settings.negligible_probability
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


@dataclass(frozen=True, slots=True)
class Seen:
    """One character of a registration as the reader saw it.

    Attributes:
        probability: of the character, at the time step where it is likeliest.
        rival: the likeliest other character at that step; "" for one that no registration has.
        rival_probability: of `rival`.
        row: index of the row that it stands in.
        place: of that step, as a share of the row's steps, in (0, 1).
    """

    probability: float
    rival: str
    rival_probability: float
    row: int
    place: float

    @property
    def share(self) -> float:
        """Its part of the probability that it has together with its rival."""
        return self.probability / max(_LEAST, self.probability + self.rival_probability)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A registration aligned with the rows that spell it.

    Attributes:
        characters: one a label of the registration.
        ignored: characters that the reader saw and that the registration does not have.
    """

    characters: tuple[Seen, ...]
    ignored: int


def align(
    rows: Sequence[npt.NDArray[np.float32]],
    labels: str,
    contents: Sequence[float] | None = None,
    *,
    settings: PlateSettings = PLATES,
) -> Evidence:
    """Find the likeliest place of each character: the best path of the text through the rows.

    Args:
        rows: what `grammar_probabilities` made of each, from the top.
        labels: the registration in the order of `label_order.to_labels`, of `CHARACTERS` alone.
        contents: by row how many of its steps show the crop, the rest being padding; all where
            None.
        settings: tuned constants.
    """
    counts = [len(row) for row in rows]
    probabilities = np.concatenate(rows)
    classes = np.array([_INDEX[label] for label in labels], np.intp)
    path = _likeliest_states(
        np.log(np.maximum(probabilities, _LEAST)), classes, set(np.cumsum(counts))
    )
    starts = np.cumsum([0, *counts])
    sizes = counts if contents is None else contents
    letters = probabilities.copy()
    letters[:, _BLANK] = 0
    found = []
    for place, index in enumerate(classes):
        steps = np.flatnonzero(path == 2 * place + 1)
        step = int(steps[probabilities[steps, index].argmax()])
        row = int(np.searchsorted(starts, step, side="right")) - 1
        others = letters[step].copy()
        others[index] = 0
        rival = int(others.argmax())
        found.append(
            Seen(
                float(probabilities[step, index]),
                CHARACTERS[rival - 1] if 0 < rival <= len(CHARACTERS) else "",
                float(others[rival]),
                row,
                float((step - starts[row] + 0.5) / max(1.0, sizes[row])),
            )
        )
    beside = (path % 2 == 0) & (letters.max(axis=1) > settings.seen_probability)
    kinds = np.where(beside, letters.argmax(axis=1), -1)
    begins = (kinds >= 0) & (np.r_[-1, kinds[:-1]] != kinds)
    return Evidence(tuple(found), int(begins.sum()))


def _likeliest_states(
    logs: npt.NDArray[np.floating], classes: npt.NDArray[np.intp], row_starts: set[int]
) -> npt.NDArray[np.intp]:
    """State of each step: 2 i + 1 is character i, even ones are blanks between.

    A character does not go on from one row to the next.
    """
    count = 2 * len(classes) + 1
    symbols = np.zeros(count, np.intp)
    symbols[1::2] = classes
    skips = np.zeros(count, np.bool_)
    skips[3::2] = classes[1:] != classes[:-1]
    odd, every = np.arange(count) % 2 == 1, np.ones(count, np.bool_)
    # what it costs to come from the same state, the one before, and the one before that
    costs = np.where(np.stack([every, every, skips]), 0.0, -np.inf)
    at_new_row = np.where(np.stack([~odd, every, odd]), 0.0, -np.inf)
    seen = logs[:, symbols]
    places = np.arange(count)
    # two states before the first, from which nothing comes
    scores = np.full(count + 2, -np.inf)
    scores[2:4] = seen[0, :2]
    windows = np.lib.stride_tricks.sliding_window_view(scores, count)[::-1]
    came = np.zeros((len(logs), count), np.intp)
    for step in range(1, len(logs)):
        options = windows + (at_new_row if step in row_starts else costs)
        best = options.argmax(axis=0)
        came[step] = best
        scores[2:] = options[best, places] + seen[step]
    score = scores[2:]
    state = count - 1 if score[-1] >= score[-2] else count - 2
    path = np.empty(len(logs), np.intp)
    for step in range(len(logs) - 1, -1, -1):
        path[step] = state
        state -= int(came[step, state])
    return path
