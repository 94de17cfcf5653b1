"""Perso-Arabic text in the order in which it stands on a picture, and back.

A CTC reader sees a line from left to right. All scripts here but Perso-Arabic run that way (what
moves inside a syllable is the matter of `syllable_order.py`), so only lines with right-to-left
letters are turned: the whole line is reversed, and the runs that read left to
right inside it (digits, Latin, and what joins them) are turned back.
"""

from __future__ import annotations

import re

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_DIGITS = "0-9\u0660-\u0669\u06f0-\u06f9"
_LATIN = "A-Za-z\u00c0-\u024f"
# a run begins and ends in a letter or a digit, so that it is the same run seen from either side
LEFT_TO_RIGHT = re.compile(
    rf"[{_DIGITS}{_LATIN}](?:[{_DIGITS}{_LATIN} .,:;/&'+\-\u066b\u066c]*[{_DIGITS}{_LATIN}])?"
)


def runs_from_the_right(text: str) -> bool:
    """Whether a text has right-to-left letters."""
    return _RIGHT_TO_LEFT.search(text) is not None


def swap_order(text: str) -> str:
    """Turn a line from logical into visual order, or from visual into logical.

    The function is its own inverse. Text without right-to-left letters comes back unchanged.
    """
    return "".join(text[index] for index in swapped_indices(text))


def swapped_indices(text: str) -> list[int]:
    """Where each character of `swap_order(text)` stands in `text`."""
    order = list(range(len(text)))
    if not runs_from_the_right(text):
        return order
    order.reverse()
    for run in LEFT_TO_RIGHT.finditer(text[::-1]):
        start, end = run.span()
        order[start:end] = reversed(order[start:end])
    return order
