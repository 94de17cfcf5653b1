"""Describes what a request may be told beside its picture: the config, and headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from lipiyana.script_codes import SCRIPT_NAMES
from lipiyana.server.http.requests.configs import short_names
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.fields import is_repeated

HEADERS: list[dict[str, Any]] = [
    {
        "name": "x-request-id",
        "in": "header",
        "description": "Names the request in logs and in the answer; 64 letters, digits, ._-",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    {
        "name": "x-deadline-seconds",
        "in": "header",
        "description": "A picture whose turn does not come in this time is not computed.",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    },
]

_ABOUT: Mapping[str, str] = {
    "features": "What to look for; without it, everything that the server has models for.",
    "layout": "What the picture shows: a whole scene, a crop of one line of text, or of one plate.",
    "script_hints": "Scripts that are likely here, as ISO 15924 codes. They decide where the "
    "script of a line is in doubt, and exclude none.",
    "min_confidence": "Drop what is less sure than this. Without it, 0.3 in a scene; of a line "
    "or a plate everything is kept.",
    "cache_policy": "use: answer from the cache where it has the picture; bypass: compute anew, "
    "and keep nothing.",
    "romanize": "Add text in Latin letters: the fields `romanized`.",
    "words": "Add the place and the confidence of each word of a line: the fields `words`.",
}
_DEFAULTS: Mapping[str, Any] = {
    "layout": "scene",
    "cache_policy": "use",
    "romanize": False,
    "words": False,
}


def _schema(field: FieldDescriptor) -> dict[str, Any]:
    """The schema of a field of the config under its short names."""
    schema: dict[str, Any]
    if field.enum_type is not None:
        schema = {"type": "string", "enum": list(short_names(field.enum_type))}
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        schema = {"type": "boolean"}
    elif field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        schema = {"type": "number", "minimum": 0, "maximum": 1}
    else:
        schema = {"type": "string", "examples": sorted(SCRIPT_NAMES)}
    if is_repeated(field):
        return {"type": "array", "items": schema}
    if field.name in _DEFAULTS:
        schema["default"] = _DEFAULTS[field.name]
    return schema


_FIELDS: Mapping[str, FieldDescriptor] = dict(pb.RecognitionConfig.DESCRIPTOR.fields_by_name)
CONFIG: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {"description": _ABOUT[name], **_schema(field)} for name, field in _FIELDS.items()
    },
}
"""The schema of a config as JSON."""
QUERY: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "query",
        "description": _ABOUT[name],
        "style": "form",
        "explode": False,
        "schema": _schema(field),
    }
    for name, field in _FIELDS.items()
]
"""The same as parameters of a URL."""


def values_of(schema: Mapping[str, Any]) -> str:
    """The values of a parameter, for people."""
    if schema["type"] == "array":
        return f"list of {values_of(schema['items'])}, with commas between or repeated"
    known = schema.get("enum") or schema.get("examples")
    if known:
        text = ", ".join(known)
    elif schema["type"] == "boolean":
        text = "true, false"
    elif "maximum" in schema:
        text = f"a number from {schema['minimum']} to {schema['maximum']}"
    else:
        text = {"number": "a number over 0", "string": "text"}[schema["type"]]
    if "default" not in schema:
        return text
    default = schema["default"]
    return f"{text}; without it {str(default).lower() if isinstance(default, bool) else default}"
