"""Which script a line is in: one script, with Latin beside it at most.

One network for all scripts confuses letters of scripts that look alike (Devanagari and Gurmukhi,
Telugu and Kannada). The whole line tells which script it is in; a single letter does not.

Telugu and Kannada look most alike, and their alphabets are parallel: a letter has the same place in
both blocks of Unicode. Such a line is read in each of the two, with what the reader saw of the
other added to the letters in its place, and the language model says which reading is made of words.

Some letters stand on hardly any sign in India. A reader of many thousand characters sees ideographs
in grilles and leaves, and letters that only some Kashmiri is written with (Unicode Standard,
chapter 12) in smudged Hindi. `without_unlikely` lowers their probability in lines in which they
were read; most lines need no such work.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.settings import LANGUAGE, LanguageSettings
from lipiyana.ocr.language.word_search import score_words
from lipiyana.ocr.scripts.label_order import HOOKS
from lipiyana.ocr.scripts.table import COMMON, script_of, script_of_char

LATIN = "Latn"


_LEAST = 1e-6


def keep_one_script(
    probabilities: npt.NDArray[np.float32],
    charset: tuple[str, ...],
    hints: Collection[str] = (),
    *,
    settings: LanguageSettings = LANGUAGE,
) -> npt.NDArray[np.float32]:
    """Set to zero the characters of all scripts but the likeliest one of each line.

    The likelihood of a script is that of the best path through its own characters and those
    that all scripts share.

    Args:
        probabilities: (lines, steps, classes).
        charset: the characters of classes 1, 2, ...
        hints: codes of scripts that lines are likely in.
        settings: tuned constants.

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
    hinted = settings.hint * np.array([script in hints for script in scripts])
    scores = [alone + hinted]
    if latin is not None:
        beside = np.maximum(best[:, :, :-1], np.maximum(shared, best[:, :, latin : latin + 1]))
        mixed = np.log(np.maximum(beside, _LEAST)).sum(axis=1) - settings.mixed_penalty
        scores.append(mixed + hinted)
    winner = np.concatenate(scores, axis=1).argmax(axis=1)
    allowed = groups.masks[winner % len(scripts)].copy()
    if latin is not None:
        allowed[winner >= len(scripts)] |= groups.masks[latin]
    return np.where(allowed[:, None, :], probabilities, np.float32(0))


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


Floats = npt.NDArray[np.float32]

_BLOCKS = {"Telu": 0x0C00, "Knda": 0x0C80}
_BLOCK = 0x80
_OTHER = {"Telu": "Knda", "Knda": "Telu"}


def choose_telugu_or_kannada(
    probabilities: Floats,
    text: str,
    charset: tuple[str, ...],
    model: LanguageModel,
    hints: Collection[str] = (),
    *,
    settings: LanguageSettings = LANGUAGE,
) -> Floats | None:
    """Choose between Telugu and Kannada, which look alike.

    Args:
        probabilities: (steps, classes) as the network gives them, of all scripts.
        text: what was read.
        charset: the characters of classes 1, 2, ...
        model: the words of each script.
        hints: codes of scripts that the line is likely in.
        settings: tuned constants.

    Returns:
        The probabilities of one script, with those of the other added to its parallel letters; None
        if the text is in another script, or clearly in one of the two.
    """
    code = script_of(text)
    other = _OTHER.get(code)
    if other is None or not {code, other} <= model.scripts.keys():
        return None
    letters = max(1, sum(script_of_char(character) == code for character in text))
    margin = (
        _evidence(probabilities, charset, code) - _evidence(probabilities, charset, other)
    ) / letters
    if margin > settings.clear_margin:
        return None
    readings = {into: _folded(probabilities, charset, into) for into in (code, other)}
    score, other_score = (
        score_words(read, charset, model, settings=settings) for read in readings.values()
    )
    hinted = settings.hint * ((code in hints) - (other in hints))
    chosen = readings[
        code if score - other_score + settings.letters_share * margin + hinted > 0 else other
    ]
    if any(script_of_char(character) == LATIN for character in text):
        latin = classes_of(charset, LATIN)
        chosen[:, latin] = probabilities[:, latin]
    return chosen


def _evidence(probabilities: Floats, charset: tuple[str, ...], code: str) -> float:
    seen = probabilities[:, classes_of(charset, code)].sum(axis=1)
    return float(np.log(np.maximum(seen, _LEAST)).sum())


def _folded(probabilities: Floats, charset: tuple[str, ...], code: str) -> Floats:
    """Leave one script, with the other's probabilities added to the letters in their places."""
    allowed = classes_of(charset, code)
    folded = np.where(allowed, probabilities, np.float32(0))
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


_RARE = frozenset(
    "ऄऎऒऺऻॆॊॏ॒॑ॖॗॳॴॵॶॷ"
    # vowels of Sanskrit that no word has today, and that look like common ones
    "ऌॠॡॄॢॣঌৠৡৢৣૠૄଌୠୡୄୢୣఌౠౡౄౢౣಌೠೡೄೢೣഌൠൡൄൢൣ"
)
"""In 497,832 words of seven scripts these are 31 letters."""


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
