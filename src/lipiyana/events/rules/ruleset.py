"""The rules of a YAML file, checked before they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lipiyana.errors import InvalidRequest
from lipiyana.events.rules.zones import WHOLE, Zone
from lipiyana.types import Category
from lipiyana.words import did_you_mean
from lipiyana.yaml_settings import Steps, YamlError, YamlFile, faults_of, read_yaml

Part = Annotated[float, Field(ge=0, le=1)]
_NAMES = "it begins with a small letter, and goes on with small letters, digits and _"
LABELS = (
    "auto_rickshaw", "e_rickshaw", "cycle_rickshaw", "two_wheeler", "bicycle", "car", "van",
    "tempo", "lcv", "truck", "bus", "cart", "plate",
)  # fmt: skip
"""What the built-in model reports; `plate` is one without a vehicle."""


class RulesError(InvalidRequest):
    """The file of rules cannot be used; the message says where and why."""


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleBase(_Checked):
    """Fields of all rules.

    Attributes:
        name: of the events.
        min_confidence: of the registration.
        vehicles: labels that the rule is about; empty for all, and for plates without a vehicle.
        zone: part of the picture that the middle of the vehicle must be in; that of the plate in
            rows of `lipiyana read`.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    min_confidence: Part = 0.5
    vehicles: frozenset[str] = frozenset()
    zone: Zone = WHOLE


class _OfVehicles(RuleBase):
    """A rule that can do without a registration.

    Attributes:
        unread: also report vehicles whose registration was not read. They are known by their
            track, so this needs rows of `lipiyana watch`.
    """

    unread: bool = False


class Seen(_OfVehicles):
    """Reports every vehicle."""

    kind: Literal["seen"]


class Entered(_OfVehicles):
    """Reports vehicles that come into the zone, or appear in it."""

    kind: Literal["entered"]


class Left(_OfVehicles):
    """Reports vehicles that were in the zone and are outside."""

    kind: Literal["left"]
    zone: Zone


class Dwell(_OfVehicles):
    """Reports vehicles that are in the zone for so many seconds, together.

    `region` names a region of `lipiyana watch` in place of a zone; rows of ended tracks have the
    time in each.
    """

    kind: Literal["dwell"]
    seconds: float = Field(gt=0)
    region: str = ""

    @model_validator(mode="after")
    def _zone_or_region(self) -> Self:
        if self.region and "zone" in self.model_fields_set:
            raise ValueError("name a zone or a region, not both")
        return self


class CategoryRule(RuleBase):
    """Reports plates of these categories; with `vehicles`, such plates on these vehicles.

    `conflicts` adds plates whose colours, format and vehicle contradict each other.
    """

    kind: Literal["category"]
    categories: frozenset[Category] = frozenset()
    conflicts: bool = False

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not (self.categories or self.conflicts):
            raise ValueError("name categories, or set conflicts: true")
        return self


class WatchList(RuleBase):
    """Reports listed registrations, and those that may be a misread listed one.

    Attributes:
        registrations: listed ones; case, spaces and dashes do not matter.
        max_confusions: how many characters may be others that look like them (0 and O).
        max_distance: how many characters may be replaced, missing or too many (edit distance).
        valid_only: whether doubtful readings are passed over that spell a listed registration.
    """

    kind: Literal["watch_list"]
    registrations: frozenset[str] = Field(min_length=1)
    max_confusions: int = Field(default=1, ge=0, le=3)
    max_distance: int = Field(default=0, ge=0, le=3)
    valid_only: bool = False

    @field_validator("registrations")
    @classmethod
    def _as_read(cls, registrations: frozenset[str]) -> frozenset[str]:
        canonical = frozenset(_letters_and_digits(one) for one in registrations)
        if "" in canonical:
            raise ValueError("a registration has letters and digits")
        return canonical


Rule = Seen | Entered | Left | Dwell | CategoryRule | WatchList


class RuleSet(_Checked):
    """A file of rules.

    Attributes:
        rules: their names differ.
        forget_after: rows of its source without a vehicle after which it counts as a new one.
        forget_after_seconds: the same in seconds, for rows that have a time.
        known_labels: what a model of the user's own reports, besides `LABELS`.
    """

    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...]
    forget_after: int = Field(default=250, ge=1)
    forget_after_seconds: float = Field(default=60.0, gt=0)
    known_labels: frozenset[str] = frozenset()

    @field_validator("rules")
    @classmethod
    def _names_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if not rules:
            raise ValueError("there are none")
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are named {', '.join(twice)}")
        return rules


def load_rules(path: Path) -> RuleSet:
    """Read and check a file of rules.

    Raises:
        RulesError: it is not there, not YAML, or not made of rules; every fault is listed.
    """
    try:
        file = read_yaml(path)
    except (OSError, YamlError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RulesError(f"{path} cannot be read: {why}") from None
    faults = list(_unknown_vehicles(file))
    try:
        rules = RuleSet.model_validate(file.content)
    except ValidationError as error:
        faults += faults_of(
            error, file, _settings_at, patterns=_NAMES, secret=frozenset({"registrations"})
        )
    if faults:
        raise RulesError("\n".join([f"{path} has faults:", *(f"  {one}" for one in faults)]))
    return rules


def _settings_at(steps: Steps) -> Iterable[str]:
    """Name the settings of a rule, or those of the file."""
    kinds = {kind.model_fields["kind"].annotation: kind for kind in get_args(Rule)}
    for kind, rule in kinds.items():
        if len(steps) > 3 and steps[2] in get_args(kind):
            return list(rule.model_fields)
    return list(RuleSet.model_fields)


def _unknown_vehicles(file: YamlFile) -> Iterator[str]:
    """Tell of vehicles that no model reports; a fine-tuned one's are in `known_labels`.

    What is not of the kind that is expected here is told by the models.
    """
    content = file.content if isinstance(file.content, dict) else {}
    own = content.get("known_labels")
    known = [*LABELS, *(own if isinstance(own, list) else [])]
    rules = content.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        labels = rule.get("vehicles") if isinstance(rule, dict) else None
        for index, label in enumerate(labels if isinstance(labels, list) else []):
            if isinstance(label, str) and label not in known:
                near = did_you_mean(label, map(str, known)) or f". There are {', '.join(LABELS)}."
                yield (
                    f"{file.place(('rules', number, 'vehicles', index))}: no model reports "
                    f"{label!r}{near} If your own model does, add it to `known_labels`."
                )


def _letters_and_digits(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())
