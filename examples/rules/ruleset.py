"""The rules of a YAML file and their validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lipiyana.types import Category

Part = Annotated[float, Field(ge=0, le=1)]


class RulesError(ValueError):
    """The file of rules is invalid; the message says where and why."""


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Checked):
    """Fields of all rules.

    Attributes:
        name: name of the rule, shown in its events.
        min_confidence: minimum confidence of the plate.
        vehicles: vehicle labels to which the rule applies; if empty, it applies to all vehicles
            and to plates without a vehicle.
        zone: x_min, y_min, x_max, y_max as fractions of the picture; the centre of the plate must
            be inside.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    min_confidence: Part = 0.5
    vehicles: frozenset[str] = frozenset()
    zone: tuple[Part, Part, Part, Part] = (0.0, 0.0, 1.0, 1.0)

    @field_validator("zone")
    @classmethod
    def _zone_has_an_inside(
        cls, zone: tuple[float, float, float, float]
    ) -> tuple[float, float, float, float]:
        if not (zone[0] < zone[2] and zone[1] < zone[3]):
            raise ValueError("x_min must be less than x_max, and y_min less than y_max")
        return zone


class Entered(_Rule):
    """Reports every vehicle whose registration can be read."""

    kind: Literal["entered"]


class WrongCategory(_Rule):
    """Reports plates of these categories; with `vehicles`, only on such vehicles.

    `conflicts` also reports plates whose colours and format contradict each other.
    """

    kind: Literal["wrong_category"]
    categories: frozenset[Category] = frozenset()
    conflicts: bool = False


class WatchList(_Rule):
    """Reports listed registrations, and readings that may be a misread listed one.

    `max_confusions` is the number of characters that may be confused with similar ones.
    """

    kind: Literal["watch_list"]
    registrations: frozenset[str] = Field(min_length=1)
    max_confusions: int = Field(default=1, ge=0, le=3)

    @field_validator("registrations")
    @classmethod
    def _as_read(cls, registrations: frozenset[str]) -> frozenset[str]:
        canonical = frozenset(_letters_and_digits(one) for one in registrations)
        if "" in canonical:
            raise ValueError("a registration needs letters or digits")
        return canonical


Rule = Annotated[Entered | WrongCategory | WatchList, Field(discriminator="kind")]


class RuleSet(_Checked):
    """A file of rules.

    Attributes:
        rules: the rules, with unique names.
        forget_after: number of results without a vehicle after which it counts as new.
    """

    rules: tuple[Rule, ...]
    forget_after: int = Field(default=250, ge=1)

    @field_validator("rules")
    @classmethod
    def _names_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if not rules:
            raise ValueError("at least one rule is needed")
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several rules are named {', '.join(twice)}")
        return rules


def load_rules(path: Path) -> RuleSet:
    """Read and validate a file of rules.

    Raises:
        RulesError: the file is missing, not YAML, or has invalid rules; all errors are listed.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RulesError(f"{path} cannot be read: {error}") from None
    try:
        return RuleSet.model_validate(content)
    except ValidationError as error:
        faults = [f"  {_place(fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise RulesError("\n".join([f"{path} has errors:", *faults])) from None


def _place(steps: tuple[int | str, ...]) -> str:
    """Format a location such as `rules[1].zone`, without the step that names a rule's kind."""
    place = ""
    for step in steps:
        if isinstance(step, int):
            place += f"[{step}]"
        elif step not in {"entered", "wrong_category", "watch_list"}:
            place += f".{step}"
    return place.removeprefix(".") or "the file"


def _letters_and_digits(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())
