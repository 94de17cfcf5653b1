"""Letters that hardly any sign in India shows, though a reader knows them.

A reader of many thousand characters sees ideographs in grilles and leaves, and letters that only
some Kashmiri is written with (Unicode Standard, chapter 12) in smudged ones of Hindi. They are
weighed down in lines in which they came out, and nowhere else: most lines are spared the work.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.language.settings import LANGUAGE, LanguageSettings
from lipiyana.ocr.scripts.table import COMMON, script_of_char

_RARE = frozenset("ऄऎऒऺऻॆॊॏ॒॑ॖॗॳॴॵॶॷ")
"""In 148,604 words of Hindi, Marathi and Nepali these are 8 letters."""


def has_unlikely(text: str, *, settings: LanguageSettings = LANGUAGE) -> bool:
    """Whether a text has a letter of no script that is read here, or one that is rare."""
    return any(_weight(character, settings) < 1 for character in text)


def without_unlikely(
    probabilities: npt.NDArray[np.float32],
    charset: tuple[str, ...],
    *,
    settings: LanguageSettings = LANGUAGE,
) -> npt.NDArray[np.float32]:
    """Weigh the classes of such letters: of no script that is read here with 0, rare ones low.

    Args:
        probabilities: (steps, classes).
        charset: the characters of classes 1, 2, ...
        settings: tuned constants.

    Returns:
        A changed copy; its rows sum to less than 1.
    """
    return probabilities * _weights(charset, settings)


@lru_cache(maxsize=8)
def _weights(charset: tuple[str, ...], settings: LanguageSettings) -> npt.NDArray[np.float32]:
    return np.array([1.0, *(_weight(label, settings) for label in charset)], np.float32)


def _weight(label: str, settings: LanguageSettings) -> float:
    if label in _RARE:
        return settings.rare_letter_weight
    foreign = len(label) == 1 and label.isalpha() and script_of_char(label) == COMMON
    return 0.0 if foreign else 1.0
