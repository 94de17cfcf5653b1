"""Words that nobody knows, and known ones that are spelt nearly as what was read.

Letters are in the order of a picture, as the reader's labels are.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from lipiyana.ocr.language.model import EDGE, LanguageModel

_SHORTEST = 2  # a letter alone is near to every other


def count_unknown(text: str, model: LanguageModel) -> int:
    """Count the words that are not known; a word is a run of letters that have a model."""
    return sum(not _is_known(text[begin:end], model) for begin, end in _words(text, model))


def respelt(text: str, model: LanguageModel, likely: Container[str]) -> Iterator[str]:
    """Yield texts in which a known word stands for one that differs from it in one letter.

    Args:
        text: what was read.
        model: knows words.
        likely: letters that may come in.
    """
    for begin, end in _words(text, model):
        numbered = model.numbered(text[begin:end])
        if numbered is None or end - begin < _SHORTEST:
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
