"""Applies rules to observations; one event for each vehicle that matches a rule."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from lipiyana.events.rules.matching import category_detail, concerns, reading_for, watch_list_detail
from lipiyana.events.rules.ruleset import (
    CategoryRule,
    Dwell,
    Entered,
    Left,
    Rule,
    RuleSet,
    Seen,
    WatchList,
)
from lipiyana.events.rules.sightings import Observation, Sighting
from lipiyana.events.rules.zones import Place, ZoneShape


@dataclass(frozen=True, slots=True)
class Event:
    """The event of a rule.

    Attributes:
        id: unique; a receiver that gets an event twice knows it by that.
        rule: name of the rule.
        kind: of the rule.
        source: the picture or the camera.
        time: when it was seen, "" for pictures.
        registration: as read, "" if none was; `detail` tells if it is doubtful.
        vehicle: label, "" if none was found.
        track: of the vehicle in its source, if there is one.
        detail: what about it, in words; "" if the rule says it all.
        row: id of the row of `lipiyana watch`, else "".
    """

    id: str
    rule: str
    kind: str
    source: str
    time: str
    registration: str
    vehicle: str
    track: int | None
    detail: str
    row: str

    def as_row(self) -> dict[str, Any]:
        """Return it as what a `RowSink` takes."""
        return asdict(self)


@dataclass(slots=True)
class _Progress:
    """What a rule knows of a vehicle.

    Attributes:
        count: rows of its stream when it was seen last.
        told: there was an event.
        was_inside, has_left: the zone.
        seconds: in the zone.
        last: where it was.
    """

    count: int
    told: bool = False
    was_inside: bool = False
    has_left: bool = False
    seconds: float = 0.0
    last: Place | None = None

    def move(self, zone: ZoneShape, places: tuple[Place, ...]) -> None:
        """Follow the vehicle; places that it passed before are left out."""
        before = self.last.seconds if self.last else None
        ahead = tuple(
            one for one in places if before is None or one.seconds is None or one.seconds > before
        )
        for one in ahead:
            inside = zone.contains(one.x, one.y)
            on_the_way = 0.0 if self.last is None else zone.seconds_inside((self.last, one))
            self.seconds += on_the_way
            # a small zone may lie between two places
            self.was_inside = self.was_inside or inside or on_the_way > 0
            self.has_left = self.has_left or (self.was_inside and not inside)
            self.last = one
        if len(ahead) < len(places):
            # a track has fewer places than its frames had, but all of its time
            self.seconds = max(self.seconds, zone.seconds_inside(places))


class RuleEngine:
    """Applies rules to rows.

    A rule tells of a track once, and of a vehicle without a track once for each registration, as
    long as it does not stay away longer than the rules say.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._rows: Counter[str] = Counter()
        self._progress: dict[tuple[str, str, Hashable], _Progress] = {}

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self._rules

    def replace_rules(self, rules: RuleSet) -> None:
        """Go on with other rules; what was told by rules that have changed is forgotten."""
        unchanged = {rule.name for rule in rules.rules if rule in self._rules.rules}
        self._progress = {
            key: known for key, known in self._progress.items() if key[0] in unchanged
        }
        self._rules = rules

    def events(self, observation: Observation) -> Iterator[Event]:
        """Yield the events of a row."""
        stream = observation.stream
        self._rows[stream] += 1
        for seen in observation.sightings:
            for rule in self._rules.rules:
                key = (rule.name, stream, seen.key)
                detail = self._detail(rule, key, seen)
                if detail is not None:
                    yield _event(rule, observation, seen, detail)
                if observation.ended:
                    del self._progress[key]
        if self._rows[stream] % self._rules.forget_after == 0:
            self._progress = {
                key: known
                for key, known in self._progress.items()
                if key[1] != stream or not self._is_forgotten(known, stream)
            }

    def _detail(self, rule: Rule, key: tuple[str, str, Hashable], seen: Sighting) -> str | None:
        """Return the detail of a new event; None if there is none."""
        count = self._rows[key[1]]
        known = self._progress.get(key)
        if known is None or self._is_forgotten(known, key[1], seen.places[0]):
            known = self._progress[key] = _Progress(count)
        known.count = count
        if isinstance(rule, Entered | Left | Dwell):
            known.move(rule.zone, seen.places)
        else:
            known.last = seen.places[-1]
        if known.told or not concerns(rule, seen):
            return None
        detail = _matches(rule, known, seen)
        known.told = detail is not None
        return detail

    def _is_forgotten(self, known: _Progress, stream: str, now: Place | None = None) -> bool:
        if self._rows[stream] - known.count > self._rules.forget_after:
            return True
        if now is None or now.seconds is None or known.last is None or known.last.seconds is None:
            return False
        return now.seconds - known.last.seconds > self._rules.forget_after_seconds


def _matches(rule: Rule, known: _Progress, seen: Sighting) -> str | None:
    """Return the detail of a match; None if the rule does not match."""
    match rule:
        case Left():
            return "" if known.has_left else None
        case Entered():
            return "" if known.was_inside else None
        case Dwell():
            seconds = seen.seconds_in.get(rule.region, 0.0) if rule.region else known.seconds
            return f"{seconds:.1f} s" if seconds >= rule.seconds else None
        case _ if not any(rule.zone.contains(one.x, one.y) for one in seen.places):
            return None
        case _:
            return _matches_there(rule, seen)


def _matches_there(rule: Seen | CategoryRule | WatchList, seen: Sighting) -> str | None:
    match rule:
        case Seen():
            return ""
        case CategoryRule():
            return category_detail(rule, seen)
        case WatchList():
            return watch_list_detail(rule, seen)


def _event(rule: Rule, observation: Observation, seen: Sighting, detail: str) -> Event:
    return Event(
        id=uuid.uuid4().hex,
        rule=rule.name,
        kind=rule.kind,
        source=observation.source,
        time=observation.time,
        registration=seen.registration or reading_for(rule, seen),
        vehicle=seen.vehicle,
        track=seen.track,
        detail=detail,
        row=observation.row_id,
    )
