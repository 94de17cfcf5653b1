"""Repairs characters that readers confuse (0 and O, 8 and B), guided by the grammar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lipiyana.ocr.registrations.grammar import GRAMMAR, Grammar
from lipiyana.ocr.registrations.settings import REGISTRATIONS, RegistrationSettings

_PAIRS = ("O0", "I1", "Z2", "S5", "B8", "G6", "D0", "Q0")

CONFUSIONS = {
    ch: "".join(sorted(other for pair in _PAIRS if ch in pair for other in pair if other != ch))
    for ch in sorted({ch for pair in _PAIRS for ch in pair})
}
"""For each character, those it may be confused with: letters for a digit, a digit for a letter."""


def repairs(
    text: str,
    confidences: Sequence[float] = (),
    grammar: Grammar = GRAMMAR,
    *,
    settings: RegistrationSettings = REGISTRATIONS,
) -> list[str]:
    """All registrations that differ from `text` by the fewest confusions.

    Words and telephone numbers must not become registrations. Therefore the number of repairs is
    limited to `max_repairs`, to a third of the characters, to the number of digits and to the
    number of letters in `text`. At least half of the last number must have been read as digits, so
    that the upper row MH12AB does not become MH12A8. No character is inserted or removed, and
    characters with a confidence above `repair_max_confidence` stay.

    Args:
        text: letters and digits as read.
        confidences: one per character; empty if unknown, so that every character may be repaired.
        grammar: decides what is a registration.
        settings: tuned constants.
    """
    read_digits = sum(ch.isdecimal() for ch in text)
    read_letters = len(text) - read_digits
    highest = settings.repair_max_confidence
    sure = {place for place, confidence in enumerate(confidences) if confidence > highest}
    confusable = sum(ch in CONFUSIONS and place not in sure for place, ch in enumerate(text))
    most = min(settings.max_repairs, len(text) // 3, read_digits, read_letters, confusable)
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
    """Registrations that differ from `text` in exactly `count` characters from `start` on, but not
    at the indices in `sure`.
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
