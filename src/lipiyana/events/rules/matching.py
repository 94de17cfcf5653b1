"""Whether a sighting matches a rule, apart from where it was before."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from lipiyana.events.rules.ruleset import CategoryRule, Rule, WatchList
from lipiyana.events.rules.sightings import Sighting
from lipiyana.ocr.registrations import CONFUSIONS


def concerns(rule: Rule, seen: Sighting) -> bool:
    """Whether the rule is about such vehicles and registrations."""
    if rule.vehicles and seen.vehicle not in rule.vehicles:
        return False
    if getattr(rule, "unread", False) and not (seen.doubtful and seen.track is None):
        return True
    return bool(reading_for(rule, seen)) and seen.confidence >= rule.min_confidence


def reading_for(rule: Rule, seen: Sighting) -> str:
    """The registration that a rule looks at; of a watch list a doubtful one too."""
    doubtful = isinstance(rule, WatchList) and not rule.valid_only
    return seen.registration or (seen.doubtful if doubtful else "")


def category_detail(rule: CategoryRule, seen: Sighting) -> str | None:
    """Return what is wrong with the plate's category; None if nothing is."""
    if seen.category in rule.categories:
        return f"{seen.category} plate"
    return "colours, format or vehicle contradict" if rule.conflicts and seen.conflict else None


def watch_list_detail(rule: WatchList, seen: Sighting) -> str | None:
    """Return whether the registration is listed, or which listed one it may be; else None.

    A doubtful reading must be that of a listed one: near it are too many strangers.
    """
    registration = reading_for(rule, seen)
    if registration in rule.registrations:
        return "listed" if seen.registration else "listed; the reading is doubtful"
    if not seen.registration:
        return None
    close = [
        (distance, one)
        for one in rule.registrations
        if (distance := _distance(rule, registration, one)) is not None
    ]
    return f"may be {min(close)[1]}, which is listed" if close else None


def _distance(rule: WatchList, read: str, listed: str) -> int | None:
    confusions = look_alikes(read, listed)
    if confusions is not None and confusions <= rule.max_confusions:
        return confusions
    edits = Levenshtein.distance(read, listed, score_cutoff=rule.max_distance)
    # one that only looks different is nearer than one that is different
    return rule.max_confusions + edits if edits <= rule.max_distance else None


def look_alikes(read: str, listed: str) -> int | None:
    """Count the characters of `read` that differ from those of `listed` but look similar.

    Returns:
        None if one does not look like it, or one is missing.
    """
    if len(read) != len(listed):
        return None
    others = [(a, b) for a, b in zip(read, listed, strict=True) if a != b]
    return len(others) if all(_look_alike(a, b) for a, b in others) else None


def _look_alike(a: str, b: str) -> bool:
    """Whether two characters are confused with each other, or both with a third: D and Q with 0."""
    return bool({a, *CONFUSIONS.get(a, "")} & {b, *CONFUSIONS.get(b, "")})
