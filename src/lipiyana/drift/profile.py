"""`Profile`: what pictures and answers are like, as a file of counts: `profile.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from lipiyana.drift.counting.signals import SIGNALS, TOGETHER
from lipiyana.drift.counting.sketch import OTHER, Sketch
from lipiyana.drift.settings import DRIFT
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import parse_json, read_text, write_atomically
from lipiyana.types import ModelInfo
from lipiyana.words import shown

FORMAT = "lipiyana drift profile"
VERSION = 1
"""Of the file, and of the signals and bins in it."""

MAX_BYTES = 64_000_000
_HOURS = 24
_MOST_PSI = 1e6
_SPARE, _ROUNDED = 0.01, 0.05
_DIGEST = 16

Models = Mapping[str, str]
"""Digests of models by their names; empty where they are not known."""


def digests(models: tuple[ModelInfo, ...]) -> dict[str, str]:
    """Give the beginnings of the digests of models, by their names."""
    return {model.name: model.sha256[:_DIGEST] for model in models}


@dataclass(slots=True)
class Profile:
    """Counts of pictures.

    Attributes:
        models: those that gave the answers.
        total: all pictures.
        hours: those of each hour of the day in UTC, where the times are known.
        usual: the largest PSI that a window of these pictures had against all, by signal.
    """

    models: dict[str, str] = field(default_factory=dict)
    total: Sketch = field(default_factory=Sketch)
    hours: dict[int, Sketch] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)

    def at(self, hour: int) -> Sketch:
        """The pictures at an hour of the day, or of all hours if there are too few."""
        here = self.hours.get(hour % _HOURS)
        return here if here and here.pictures >= DRIFT.least_pictures else self.total

    @property
    def knows_hours(self) -> bool:
        """Whether the day and the night can be told apart."""
        return any(one.pictures >= DRIFT.least_pictures for one in self.hours.values())

    def add_hour(self, hour: int, sketch: Sketch) -> None:
        """Add the pictures of an hour."""
        self.total.merge(sketch)
        self.hours.setdefault(hour % _HOURS, Sketch()).merge(sketch)

    def merge(self, other: Profile) -> None:
        """Add the pictures of another profile.

        Raises:
            InvalidRequest: it is of other versions of the models (OTHER_MODELS).
        """
        require_same_models(self.models, other.models)
        self.models |= other.models
        self.total.merge(other.total)
        for hour, sketch in other.hours.items():
            self.hours.setdefault(hour, Sketch()).merge(sketch)
        for name, psi in other.usual.items():
            self.usual[name] = max(self.usual.get(name, 0.0), psi)

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        value = {
            "format": FORMAT,
            "version": VERSION,
            "models": self.models,
            "total": self.total.to_json(),
            "hours": {str(hour): self.hours[hour].to_json() for hour in sorted(self.hours)},
            "usual": {name: round(psi, 4) for name, psi in sorted(self.usual.items())},
        }
        write_atomically(path, dumped(value))


def shipped_profile(models: Path | None = None) -> Path:
    """The profile of the models' report part: that of a folder of models, else the built-in one."""
    own = None if models is None else models / "profile.json"
    built_in = Path(str(resources.files("lipiyana.models") / "profile.json"))
    return own if own is not None and own.exists() else built_in


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        NotFound: the file cannot be read.
        InvalidRequest: it is no profile, or one of another version (OTHER_PROFILE).
    """
    value = read_counts(path, FORMAT)
    with faults_of(path):
        profile = Profile(models_of(value), Sketch.from_json(value.get("total")))
        if not profile.models:
            raise InvalidRequest(
                "it does not say which models read, so nothing can be compared with it",
                field="profile",
            )
        for hour, counts in table_of(value, "hours").items():
            if hour not in _HOUR_NAMES:
                raise InvalidRequest(f"{shown(hour)} is no hour of a day", field="profile")
            profile.hours[int(hour)] = Sketch.from_json(counts)
        _require_consistent(profile)
        for name, psi in table_of(value, "usual").items():
            is_number = isinstance(psi, int | float) and not isinstance(psi, bool)
            if not is_number or not 0 <= psi < _MOST_PSI:
                raise InvalidRequest(f"{shown(psi)} is no PSI of {shown(name)}", field="profile")
            profile.usual[name] = float(psi)
    return profile


def _require_consistent(profile: Profile) -> None:
    """Refuse counts that nobody can have counted.

    Raises:
        InvalidRequest: signals that come together differ in number, or the hours have more than the
            total (OTHER_PROFILE).
    """
    total, hours = profile.total, Profile()
    for hour, sketch in profile.hours.items():
        hours.add_hour(hour, sketch)
    # numbers that are not finite are left out, and rounding adds up
    spare = _SPARE * total.pictures + _ROUNDED
    for group in TOGETHER:
        weights = {name: total.weight(name) for name in group}
        expected = total.pictures if group is TOGETHER[0] else max(weights.values())
        for name, weight in weights.items():
            if abs(weight - expected) > spare:
                raise _contradiction(
                    f"{name} is of {weight:.0f} pictures instead of {expected:.0f}"
                )
    if hours.total.pictures > total.pictures:
        raise _contradiction("its hours have more pictures than its total")
    for name in SIGNALS:
        counts = total.counts(name)
        for key, count in hours.total.counts(name).items():
            # labels may have been joined as `other` in one of them
            known = isinstance(key, int) or (key in counts and key != OTHER)
            whole = hours.total.pictures == total.pictures
            difference = count - counts.get(key, 0.0)
            if known and (difference > spare or (whole and abs(difference) > spare)):
                raise _contradiction(f"its hours have other counts of {name} than its total")


def _contradiction(why: str) -> InvalidRequest:
    return InvalidRequest(f"{why}; make the profile anew", field="profile", reason="OTHER_PROFILE")


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Name the file in the errors of what it holds."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(
            f"{path}: {error.message}", field=error.field, reason=error.reason
        ) from None


def read_counts(path: Path, kind: str) -> dict[str, Any]:
    """Read a JSON file of this folder, and check what it says that it is.

    Raises:
        NotFound: the file cannot be read.
        InvalidRequest: it is no such file, or of another version (OTHER_PROFILE).
    """
    try:
        value = parse_json(read_text(path, max_bytes=MAX_BYTES))
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror or 'it is too large'}") from None
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("format") != kind:
        raise InvalidRequest(f"{path} is not a {kind}", field="profile")
    version = value.get("version")
    if version != VERSION or isinstance(version, bool):  # in JSON, true is no 1
        raise InvalidRequest(
            f"{path} is of version {version!r}, and this one reads version {VERSION}; "
            "make it anew with `lipiyana drift profile`",
            field="profile",
            reason="OTHER_PROFILE",
        )
    return value


def require_same_models(before: Models, now: Models) -> None:
    """Refuse to compare or to add what other models read: names and digests must be equal.

    Models that are not known, an empty table, are not compared.

    Raises:
        InvalidRequest: they are others (OTHER_MODELS).
    """
    if before and now and dict(before) != dict(now):
        raise InvalidRequest(
            f"other models gave these answers: {named(now, before)} now, and "
            f"{named(before, now)} before. What changed could be the models alone, so make a "
            "profile with the present ones",
            field="profile",
            reason="OTHER_MODELS",
        )


def named(models: Models, besides: Models) -> str:
    """Name the models that another table does not have, with their digests."""
    own = sorted(f"{name} {digest}" for name, digest in models.items() - besides.items())
    return ", ".join(map(shown, own)) or "none"


def dumped(value: Mapping[str, Any]) -> bytes:
    """Write JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


_HOUR_NAMES = {str(hour) for hour in range(_HOURS)}


def models_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Read the table of models of a file."""
    return {str(name): str(digest) for name, digest in table_of(value, "models").items()}


def table_of(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Read a table of a file.

    Raises:
        InvalidRequest: it is none.
    """
    table = value.get(key, {})
    if not isinstance(table, dict):
        raise InvalidRequest(f"{key} is no table", field="profile")
    return table
