"""Reads a `RecognitionConfig` from a query or from JSON, by the fields of the contract.

A field that is added to `recognition.proto` is accepted here without a change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError

from lipiyana.errors import InvalidRequest
from lipiyana.server.http.tuning import REST
from lipiyana.server.rpc.messages import Limit, WireLimits
from lipiyana.server.tuning import MESSAGES
from lipiyana.types import RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.variables import nearest_name
from lipiyana.wire.fields import is_repeated
from lipiyana.wire.requests import config_from_proto

_KIND = pb.RecognitionConfig.DESCRIPTOR
_FIELDS: Mapping[str, FieldDescriptor] = dict(_KIND.fields_by_name)
_LIMITS = WireLimits(
    _KIND,
    {
        "features": Limit(MESSAGES.max_features),
        "script_hints": Limit(MESSAGES.max_script_hints),
    },
)
EXAMPLE = '{"layout": "plate"}'
"""A config as JSON, for messages."""

_BOOLS = {"true": True, "1": True, "false": False, "0": False}


def config_from_query(query: str) -> RecognitionConfig:
    """Read the parameters of a URL: lists separated by commas or repeated.

    Raises:
        InvalidRequest: a name or a value is not of the contract.
    """
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=MESSAGES.max_fields
        )
    except ValueError:
        raise InvalidRequest("the query of the URL cannot be parsed", field="query") from None
    values: dict[str, list[str]] = {}
    for name, text in pairs:
        values.setdefault(name, []).append(text)
    return _checked({name: _from_texts(_field(name), texts) for name, texts in values.items()})


def config_from_json(given: Any) -> RecognitionConfig:
    """Read an object of JSON; None is the default config.

    Raises:
        InvalidRequest: it is no object, or a name or a value is not of the contract.
    """
    if given is None:
        return RecognitionConfig()
    if not isinstance(given, dict):
        raise InvalidRequest(f"the config must be an object, such as {EXAMPLE}", field="config")
    return _checked({name: _from_value(_field(name), value) for name, value in given.items()})


def _checked(values: Mapping[str, Any]) -> RecognitionConfig:
    message = pb.RecognitionConfig()
    try:
        ParseDict({name: value for name, value in values.items() if value is not None}, message)
        data = message.SerializeToString()
    except (ParseError, RecursionError, TypeError, ValueError) as error:
        # protobuf's own words name classes of Python
        name = next((name for name in values if name in str(error)), "config")
        raise _wrong(name, "a value of its type") from None
    _LIMITS.check(data)
    return config_from_proto(message)


def is_config_field(name: str) -> bool:
    """Whether a config has a field of this name, in either spelling."""
    return name in _FIELDS or _snake(name) in _FIELDS


def _snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name[:64]).lower()


def _field(name: str) -> FieldDescriptor:
    found = _FIELDS.get(name) or _FIELDS.get(_snake(name))
    if found is None:
        nearest = nearest_name(_snake(name), tuple(_FIELDS))
        hint = f"did you mean {nearest}?" if nearest else f"known are {', '.join(_FIELDS)}"
        raise InvalidRequest(
            f"there is no {name[:64]!r} in a config; {hint}",
            field=name[:64],
            reason="UNKNOWN_FIELD",
        )
    return found


def _from_texts(field: FieldDescriptor, texts: list[str]) -> Any:
    if is_repeated(field):
        items = [item.strip() for text in texts for item in text.split(",") if item.strip()]
        if len(items) > MESSAGES.max_features + MESSAGES.max_script_hints:
            items = items[: MESSAGES.max_features + MESSAGES.max_script_hints]
        return _from_value(field, items)
    if len(texts) > 1:
        raise InvalidRequest(
            f"{field.name} is present more than once", field=field.name, reason="TOO_MANY_VALUES"
        )
    text = texts[0].strip()
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text.lower() not in _BOOLS:
            raise _wrong(field.name, "true or false")
        return _BOOLS[text.lower()]
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        try:
            number = float(text) if len(text) <= REST.number_digits else math.nan
        except ValueError:
            raise _wrong(field.name, "a number") from None
        return _from_value(field, number)
    return _from_value(field, text)


def _from_value(field: FieldDescriptor, value: Any) -> Any:
    """Give a value of JSON as protobuf takes it: enums by their full names."""
    if field.enum_type is not None and value is not None:
        if is_repeated(field) and isinstance(value, list):
            return _members(field.enum_type, field.name, value)
        return _members(field.enum_type, field.name, [value])[0]
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(field.name, "a finite number")
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT and not _is_number(value):
        raise _wrong(field.name, "a number")
    return value


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _members(kind: EnumDescriptor, field: str, values: Iterable[Any]) -> list[Any]:
    known = short_names(kind)
    members = []
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            members.append(value)  # an unknown one is refused later, as gRPC does
        elif not isinstance(value, str):
            raise _wrong(field, "a name or names of the contract")
        elif value in kind.values_by_name:
            members.append(kind.values_by_name[value].number)
        elif value.lower() in known:
            members.append(known[value.lower()])
        else:
            nearest = nearest_name(value[:64].lower(), known)
            raise InvalidRequest(
                f"{field} cannot be {value[:64]!r}; possible: {', '.join(known)}"
                + (f". Did you mean {nearest}?" if nearest else ""),
                field=field,
                reason=f"UNKNOWN_{_prefix(kind)}",
            )
    return members


def short_names(kind: EnumDescriptor) -> dict[str, int]:
    """The numbers of an enum's members by their short names: `scene` of `LAYOUT_SCENE`."""
    prefix = f"{_prefix(kind)}_"
    return {v.name.removeprefix(prefix).lower(): v.number for v in kind.values if v.number}


def _prefix(kind: EnumDescriptor) -> str:
    return re.sub("(?<!^)([A-Z])", r"_\1", kind.name).upper()


def _wrong(name: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"{name} must be {wanted}", field=name, reason="INVALID_VALUE")
