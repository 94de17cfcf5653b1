"""Parses `multipart/form-data` (RFC 7578) from bytes in memory; nothing is written to files.

Time is linear in the size of the body, and the number of parts and the sizes of their headers are
limited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lipiyana.errors import InvalidRequest
from lipiyana.server.http.tuning import REST

_BOUNDARY = re.compile(r""";\s*boundary=(?:"([^"\\]+)"|([^\s";]+))""", re.IGNORECASE)
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_NAME = re.compile(rf""";\s*({_TOKEN})=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\s";]*))""")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    body: bytes


def parts_of(body: bytes, parameters: str, most: int) -> list[Part]:
    """Parse a form.

    Args:
        body: the whole body.
        parameters: those of its Content-Type.
        most: maximum number of parts.

    Raises:
        InvalidRequest: it is no form (UNPARSABLE_MESSAGE), or has too many parts
            (TOO_MANY_VALUES).
    """
    delimiter = b"--" + _boundary(parameters)
    if not body.startswith(delimiter):
        raise _bad("the body does not begin with its boundary")
    parts: list[Part] = []
    place = len(delimiter)
    separator = b"\r\n" + delimiter
    while not body.startswith(b"--", place):
        if not body.startswith(b"\r\n", place):
            raise _bad("a boundary is not at the end of its line")
        if len(parts) == most:
            raise InvalidRequest(
                f"the form has more than {most} parts, the limit here",
                field="image",
                reason="TOO_MANY_VALUES",
            )
        begin = place + 2
        end_of_head = body.find(b"\r\n\r\n", begin, begin + REST.part_head_bytes)
        if end_of_head < 0:
            raise _bad(f"the headers of a part exceed {REST.part_head_bytes} bytes, or do not end")
        end = body.find(separator, end_of_head + 4)
        if end < 0:
            raise _bad("the last part has no boundary after it")
        content = body[end_of_head + 4 : end]
        parts.append(Part(_name(body[begin:end_of_head]), content))
        place = end + len(separator)
    return parts


def _boundary(parameters: str) -> bytes:
    found = _BOUNDARY.search(f";{parameters[:1024]}")
    boundary = (found[1] or found[2]).encode("latin-1") if found else b""
    if not 0 < len(boundary) <= REST.boundary_bytes:
        raise _bad(f"its Content-Type needs a boundary of at most {REST.boundary_bytes} bytes")
    return boundary


def _name(head: bytes) -> str:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        header, _, value = line.partition(":")
        if header.strip().lower() != "content-disposition":
            continue
        kind, semicolon, rest = value.partition(";")
        if kind.strip().lower() != "form-data":
            continue
        for name, quoted, plain in _NAME.findall(semicolon + rest):
            if name.lower() == "name":
                return str(quoted or plain)
    raise _bad("a part has no name: it needs `Content-Disposition: form-data; name=...`")


def _bad(problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"the body is no multipart/form-data: {problem}", reason="UNPARSABLE_MESSAGE"
    )
