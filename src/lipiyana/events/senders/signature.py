"""Signatures of webhooks: the receiver knows who sent a message, and when.

The signed text is the time in whole seconds since 1970, a dot, and the body as it is sent.
"""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP_HEADER = "Lipiyana-Timestamp"
SIGNATURE_HEADER = "Lipiyana-Signature"
_VERSION = "v1="


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the value of the header: `v1=` and the HMAC-SHA-256 in hexadecimal."""
    return _VERSION + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(
    secret: bytes,
    timestamp: str,
    body: bytes,
    signature: str,
    *,
    now: float,
    tolerance: float = 300,
) -> bool:
    """Check a signature, for a receiver in Python.

    Args:
        secret: which both sides know.
        timestamp: value of the header `Lipiyana-Timestamp`.
        body: as received, before it is decompressed.
        signature: value of the header `Lipiyana-Signature`.
        now: seconds since 1970.
        tolerance: seconds by which the clocks may differ. An older message may be a recorded one
            that somebody sends again.
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(now - int(timestamp)) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())
