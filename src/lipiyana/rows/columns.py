"""The columns of a row, derived from the dataclasses of `lipiyana.types`.

`COLUMNS` is the one description of them: `to_columns` and `recognition_of` convert by it, and
`lipiyana.rows.schema` makes the Arrow schema of it. A new field of a result is a new column. In
plain values, a dataclass is a dict, a tuple a list, a point a dict of `x` and `y`, a mapping a list
of pairs, and a member of an enum its value.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from lipiyana.errors import LipiyanaError
from lipiyana.types import Point, Recognition


@dataclass(frozen=True, slots=True)
class Head:
    """The columns before those of `Recognition`.

    Attributes:
        path: of the picture, as `printable` writes it.
        sha256: of the picture's bytes, hexadecimal; None if they could not be read.
        error_code: name of the gRPC status code; None if the picture was read.
        error_message: for people.
        error_reason: a stable upper-case word for programs.
    """

    path: str
    sha256: str | None
    error_code: str | None
    error_message: str | None
    error_reason: str | None


def fields_of(kind: type) -> dict[str, Any]:
    """The types of the fields of a dataclass, by name, in order."""
    return typing.get_type_hints(kind)


_FOUND = fields_of(Recognition)

COLUMNS: Mapping[str, Any] = fields_of(Head) | {name: hint | None for name, hint in _FOUND.items()}
"""The type of each column. A row has either an error or the columns of `Recognition`."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A type, taken apart.

    Attributes:
        kind: `str`, `int`, `float`, `bool`, an enum, a dataclass, `Point`, `list` or `dict`.
        optional: whether it may be None.
        item: type of the elements of a list, or of the values of a dict.
    """

    kind: Any
    optional: bool = False
    item: Any = None


def take_apart(hint: Any) -> Hint:
    """Describe a type of `COLUMNS`.

    Raises:
        TypeError: no column can have this type.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        (inner,) = (one for one in arguments if one is not types.NoneType)
        plain = take_apart(inner)
        return Hint(plain.kind, optional=True, item=plain.item)
    if hint == Point:
        return Hint(Point)
    if origin is tuple and set(arguments[1:]) <= {arguments[0], Ellipsis}:
        return Hint(list, item=arguments[0])
    if origin is Mapping and arguments[0] is str:
        return Hint(dict, item=arguments[1])
    if hint in {str, int, float, bool} or issubclass(hint, StrEnum) or is_dataclass(hint):
        return Hint(hint)
    raise TypeError(f"{hint} cannot be a column")


def to_columns(
    path: str, sha256: str | None, outcome: Recognition | LipiyanaError
) -> dict[str, Any]:
    """Write a row as plain values, a value for each of `COLUMNS`."""
    if isinstance(outcome, LipiyanaError):
        error = (outcome.code, outcome.message, outcome.reason)
        return dict(zip(COLUMNS, (path, sha256, *error), strict=False)) | _NOTHING_FOUND
    head = dict(zip(COLUMNS, (path, sha256, None, None, None), strict=False))
    return head | _write_found(outcome)


def recognition_of(columns: Mapping[str, Any]) -> Recognition | None:
    """Read the result of a row back; None if it has an error.

    Floats come back with the 32 bits that they have in Arrow and in the proto.
    """
    if columns["error_code"] is not None:
        return None
    return typing.cast("Recognition", _read_found(columns))


_NOTHING_FOUND: dict[str, Any] = dict.fromkeys(_FOUND)


Converter = Callable[[Any], Any] | None
"""None where a value is written as it is."""


@cache
def _writer(hint: Any) -> Converter:
    """Make the function that converts values of a type to plain ones."""
    one = take_apart(hint)
    if one.kind is Point:
        return lambda point: {"x": point[0], "y": point[1]}
    if one.kind is list:
        item = _writer(one.item)
        return list if item is None else lambda values: [item(value) for value in values]
    if one.kind is dict:
        return lambda values: list(values.items())
    if is_dataclass(one.kind):
        return _or_none(one, _fields_writer(one.kind))
    if issubclass(one.kind, StrEnum):
        return _or_none(one, lambda member: member.value)
    return None


def _fields_writer(kind: Any) -> Callable[[Any], dict[str, Any]]:
    fields = [(name, _writer(hint)) for name, hint in fields_of(kind).items()]

    def write(value: Any) -> dict[str, Any]:
        return {
            name: getattr(value, name) if convert is None else convert(getattr(value, name))
            for name, convert in fields
        }

    return write


@cache
def _reader(hint: Any) -> Converter:
    """Make the function that converts plain values back."""
    one = take_apart(hint)
    if one.kind is Point:
        return lambda point: (point["x"], point["y"])
    if one.kind is list:
        item = _reader(one.item)
        return tuple if item is None else lambda values: tuple(item(value) for value in values)
    if one.kind is dict:
        return dict
    if is_dataclass(one.kind):
        return _or_none(one, _fields_reader(one.kind))
    if issubclass(one.kind, StrEnum):
        return _or_none(one, one.kind)
    return None


def _fields_reader(kind: Any) -> Callable[[Mapping[str, Any]], Any]:
    fields = [(name, _reader(hint)) for name, hint in fields_of(kind).items()]

    def read(values: Mapping[str, Any]) -> Any:
        return kind(
            **{
                name: values[name] if convert is None else convert(values[name])
                for name, convert in fields
            }
        )

    return read


def _or_none(hint: Hint, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if not hint.optional:
        return convert
    return lambda value: None if value is None else convert(value)


_write_found = _fields_writer(Recognition)
_read_found = _fields_reader(Recognition)
