"""Reads the pictures and the config of a request from its body: bytes, a form, or JSON."""

from __future__ import annotations

import asyncio
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.server.calls.recognition import Picture
from lipiyana.server.http.problems import unsupported_media_type
from lipiyana.server.http.requests.configs import (
    EXAMPLE,
    config_from_json,
    config_from_query,
    is_config_field,
)
from lipiyana.server.http.requests.exchange import Exchange
from lipiyana.server.http.requests.multipart import parts_of
from lipiyana.server.http.tuning import REST
from lipiyana.server.settings.model import ServerSettings
from lipiyana.types import RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.requests import image_from_proto

T = TypeVar("T")

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_URL_SAFE = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for; pictures that cannot be parsed are errors."""

    images: Sequence[Picture | LipiyanaError]
    config: RecognitionConfig
    size: int


class Bodies:
    """Receives and parses the bodies of one server's requests."""

    def __init__(self, settings: ServerSettings) -> None:
        self._limit = settings.max_message_bytes
        self._max_batch = settings.max_batch
        self._marks = REST.json_marks + REST.json_marks_each * settings.max_batch
        self._parsing = asyncio.Lock()

    async def read(self, exchange: Exchange, *, is_batch: bool) -> Wanted:
        """Receive the body of a request, and parse it.

        Raises:
            LipiyanaError: it is too large, of no known kind, or cannot be parsed.
        """
        kind, parameters = exchange.media_type
        if kind.startswith("image/") or kind in {"", "application/octet-stream"}:
            if is_batch:
                raise unsupported_media_type(kind)
            config = config_from_query(exchange.query)
            body = await exchange.body(self._limit)
            return Wanted([body], config, len(body))
        if kind not in {"multipart/form-data", "application/json"}:
            raise unsupported_media_type(kind)
        body = await exchange.body(self._limit)
        if kind == "application/json":
            return await self._parsed(body, lambda: self._from_json(body, is_batch=is_batch))
        query = exchange.query
        return await self._parsed(body, lambda: self._from_form(body, parameters, query, is_batch))

    async def _parsed(self, body: bytes, parse: Callable[[], T]) -> T:
        if len(body) <= REST.inline_bytes:
            return parse()
        # one at a time, because a parsed copy needs as much memory again
        async with self._parsing:
            return await asyncio.to_thread(parse)

    def _from_form(self, body: bytes, parameters: str, query: str, is_batch: bool) -> Wanted:
        parts = parts_of(body, parameters, (self._max_batch if is_batch else 1) + 2)
        images: list[Picture | LipiyanaError] = []
        config: RecognitionConfig | None = None
        for part in parts:
            if part.name == "image":
                images.append(part.body)
            elif part.name == "config" and config is None:
                config = _config_of_part(part.body)
            else:
                raise _other_part(part.name)
        if config is None:
            config = config_from_query(query)
        elif query:
            raise InvalidRequest(
                "the config is in the form and in the query: give it once", field="config"
            )
        self._check_count(len(images), is_batch=is_batch)
        return Wanted(images, config, len(body))

    def _from_json(self, body: bytes, *, is_batch: bool) -> Wanted:
        given = parse_json(body, self._marks)
        name = "images" if is_batch else "image"
        if not isinstance(given, dict) or (unknown := set(given) - {name, "config"}):
            what = f", not {min(unknown)[:64]!r}" if isinstance(given, dict) else ""
            raise InvalidRequest(
                f"the body must be an object with {name} and perhaps config{what}",
                field=name,
                reason="UNPARSABLE_MESSAGE",
            )
        config = config_from_json(given.get("config"))
        if not is_batch:
            return Wanted([_image(given.get("image"))], config, len(body))
        images = given.get("images") or []
        if not isinstance(images, list):
            raise _bad_image()
        self._check_count(len(images), is_batch=True)
        return Wanted([_image_or_error(image) for image in images], config, len(body))

    def _check_count(self, count: int, *, is_batch: bool) -> None:
        if is_batch and count > self._max_batch:
            raise InvalidRequest(
                f"images has more than {self._max_batch} values, the limit of this server (its "
                "setting max_batch)",
                field="images",
                reason="BATCH_TOO_LARGE",
            )
        if not is_batch and count != 1:
            raise InvalidRequest(
                "there is no picture: the form needs a part named `image`"
                if not count
                else "this is for one picture: send several to /v1/recognize:batch",
                field="image",
                reason="TOO_MANY_VALUES" if count else "MISSING_IMAGE",
            )


