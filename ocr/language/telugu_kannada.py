"""Telugu or Kannada: most of their letters look alike, and the words tell which of both it is.

The alphabets are parallel: a letter has the same place in both blocks of Unicode. So a line is read
in each script with what the reader saw of the other added to the letters in its place, and the
language model says which of the readings is made of words.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.one_script import HINT, LATIN, classes_of
from lipiyana.ocr.language.word_search import score_words
from lipiyana.ocr.scripts.syllable_order import HOOKS
from lipiyana.ocr.scripts.table import script_of, script_of_char

Floats = npt.NDArray[np.float32]

_BLOCKS = {"Telu": 0x0C00, "Knda": 0x0C80}
_BLOCK = 0x80
_OTHER = {"Telu": "Knda", "Knda": "Telu"}

_CLEAR = 8.0
"""Nats a letter by which a line in one script is likelier than in the other, and no word is asked.
Of rendered lines in fonts that the reader had never seen, half are below, of real ones a twentieth.
"""
_SHARE = 1.0
"""How much of these nats a letter counts beside the words."""
_LEAST = 1e-6


def told_apart(
    probabilities: Floats,
    text: str,
    charset: tuple[str, ...],
    model: LanguageModel,
    hints: Collection[str] = (),
) -> Floats | None:
    """Decide between two scripts that look alike.

    Args:
        probabilities: (steps, classes) as the network gives them, of all scripts.
        text: what was read.
        charset: the characters of classes 1, 2, ...
        model: the words of each script.
        hints: codes of scripts that the line is likely in.

    Returns:
        The probabilities with those of the other script given to the letters in their places; None
        where the text is in another script, or is clearly in one of them.
    """
    code = script_of(text)
    other = _OTHER.get(code)
    if other is None or not {code, other} <= model.scripts.keys():
        return None
    letters = max(1, sum(script_of_char(character) == code for character in text))
    margin = (
        _evidence(probabilities, charset, code) - _evidence(probabilities, charset, other)
    ) / letters
    if margin > _CLEAR:
        return None
    readings = {into: _folded(probabilities, charset, into) for into in (code, other)}
    score, other_score = (score_words(read, charset, model) for read in readings.values())
    hinted = HINT * ((code in hints) - (other in hints))
    chosen = readings[code if score - other_score + _SHARE * margin + hinted > 0 else other]
    if any(script_of_char(character) == LATIN for character in text):
        latin = classes_of(charset, LATIN)
        chosen[:, latin] = probabilities[:, latin]
    return chosen


def _evidence(probabilities: Floats, charset: tuple[str, ...], code: str) -> float:
    seen = probabilities[:, classes_of(charset, code)].sum(axis=1)
    return float(np.log(np.maximum(seen, _LEAST)).sum())


def _folded(probabilities: Floats, charset: tuple[str, ...], code: str) -> Floats:
    """Leave one script, with the other's probabilities added to the letters in their places."""
    kept = classes_of(charset, code)
    folded = np.where(kept, probabilities, np.float32(0))
    mine, its = _parallels(charset, code)
    folded[:, mine] += probabilities[:, its]
    return folded


@lru_cache(maxsize=8)
def _parallels(
    charset: tuple[str, ...], code: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give the classes of a script, and of the letters in the same places of the other one."""
    classes = {character: index for index, character in enumerate(charset, 1)}
    other = _OTHER[code]
    pairs = [(chr(_BLOCKS[code] + place), chr(_BLOCKS[other] + place)) for place in range(_BLOCK)]
    hooks = {script: hook for hook, script in HOOKS.items()}
    if code in hooks and other in hooks:
        pairs.append((hooks[code], hooks[other]))
    both = [(classes[a], classes[b]) for a, b in pairs if a in classes and b in classes]
    mine, its = zip(*both, strict=True) if both else ((), ())
    return np.array(mine, np.intp), np.array(its, np.intp)
