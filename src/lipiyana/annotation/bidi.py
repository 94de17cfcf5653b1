"""The order in which the letters of a line stand, after the bidirectional algorithm of Unicode.

A short form of UAX #9: without explicit embeddings and pairs of brackets, which signs do not have.
Levels are as there: odd ones run from right to left.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

_Part = TypeVar("_Part")


def levels(text: str) -> list[int]:
    """Give the level of each character; the first letter with a direction gives the line's."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    strong = next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L")
    base = "L" if strong == "L" else "R"
    resolved = _neutral(_weak(kinds, base), base)
    level = {"L": 0 if base == "L" else 2, "R": 1}
    return [level.get(kind, 2) for kind in resolved]


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


def _weak(kinds: list[str], base: str) -> list[str]:
    """Decide marks, digits and their separators (rules W1 to W7); "N" is what stays neutral."""
    for index, kind in enumerate(kinds):
        if kind in {"NSM", "BN"}:  # marks and joiners go with what they follow
            kinds[index] = kinds[index - 1] if index else base
    strong = base
    for index, kind in enumerate(kinds):
        strong = kind if kind in {"L", "R", "AL"} else strong
        if kind == "EN" and strong == "AL":
            kinds[index] = "AN"
    kinds = ["R" if kind == "AL" else kind for kind in kinds]
    for index in range(1, len(kinds) - 1):
        before, kind, after = kinds[index - 1 : index + 2]
        if before == after and (kind, before) in {("ES", "EN"), ("CS", "EN"), ("CS", "AN")}:
            kinds[index] = before
    for order in (range(len(kinds)), range(len(kinds) - 1, -1, -1)):
        before = ""
        for index in order:  # currency and per cent signs beside digits
            if kinds[index] == "ET" and before == "EN":
                kinds[index] = "EN"
            before = kinds[index]
    strong = base
    for index, kind in enumerate(kinds):
        strong = kind if kind in {"L", "R"} else strong
        if kind == "EN" and strong == "L":
            kinds[index] = "L"
        elif kind not in {"L", "R", "EN", "AN"}:
            kinds[index] = "N"
    return kinds


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
