"""Answers as signed bytes for an untrusted store: bytes that were changed are ignored."""

from __future__ import annotations

import hashlib
import hmac

from google.protobuf.message import DecodeError

from lipiyana.errors import InternalError
from lipiyana.types import Recognition
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.results import recognition_from_proto, recognition_to_proto

_MAGIC = b"LPY\x01"
_SEAL_BYTES = 32


class Sealer:
    """Writes an answer as a mark of the format, an HMAC-SHA-256, and a protobuf message.

    The code covers the key, too: an answer that was moved to another key does not open. Without
    a secret it guards against damage alone; with one, also against whoever can write the store.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, key: str, value: Recognition) -> bytes:
        """Write an answer, as `cacheable` makes it, for one key."""
        message = recognition_to_proto(value).SerializeToString()
        return _MAGIC + self._code(key, message) + message

    def open(self, key: str, data: bytes) -> Recognition | None:
        """Read what `seal` wrote for this key; None for anything else."""
        begin = len(_MAGIC) + _SEAL_BYTES
        seal, message = data[len(_MAGIC) : begin], data[begin:]
        if not data.startswith(_MAGIC) or not hmac.compare_digest(seal, self._code(key, message)):
            return None
        try:
            return recognition_from_proto(pb.Recognition.FromString(message))
        except (DecodeError, InternalError):
            return None

    def _code(self, key: str, message: bytes) -> bytes:
        # keys are hashed with the same secret, so this must never look like what they hash
        signed = b"\0value\0" + key.encode() + b"\0" + message
        return hmac.digest(self._secret, signed, hashlib.sha256)
