"""Text as the reader's labels spell it, from the left of a picture to its right, and back."""

from __future__ import annotations

from lipiyana.ocr.scripts.syllable_order import Sourced, as_seen, as_spelt, spelt_alone
from lipiyana.ocr.scripts.visual_order import runs_from_the_right, swap_order, swapped_indices

ORDER_KEY = "label_order"
"""Of a model's metadata."""

AS_SEEN = "as_seen"
"""The value of `ORDER_KEY` of models whose labels are in this order; others follow the text, but
for lines from the right.
"""


def to_labels(text: str) -> str:
    """The labels of NFC text, one a character of the result."""
    # syllables of other scripts in a Perso-Arabic line would be turned inside out
    return swap_order(text) if runs_from_the_right(text) else as_seen(text)


def to_text(labels: str) -> str:
    """What labels spell; `to_labels` of well-formed text is undone."""
    return "".join(character for character, _ in sourced_text(labels))


def sourced_text(labels: str, order: str = AS_SEEN) -> list[Sourced]:
    """`to_text` character by character, each with the places of the labels it was made of.

    Args:
        labels: as a model read them.
        order: of the model's labels, its metadata's `ORDER_KEY`.
    """
    if order == AS_SEEN and not runs_from_the_right(labels):
        return as_spelt(labels)
    turned = swapped_indices(labels)
    return [sourced for place in turned for sourced in spelt_alone(labels[place], (place,))]
