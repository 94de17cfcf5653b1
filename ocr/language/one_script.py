"""A line is in one script, with Latin beside it at most: what else the reader saw is taken back.

One network for all scripts confuses letters of neighbours that look alike (Devanagari and
Gurmukhi, Telugu and Kannada). The whole line tells which script it is in; each letter alone
does not.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.scripts.syllable_order import HOOKS
from lipiyana.ocr.scripts.table import COMMON, script_of_char

LATIN = "Latn"
MIXED_PENALTY = 4.0
"""Nats by which a line in two scripts must be likelier than one in either."""

HINT = 6.0
"""Nats by which a line in a script that nobody hinted at must be likelier than one in a script that
somebody did.
"""

_LEAST = 1e-6


def keep_one_script(
    probabilities: npt.NDArray[np.float32], charset: tuple[str, ...], hints: Collection[str] = ()
) -> npt.NDArray[np.float32]:
    """Set to zero what belongs to none of the scripts that a line is likely in.

    The likelihood of a script is that of the best path through its own characters and those
    that all scripts share.

    Args:
        probabilities: (lines, steps, classes).
        charset: the characters of classes 1, 2, ...
        hints: codes of scripts that lines are likely in.

    Returns:
        The same array where the charset has but one script; a changed copy otherwise.
    """
    scripts, groups = _groups(charset)
    if len(scripts) < 3:
        return probabilities
    # best[s]: the likeliest character of script s at each step; the last row is what is shared
    best = np.maximum.reduceat(probabilities[:, :, groups.order], groups.starts, axis=2)
    shared = best[:, :, -1:]
    alone = np.log(np.maximum(np.maximum(best[:, :, :-1], shared), _LEAST)).sum(axis=1)
    latin = scripts.index(LATIN) if LATIN in scripts else None
    hinted = HINT * np.array([script in hints for script in scripts])
    scores = [alone + hinted]
    if latin is not None:
        beside = np.maximum(best[:, :, :-1], np.maximum(shared, best[:, :, latin : latin + 1]))
        mixed = np.log(np.maximum(beside, _LEAST)).sum(axis=1) - MIXED_PENALTY
        scores.append(mixed + hinted)
    winner = np.concatenate(scores, axis=1).argmax(axis=1)
    kept = groups.masks[winner % len(scripts)].copy()
    if latin is not None:
        kept[winner >= len(scripts)] |= groups.masks[latin]
    return np.where(kept[:, None, :], probabilities, np.float32(0))


def classes_of(charset: tuple[str, ...], code: str) -> npt.NDArray[np.bool_]:
    """Mark the classes of a script, with the blank and what all scripts share.

    Args:
        charset: the characters of classes 1, 2, ...
        code: of a script that the charset has.

    Returns:
        (classes,); not to be changed.
    """
    scripts, groups = _groups(charset)
    mask: npt.NDArray[np.bool_] = groups.masks[scripts.index(code)]
    return mask


class _Groups:
    """Classes by script: sorted into runs, and as masks (scripts, classes)."""

    def __init__(self, codes: list[str], scripts: list[str]) -> None:
        rank = {code: index for index, code in enumerate([*scripts, COMMON])}
        ranks = np.array([rank[code] for code in codes])
        self.order = np.argsort(ranks, kind="stable")
        self.starts = np.searchsorted(ranks[self.order], np.arange(len(rank)))
        self.masks: npt.NDArray[np.bool_] = np.array(
            [(ranks == i) | (ranks == len(scripts)) for i in range(len(scripts))]
        )


@lru_cache(maxsize=8)
def _groups(charset: tuple[str, ...]) -> tuple[list[str], _Groups]:
    codes = [COMMON, *(HOOKS.get(label) or script_of_char(label) for label in charset)]
    scripts = sorted(set(codes) - {COMMON})
    return scripts, _Groups(codes, scripts)
