"""The user's names of classes beside those that a detector knows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.taxonomy import TAXONOMY

_PLATE_NAMES = frozenset(
    f"{first}_plate" for first in ("number", "license", "licence", "registration", "vehicle")
) | {"numberplate", "lp"}


@dataclass(frozen=True, slots=True)
class MatchedClasses:
    """Where the user's classes are.

    Attributes:
        classes: all names; those that the base knows keep their places, new ones come after them.
        indices: the place of each of the user's classes.
        renamed: pairs of the user's name and the class, known or named before, that it is taken
            for.
        added: names that are new.
    """

    classes: tuple[str, ...]
    indices: tuple[int, ...]
    renamed: tuple[tuple[str, str], ...]
    added: tuple[str, ...]


def match_classes(names: Sequence[str], known: Sequence[str]) -> MatchedClasses:
    """Find each name among the known ones, also by what people call a class.

    Args:
        names: the user's, in the order of their numbers.
        known: of the base, in the order of its scores.
    """
    classes, indices, renamed, added = list(known), [], [], []
    for name in names:
        label = _label(name)
        found = label if label in classes else _by_word(label, known)
        if found is None:
            found = label
            classes.append(label)
            added.append(label)
        elif found != label or found in added:
            renamed.append((name, found))
        indices.append(classes.index(found))
    return MatchedClasses(tuple(classes), tuple(indices), tuple(renamed), tuple(added))


def _label(name: str) -> str:
    """Letters with their marks, and digits; what is between them becomes one underscore."""
    folded = unicodedata.normalize("NFC", name.casefold())
    kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return "_".join("".join(kept).split()) or "unnamed"


def _by_word(label: str, known: Sequence[str]) -> str | None:
    if label in _PLATE_NAMES:
        return PLATE if PLATE in known else None
    for entry in TAXONOMY:
        if entry.name in known and label in {_label(word) for word in entry.words}:
            return entry.name
    return None
