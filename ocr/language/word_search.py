"""Reading with a language model: where the reader is in doubt, words decide.

A prefix beam search (Hannun et al. 2014) as in `recognition/decoding.py`, made short: steps that
are surely blank only part letters, unlikely letters are not tried, and a line without doubt is not
searched. What it finds is compared with texts in which an unknown word is replaced by a known word
that is spelt nearly the same. Letters are in the order of the reader's labels (`label_order.py`).
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from lipiyana.ocr.language.model import EDGE, LanguageModel
from lipiyana.ocr.language.settings import LANGUAGE, LanguageSettings
from lipiyana.ocr.recognition.decoding import Decoded, Floats, align, greedy, log_chances


def count_unknown(text: str, model: LanguageModel) -> int:
    """Count the words that are not known; a word is a run of letters that have a model."""
    return sum(not _is_known(text[begin:end], model) for begin, end in _words(text, model))


def respelt(
    text: str,
    model: LanguageModel,
    likely: Container[str],
    *,
    settings: LanguageSettings = LANGUAGE,
) -> Iterator[str]:
    """Yield texts in which a known word stands for one that differs from it in one letter.

    Args:
        text: what was read.
        model: knows words.
        likely: letters that may come in.
        settings: tuned constants.
    """
    for begin, end in _words(text, model):
        numbered = model.numbered(text[begin:end])
        if numbered is None or end - begin < settings.shortest_respelt:
            continue
        code, numbers = numbered
        own = model.scripts[code]
        new = [number for number, letter in enumerate(own.letters, EDGE + 1) if letter in likely]
        for near in own.words.near(numbers, new):
            word = "".join(own.letters[number - EDGE - 1] for number in near)
            yield text[:begin] + word + text[end:]


def _words(text: str, model: LanguageModel) -> Iterator[tuple[int, int]]:
    """Where each word begins, and where what follows it does."""
    begin = None
    for place, character in enumerate([*text, ""]):
        if character and model.is_letter(character):
            begin = place if begin is None else begin
        elif begin is not None:
            yield begin, place
            begin = None


def _is_known(word: str, model: LanguageModel) -> bool:
    numbered = model.numbered(word)
    return numbered is not None and numbered[1] in model.scripts[numbered[0]].words


_TINY = 1e-9
_NEVER = -math.inf

_Prefix = tuple[int, ...]
# log probability of the paths that end in a blank, of the others, and the weight of the letters
_Beam = tuple[float, float, float]


def read_words(
    probabilities: Floats,
    charset: Sequence[str],
    model: LanguageModel,
    *,
    settings: LanguageSettings = LANGUAGE,
) -> Decoded:
    """Find the text that reader and language model together think likeliest.

    Args:
        probabilities: (steps, classes), each row summing to 1; class 0 is the blank.
        charset: the characters of classes 1, 2, ...
        model: the words of each script.
        settings: tuned constants.

    Returns:
        The text in the order of the picture, as `greedy` gives it.
    """
    plain = greedy(probabilities, charset)
    if float(probabilities.max(axis=1).min()) >= settings.certain_line:
        return plain
    classes = {character: index for index, character in enumerate(charset, 1)}
    seen = probabilities[:, 1:].max(axis=0) > settings.min_probability_respelt
    likely = {letter for letter, is_seen in zip(charset, seen.tolist(), strict=True) if is_seen}
    texts = list(_searched(probabilities, charset, model, settings.weight, settings).ranked())
    for _ in range(settings.respelling_rounds):
        tried = dict.fromkeys([*texts, *respelt(texts[0], model, likely, settings=settings)])
        every = [text for text in tried if classes.keys() >= set(text)]
        scores = log_chances(probabilities, [[classes[letter] for letter in t] for t in every])
        scores += [
            _spelling_score(text, model, settings)
            - settings.unknown_word_cost * count_unknown(text, model)
            for text in every
        ]
        best = every[int(scores.argmax())]
        if best == texts[0]:
            break
        texts = [best]
    if texts[0] == plain.text:
        return plain
    aligned = align(probabilities, [classes[letter] for letter in texts[0]])
    return Decoded(texts[0], aligned.confidences)


def score_words(
    probabilities: Floats,
    charset: Sequence[str],
    model: LanguageModel,
    *,
    settings: LanguageSettings = LANGUAGE,
) -> float:
    """Score the likeliest text by reader and language model together.

    Args:
        probabilities: (steps, classes), each row summing to 1 at most; class 0 is the blank.
        charset: the characters of classes 1, 2, ...
        model: the words of each script.
        settings: tuned constants.

    Returns:
        The logarithm of its probability, to be compared with that of the same line read otherwise.
    """
    # known words do not distinguish two scripts any better than the letters do
    return max(
        _searched(probabilities, charset, model, settings.choosing_weight, settings)
        .ranked()
        .values()
    )


def _searched(
    probabilities: Floats,
    charset: Sequence[str],
    model: LanguageModel,
    weight: float,
    settings: LanguageSettings,
) -> _Search:
    search = _Search(charset, model, weight, settings)
    for blank, tried in _steps(probabilities, settings):
        search.step(blank, tried)
    return search


@dataclass(slots=True)
class _Search:
    charset: Sequence[str]
    model: LanguageModel
    weight: float
    settings: LanguageSettings
    beams: dict[_Prefix, _Beam] = field(default_factory=lambda: {(): (0.0, _NEVER, 0.0)})
    texts: dict[_Prefix, str] = field(default_factory=lambda: {(): ""})

    def step(self, blank: float, tried: Mapping[int, float]) -> None:
        """Take one time step: log probability of the blank, and of the classes to try."""
        if blank > self.settings.certain_blank:
            self.beams = {p: (_add(a, b) + blank, _NEVER, w) for p, (a, b, w) in self.beams.items()}
            return
        grown: dict[_Prefix, _Beam] = {}
        for prefix, (parted, open_, letters) in self.beams.items():
            both = _add(parted, open_)
            last = prefix[-1] if prefix else 0
            stays = open_ + tried.get(last, self.settings.absent_letter)
            _join(grown, prefix, both + blank, stays, letters)
            for index, chance in tried.items():
                # a repeat is a new letter only after a blank
                before = parted if index == last else both
                if before == _NEVER:
                    continue
                longer = (*prefix, index)
                if longer in grown:
                    _join(grown, longer, _NEVER, before + chance, 0.0)
                else:
                    more = letters + self._weigh(prefix, longer)
                    grown[longer] = (_NEVER, before + chance, more)
        best = sorted(grown, key=lambda p: _score(grown[p]), reverse=True)[
            : self.settings.beam_width
        ]
        self.beams = {prefix: grown[prefix] for prefix in best}

    def ranked(self) -> dict[str, float]:
        """All texts that are left with their scores, likeliest first; their words are whole."""
        scores = {
            self.texts[prefix]: _score(beam)
            + self.weight * (self.model.log_probability(self.texts[prefix], "") or 0.0)
            for prefix, beam in self.beams.items()
        }
        return dict(sorted(scores.items(), key=itemgetter(1), reverse=True))

    def _weigh(self, prefix: _Prefix, longer: _Prefix) -> float:
        before, letter = self.texts[prefix], self.charset[longer[-1] - 1]
        self.texts[longer] = before + letter
        return (
            self.weight * _letter_score(before, letter, self.model, self.settings)
            + self.settings.bonus
        )


def _letter_score(
    before: str, letter: str, model: LanguageModel, settings: LanguageSettings
) -> float:
    known = model.log_probability(before, letter)
    if known is None:
        known = settings.sign_cost if letter != " " else 0.0
        known += model.log_probability(before, "") or 0.0
    return known


def _spelling_score(text: str, model: LanguageModel, settings: LanguageSettings) -> float:
    letters = sum(
        _letter_score(text[:end], letter, model, settings) for end, letter in enumerate(text)
    )
    return settings.weight * (
        letters + (model.log_probability(text, "") or 0.0)
    ) + settings.bonus * len(text)


def _steps(
    probabilities: Floats, settings: LanguageSettings
) -> Iterator[tuple[float, dict[int, float]]]:
    """Yield, for each step, the logarithm of the blank and those of the classes worth trying."""
    blanks = np.log(np.maximum(probabilities[:, 0], _TINY)).tolist()
    likely: list[list[tuple[float, int]]] = [[] for _ in blanks]
    steps, classes = np.nonzero(probabilities[:, 1:] > settings.min_probability)
    chances = np.log(probabilities[steps, classes + 1])
    for step, index, chance in zip(steps.tolist(), classes.tolist(), chances.tolist(), strict=True):
        likely[step].append((chance, index + 1))
    for blank, found in zip(blanks, likely, strict=True):
        found.sort(reverse=True)
        yield blank, {index: chance for chance, index in found[: settings.most_letters_a_step]}


def _join(
    beams: dict[_Prefix, _Beam], prefix: _Prefix, parted: float, open_: float, weight: float
) -> None:
    old = beams.get(prefix)
    if old is None:
        beams[prefix] = (parted, open_, weight)
    else:
        beams[prefix] = (_add(old[0], parted), _add(old[1], open_), old[2])


def _score(beam: _Beam) -> float:
    return _add(beam[0], beam[1]) + beam[2]


def _add(a: float, b: float) -> float:
    """Logarithm of the sum of two numbers given by their logarithms."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
