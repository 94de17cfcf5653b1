"""Describes the HTTP API as OpenAPI 3.1. The types come from the contract in `protos/`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from lipiyana.server.http.parameters import CONFIG, HEADERS, QUERY
from lipiyana.server.http.problems import PROBLEM, STATUS
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.fields import is_repeated

TITLE = "Lipiyana"

_JSON = "application/json"
_SCHEMAS = "#/components/schemas/"
_MEANINGS = {
    400: "The request cannot be answered: INVALID_ARGUMENT, FAILED_PRECONDITION.",
    401: "The key is missing or unknown: UNAUTHENTICATED.",
    403: "Not allowed: PERMISSION_DENIED.",
    404: "There is no such path: NOT_FOUND.",
    405: "The path has no such method: METHOD_NOT_ALLOWED.",
    413: "The body is over max_message_bytes: MESSAGE_TOO_LARGE.",
    415: "The Content-Type is of no known kind: UNSUPPORTED_MEDIA_TYPE.",
    429: "Too much at a time: RESOURCE_EXHAUSTED. Try again after Retry-After.",
    499: "The client has disconnected: CANCELLED.",
    500: "A bug of the server: INTERNAL.",
    501: "This server cannot do that: UNIMPLEMENTED.",
    503: "The server shuts down: UNAVAILABLE. Use another, or try again after Retry-After.",
    504: "Not answered in time: DEADLINE_EXCEEDED.",
}
_DESCRIPTION = (
    "Reads vehicles, registrations and text in pictures of Indian roads. Errors are "
    "application/problem+json with the code and the reason that the gRPC API has. Frames of a "
    "camera go over the WebSocket /v1/stream."
)


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    retry = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        found[status] = {
            "description": _MEANINGS[status],
            "content": {PROBLEM: {"schema": _ref("Problem")}},
        }
        if status in {429, 503}:
            found[status]["headers"] = retry
    return found


_READING = _errors(400, 401, 413, 415, 429, 499, 500, 503, 504)
_BINARY = {"type": "string", "format": "binary"}


def _form(image: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["image"],
        "properties": {"image": image, "config": _ref("Config")},
    }


def _request(parameters: list[Any], content: dict[str, Any]) -> dict[str, Any]:
    bodies = {kind: {"schema": schema} for kind, schema in content.items()}
    return {
        "parameters": parameters,
        "requestBody": {"required": True, "content": bodies},
    }


ONE: dict[str, Any] = {
    "summary": "Recognize",
    "responses": {
        200: {
            "description": "What was found.",
            "content": {_JSON: {"schema": _ref("Recognition")}},
        },
        **_READING,
    },
    "openapi_extra": _request(
        [*QUERY, *HEADERS],
        {
            "image/*": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": _form(_BINARY),
            _JSON: _ref("RecognizeRequest"),
        },
    ),
}
BATCH: dict[str, Any] = {
    "summary": "BatchRecognize",
    "responses": {
        200: {
            "description": "What became of each picture, in their order.",
            "content": {_JSON: {"schema": _ref("BatchAnswer")}},
        },
        **_READING,
    },
    "openapi_extra": _request(
        HEADERS,
        {
            "multipart/form-data": _form({"type": "array", "items": _BINARY}),
            _JSON: _ref("BatchRecognizeRequest"),
        },
    ),
}
MODELS: dict[str, Any] = {
    "summary": "Models",
    "responses": {
        200: {"description": "The models.", "content": {_JSON: {"schema": _ref("Models")}}},
        **_errors(401, 500),
    },
}
PROBES: Mapping[str, dict[str, Any]] = {
    "healthz": {"summary": "Liveness", "responses": {200: {"description": "It lives."}}},
    "readyz": {
        "summary": "Readiness",
        "responses": {
            200: {"description": "It accepts calls."},
            503: {"description": "It starts or shuts down."},
        },
    },
}


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application with the routes of the API."""
    app.version = version("lipiyana")
    app.description = _DESCRIPTION
    document = app.openapi()
    schemas: dict[str, Any] = {}
    for message in (pb.Recognition, service_pb.RecognizeRequest, service_pb.BatchRecognizeRequest):
        _add_message(schemas, message.DESCRIPTOR)
    schemas["Config"] = CONFIG
    document["components"] = {
        "schemas": {**schemas, **_OWN},
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # FastAPI's own errors do not occur
            if path.startswith("/v1/"):
                operation["security"] = [{}, {"key": []}]
    return document


_TYPES: Mapping[int, dict[str, Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
}


def _add_message(schemas: dict[str, Any], message: Descriptor) -> None:
    if message.name in schemas:
        return
    properties: dict[str, Any] = {}
    schemas[message.name] = {"type": "object", "properties": properties}
    for field in message.fields:
        kind: dict[str, Any]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            kind = {"type": "object", "additionalProperties": _TYPES[value.cpp_type]}
            properties[field.name] = kind
            continue
        if field.message_type is not None:
            _add_message(schemas, field.message_type)
            kind = _ref(field.message_type.name)
        elif field.enum_type is not None:
            kind = {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        elif field.type == FieldDescriptor.TYPE_BYTES:
            kind = {"type": "string", "contentEncoding": "base64"}
        else:
            kind = _TYPES.get(field.cpp_type, {"type": "string"})
        if field.name in {"track_id", "vehicle_index"}:
            kind = {"type": ["integer", "null"]}
        properties[field.name] = {"type": "array", "items": kind} if is_repeated(field) else kind


_TEXT = {"type": "string"}
_OWN: Mapping[str, Any] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "reason"],
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer", "enum": sorted(_MEANINGS)},
            "detail": _TEXT,
            "code": {"type": "string", "enum": sorted(STATUS)},
            "reason": _TEXT,
            "field": _TEXT,
            "retry_after": {"type": "number"},
            "request_id": _TEXT,
        },
    },
    "BatchAnswer": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["recognition"],
                            "properties": {"recognition": _ref("Recognition")},
                        },
                        {
                            "type": "object",
                            "required": ["error"],
                            "properties": {"error": _ref("Problem")},
                        },
                    ]
                },
            }
        },
    },
    "Models": {
        "type": "object",
        "properties": {
            "models": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": _TEXT,
                        "version": _TEXT,
                        "sha256": _TEXT,
                        "task": _TEXT,
                    },
                },
            },
            "features": {"type": "array", "items": _TEXT},
            "layouts": {"type": "array", "items": _TEXT},
            "labels": {"type": "array", "items": _TEXT},
            "max_batch": {"type": "integer"},
            "max_message_bytes": {"type": "integer"},
            "version": _TEXT,
        },
    },
}
