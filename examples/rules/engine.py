"""Applies rules to results; one event for each vehicle that matches a rule."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from lipiyana.ocr.registrations import CONFUSIONS
from rules.ruleset import Entered, RuleSet, WatchList, WrongCategory
from rules.sightings import Result, Sighting


@dataclass(frozen=True, slots=True)
class Event:
    """The event of a rule.

    Attributes:
        rule: its name.
        source: the picture.
        registration: as read.
        vehicle: label, "" if none was found.
        track_id: of the vehicle in its stream, if there is one.
        detail: what about it, in words; "" if the rule says it all.
    """

    rule: str
    source: str
    registration: str
    vehicle: str
    track_id: int | None
    detail: str


class RuleEngine:
    """Applies rules to the results of one stream, or of one run of `lipiyana read`.

    A rule tells of a track once, and of a vehicle without a track once for each registration, as
    long as it does not stay away for `forget_after` results.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._count = 0
        self._last_seen: dict[Hashable, int] = {}

    def events(self, results: Iterable[Result]) -> Iterator[Event]:
        """Yield the events of results as they arrive."""
        for result in results:
            self._count += 1
            for sighting in result.sightings:
                yield from self._of(result.source, sighting)
            self._forget()

    def _of(self, source: str, seen: Sighting) -> Iterator[Event]:
        for rule in self._rules.rules:
            if not _concerns(rule, seen):
                continue
            detail = _detail(rule, seen)
            if detail is not None and self._is_new(rule, seen):
                yield Event(
                    rule.name, source, seen.registration, seen.vehicle, seen.track_id, detail
                )

    def _is_new(self, rule: Entered | WrongCategory | WatchList, seen: Sighting) -> bool:
        who = seen.registration if seen.track_id is None else seen.track_id
        last = self._last_seen.get((rule.name, who))
        self._last_seen[rule.name, who] = self._count
        return last is None

    def _forget(self) -> None:
        oldest = self._count - self._rules.forget_after
        self._last_seen = {key: seen for key, seen in self._last_seen.items() if seen > oldest}


def near(read: str, listed: str) -> int | None:
    """Count the characters of `read` that differ from those of `listed` but look similar.

    Returns:
        None if one does not look like it, or one is missing.
    """
    if len(read) != len(listed):
        return None
    others = [(a, b) for a, b in zip(read, listed, strict=True) if a != b]
    return len(others) if all(looks_like(a, b) for a, b in others) else None


def looks_like(a: str, b: str) -> bool:
    """Whether two characters are confused with each other, or both with a third: D and Q with 0."""
    return bool({a, *CONFUSIONS.get(a, "")} & {b, *CONFUSIONS.get(b, "")})


def _concerns(rule: Entered | WrongCategory | WatchList, seen: Sighting) -> bool:
    x_min, y_min, x_max, y_max = rule.zone
    return (
        seen.confidence >= rule.min_confidence
        and (not rule.vehicles or seen.vehicle in rule.vehicles)
        and x_min <= seen.x <= x_max
        and y_min <= seen.y <= y_max
    )


def _detail(rule: Entered | WrongCategory | WatchList, seen: Sighting) -> str | None:
    """Return the detail of the event of a plate; None if the rule does not match."""
    match rule:
        case Entered():
            return ""
        case WrongCategory():
            if seen.category in rule.categories:
                return f"{seen.category} plate"
            return "colours contradict the format" if rule.conflicts and seen.conflict else None
        case WatchList():
            distances = {one: near(seen.registration, one) for one in rule.registrations}
            close = [
                (distance, one)
                for one, distance in distances.items()
                if distance is not None and distance <= rule.max_confusions
            ]
            if not close:
                return None
            distance, one = min(close)
            return "listed" if distance == 0 else f"may be {one}, which is listed"
