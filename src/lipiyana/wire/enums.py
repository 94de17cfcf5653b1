"""The protobuf numbers of the enums of `lipiyana.types`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from lipiyana import types
from lipiyana.v1 import recognition_pb2 as pb

Member = TypeVar("Member", bound=StrEnum)


class _EnumWrapper(Protocol):
    def Value(self, name: str, /) -> Any: ...  # noqa: N802


def _numbers(
    members: Iterable[Member], wrapper: _EnumWrapper, prefix: str
) -> dict[Member | None, Any]:
    """Map members to their numbers; None, for "not known", is 0."""
    return {None: 0} | {member: wrapper.Value(f"{prefix}_{member.name}") for member in members}


def inverse(numbers: Mapping[Member | None, Any]) -> dict[int, Member]:
    """Map the numbers to the members."""
    return {number: member for member, number in numbers.items() if member is not None}


FEATURES = _numbers(types.Feature, pb.Feature, "FEATURE")
LAYOUTS = _numbers(types.Layout, pb.Layout, "LAYOUT")
CACHE_POLICIES = _numbers(types.CachePolicy, pb.CachePolicy, "CACHE_POLICY")
PIXEL_FORMATS = _numbers(types.PixelFormat, pb.PixelFormat, "PIXEL_FORMAT")
REGISTRATION_FORMATS = _numbers(
    types.RegistrationFormat, pb.RegistrationFormat, "REGISTRATION_FORMAT"
)
PLATE_COLOURS = _numbers(types.PlateColour, pb.PlateColour, "PLATE_COLOUR")
CATEGORIES = _numbers(types.Category, pb.Category, "CATEGORY")
CACHE_OUTCOMES = _numbers(
    (types.CacheOutcome.HIT, types.CacheOutcome.MISS, types.CacheOutcome.BYPASS),
    pb.CacheOutcome,
    "CACHE_OUTCOME",
)
