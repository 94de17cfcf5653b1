"""Aligns a registration with its rows: what did the reader see of each of its characters?

The search compares registrations only with each other. This module tells whether each character was
seen at all, what else was seen in its place, and what was seen beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.plates.grammar_search import CHARACTERS
from lipiyana.ocr.plates.settings import PLATES, PlateSettings

_LEAST = 1e-6
_BLANK = 0
_INDEX = {character: index for index, character in enumerate(CHARACTERS, start=1)}


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
        rows: what `grammar_search.letters_and_digits` kept of each, from the top.
        labels: the registration in the order of `label_order.to_labels`, of `CHARACTERS` alone.
        contents: by row how many of its steps show the crop, the rest being padding; all where
            None.
        settings: tuned constants.
    """
    counts = [len(row) for row in rows]
    probabilities = np.concatenate(rows)
    classes = np.array([_INDEX[label] for label in labels], np.intp)
    path = _best_path(np.log(np.maximum(probabilities, _LEAST)), classes, set(np.cumsum(counts)))
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


def _best_path(
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
    odd = np.arange(count) % 2 == 1
    score = np.full(count, -np.inf)
    score[:2] = logs[0, symbols[:2]]
    came = np.zeros((len(logs), count), np.intp)
    for step in range(1, len(logs)):
        new_row = step in row_starts
        stay = np.where(odd & new_row, -np.inf, score)
        one = np.r_[-np.inf, score[:-1]]
        two = np.r_[-np.inf, -np.inf, score[:-2]]
        allowed = skips | new_row if new_row else skips
        two = np.where(allowed & odd, two, -np.inf)
        options = np.stack([stay, one, two])
        best = options.argmax(axis=0)
        score = options[best, np.arange(count)] + logs[step, symbols]
        came[step] = best
    state = count - 1 if score[-1] >= score[-2] else count - 2
    path = np.empty(len(logs), np.intp)
    for step in range(len(logs) - 1, -1, -1):
        path[step] = state
        state -= int(came[step, state])
    return path
