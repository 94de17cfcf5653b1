"""Repairs of characters that readers confuse, where their position tells which one it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lipiyana.ocr.registrations.grammar import GRAMMAR, Grammar

_PAIRS = ("O0", "I1", "Z2", "S5", "B8", "G6", "D0", "Q0")

CONFUSIONS = {
    ch: "".join(sorted(other for pair in _PAIRS if ch in pair for other in pair if other != ch))
    for ch in sorted({ch for pair in _PAIRS for ch in pair})
}
"""What a character may have been instead: letters for a digit, a digit for a letter."""

MOST_REPAIRS = 3

SURE = 0.9
"""Confidence above which a character was not misread: no repair changes it."""


def repairs(text: str, confidences: Sequence[float] = (), grammar: Grammar = GRAMMAR) -> list[str]:
    """Every registration that the fewest confusions turn into `text`.

    At most `MOST_REPAIRS`, a third of the characters, and as many as there are digits and as there
    are letters already: words and telephone numbers must not become registrations. At least half of
    the last number must have been read as digits: the upper row MH12AB is not MH12A8. Nothing is
    inserted or removed, and no character changed that was read surely.

    Args:
        text: letters and digits as read.
        confidences: one a character; empty where they are not known, which all are unsure then.
        grammar: what a registration is.
    """
    read_digits = sum(ch.isdecimal() for ch in text)
    read_letters = len(text) - read_digits
    sure = {place for place, confidence in enumerate(confidences) if confidence > SURE}
    confusable = sum(ch in CONFUSIONS and place not in sure for place, ch in enumerate(text))
    most = min(MOST_REPAIRS, len(text) // 3, read_digits, read_letters, confusable)
    for count in range(1, most + 1):
        changed = _changed(grammar, text, 0, grammar.automaton.start, count, sure)
        found = [other for other in changed if _is_plausible(grammar, text, other)]
        if found:
            return found
    return []


def _is_plausible(grammar: Grammar, read: str, repaired: str) -> bool:
    reading = grammar.reading(repaired)
    if reading is None or not reading.variant.repairable:
        return False
    number = read[reading.span("number")]
    return 2 * sum(map(str.isdecimal, number)) >= len(number)


def _changed(
    grammar: Grammar, text: str, start: int, state: int, count: int, sure: Collection[int]
) -> Iterator[str]:
    """Whole strings that differ from `text` in exactly `count` characters from `start` on, none of
    them at a place in `sure`.
    """
    if start == len(text):
        if count == 0 and grammar.automaton.accepting(state):
            yield text
        return
    following = grammar.automaton.step(state, text[start])
    if following is not None:
        yield from _changed(grammar, text, start + 1, following, count, sure)
    if count == 0 or start in sure:
        return
    for other in CONFUSIONS.get(text[start], ""):
        following = grammar.automaton.step(state, other)
        if following is not None:
            changed = text[:start] + other + text[start + 1 :]
            yield from _changed(grammar, changed, start + 1, following, count - 1, sure)