def parse_json(body: bytes, marks: int) -> Any:
    """Parse JSON of bounded depth, number of values and size of numbers.

    Args:
        body: UTF-8.
        marks: maximum number of characters that separate values.

    Raises:
        InvalidRequest: it is no JSON, or breaks a limit (UNPARSABLE_MESSAGE).
    """
    if sum(map(body.count, (b",", b":", b'"', b"[", b"{", b"\\"))) > marks:
        raise _no_json(f"it has more than {marks} commas, quotation marks and brackets")
    try:
        value = json.loads(
            body.decode(), parse_int=_number(int), parse_float=_number(float), parse_constant=_no
        )
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeDecodeError:
        raise _no_json("it is not UTF-8") from None
    except UnicodeEncodeError:  # protobuf and UTF-8 have none
        raise _no_json("it has half of a surrogate pair") from None
    except (ValueError, RecursionError):
        raise _no_json("it cannot be parsed") from None


def _config_of_part(body: bytes) -> RecognitionConfig:
    if len(body) > REST.config_bytes:
        raise InvalidRequest(f"the config has more than {REST.config_bytes} bytes", field="config")
    try:
        given = parse_json(body, REST.json_marks)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"the part `config` must be JSON, such as {EXAMPLE}: {error.message}",
            field="config",
            reason=error.reason,
        ) from None
    return config_from_json(given)


def _other_part(name: str) -> InvalidRequest:
    known = "a form may have parts named `image`, and one named `config`"
    if is_config_field(name):
        known += f"; `{name[:64]}` belongs into `config`, as in {EXAMPLE}, or into the query"
    return InvalidRequest(known, field=name[:64], reason="UNKNOWN_FIELD")


def _number(kind: Callable[[str], T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        if len(text) > REST.number_digits:
            raise ValueError
        return kind(text)

    return parse


def _no(constant: str) -> Any:
    raise ValueError(constant)  # JSON has neither NaN nor infinity


def _image_or_error(given: Any) -> Picture | LipiyanaError:
    try:
        return _image(given)
    except LipiyanaError as error:
        return error.with_traceback(None)


def _image(given: Any) -> Picture:
    """Read an `Image` of proto3 JSON."""
    if given is None:
        return image_from_proto(pb.Image())  # raises MISSING_IMAGE
    if not isinstance(given, dict):
        raise _bad_image()
    encoded, raw = given.get("encoded"), given.get("raw")
    if encoded is not None:
        if len(given) > 1:
            raise _bad_image()
        return _decoded(encoded)
    if not isinstance(raw, dict):
        return image_from_proto(_message(given))
    data = _decoded(raw.get("data", ""))
    message = _message({"raw": {name: value for name, value in raw.items() if name != "data"}})
    message.raw.data = data
    return image_from_proto(message)


def _message(given: dict[str, Any]) -> pb.Image:
    try:
        return ParseDict(given, pb.Image())
    except (ParseError, RecursionError, TypeError, ValueError):
        raise _bad_image() from None


def _decoded(text: Any) -> bytes:
    """Decode base64 of either alphabet, with or without padding; anything else is an error."""
    if not isinstance(text, str):
        raise _bad_image()
    try:
        data = text.encode("ascii").translate(_URL_SAFE).rstrip(b"=")
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)
    except ValueError:
        raise InvalidRequest(
            "the picture is not base64", field="image", reason="UNPARSABLE_MESSAGE"
        ) from None


def _bad_image() -> InvalidRequest:
    return InvalidRequest(
        'a picture must be {"encoded": BASE64} or {"raw": {"data": BASE64, "width": W, '
        '"height": H, "pixel_format": "PIXEL_FORMAT_RGB8"}}',
        field="image",
        reason="UNPARSABLE_MESSAGE",
    )


def _no_json(problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"this is no JSON for this server: {problem}", reason="UNPARSABLE_MESSAGE"
    )
