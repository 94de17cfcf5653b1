"""The order in which the letters of a line stand, after the bidirectional algorithm of Unicode.

A short form of UAX #9: without explicit embeddings and pairs of brackets, which signs do not have.
Levels are as there: odd ones run from right to left.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

_Part = TypeVar("_Part")

_STRONG = {"L": "L", "R": "R", "AL": "R"}


def levels(text: str) -> list[int]:
    """Give the level of each character; the first letter with a direction gives the line's."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    base = next((_STRONG[kind] for kind in kinds if kind in _STRONG), "L")
    level = 1 if base == "R" else 0
    resolved = _neutral(_weak(kinds, base), base)
    if level:
        return [{"R": 1}.get(kind, 2) for kind in resolved]
    return [{"L": 0, "R": 1}.get(kind, 2) for kind in resolved]


def visual_order(parts: Sequence[_Part], level_of: Callable[[_Part], int]) -> list[_Part]:
    """Sort parts of a line from left to right (rule L2)."""
    ordered = list(parts)
    highest = max(map(level_of, parts), default=0)
    for level in range(highest, 0, -1):
        start = 0
        while start < len(ordered):
            end = start
            while end < len(ordered) and level_of(ordered[end]) >= level:
                end += 1
            ordered[start:end] = ordered[start:end][::-1]
            start = end + 1
    return ordered


def _weak(kinds: Sequence[str], base: str) -> list[str]:
    """Decide marks, digits and their separators (rules W1 to W7); "N" is what stays neutral."""
    decided: list[str] = []
    strong = "AL" if base == "R" else "L"
    for index, kind in enumerate(kinds):
        if kind in _STRONG:
            strong = kind
            decided.append(_STRONG[kind])
        elif kind in {"NSM", "BN"}:  # marks and joiners go with what they follow
            decided.append(decided[-1] if decided else base)
        elif kind == "EN":
            decided.append({"L": "L", "AL": "AN"}.get(strong, "EN"))
        elif kind == "AN":
            decided.append("AN")
        elif kind in {"ES", "CS", "ET"} and _among_digits(kinds, index, kind):
            decided.append(
                decided[-1] if decided and kind != "ET" else "L" if strong == "L" else "EN"
            )
        else:
            decided.append("N")
    return decided


def _among_digits(kinds: Sequence[str], index: int, kind: str) -> bool:
    before = kinds[index - 1] if index else ""
    after = kinds[index + 1] if index + 1 < len(kinds) else ""
    if kind == "ET":  # currency and per cent signs
        return "EN" in {before, after}
    return before == after and before in ({"EN", "AN"} if kind == "CS" else {"EN"})


def _neutral(kinds: Sequence[str], base: str) -> list[str]:
    """Let what is neutral follow its neighbours, or the line where they differ (N1 and N2)."""
    resolved = list(kinds)
    start = 0
    while start < len(resolved):
        end = start
        while end < len(resolved) and resolved[end] == "N":
            end += 1
        if end > start:
            before = _side(resolved[start - 1]) if start else base
            after = _side(resolved[end]) if end < len(resolved) else base
            resolved[start:end] = [before if before == after else base] * (end - start)
        start = end + 1
    return resolved


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"
