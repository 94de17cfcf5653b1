"""Cache keys: equal if the requests would have equal answers, made without decoding."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets

import xxhash

from lipiyana.types import RawImage, RecognitionConfig

SHARED_KEY_VERSION = 1
"""Version of the format of shared keys and values."""


class KeyMaker:
    """Hashes picture, config and plan into 16 bytes (xxh3_128).

    xxh3 is no cryptographic hash: whoever knows the seed could make two pictures with one key.
    So each process draws a new seed, and `SharedKeyMaker` makes the keys of a cache
    that several processes share.
    """

    def __init__(self, plan_digest: str, *, seed: int | None = None) -> None:
        """Take what all requests have in common.

        Args:
            plan_digest: changes with everything but picture and config that an answer depends
                on: models, limits, version of the pipeline.
            seed: 64 bits.
        """
        self._plan_digest = plan_digest
        self._seed = secrets.randbits(64) if seed is None else seed

    def key(self, image: bytes | RawImage, config: RecognitionConfig) -> bytes:
        """Give the key of a request; it does not depend on `config.cache_policy`."""
        kind, data = _kind_and_data(image)
        head = _head(kind, _question(config), self._plan_digest)
        hashed = xxhash.xxh3_128(head, seed=self._seed)
        hashed.update(data)
        return hashed.digest()


class SharedKeyMaker:
    """Hashes the same by HMAC-SHA-256, which nobody can make collide, with or without a secret.

    The number of the picture's bytes is part of what is hashed. With a secret, nobody who reads
    the keys of the store can tell whether a picture that he has was asked for.
    """

    def __init__(self, plan_digest: str, *, namespace: str, secret: bytes) -> None:
        """Take what all requests have in common.

        Args:
            plan_digest: as for `KeyMaker`.
            namespace: begins every key; servers with different ones share no answers.
            secret: the same in all processes that share; may be empty.
        """
        self._plan_digest = plan_digest
        self._namespace = namespace
        self._secret = secret

    def key(self, image: bytes | RawImage, config: RecognitionConfig) -> str:
        """Give the key of a request, `namespace:version:64 hexadecimal digits`."""
        kind, data = _kind_and_data(image)
        head = _head(
            kind, _question(config), self._plan_digest, self._namespace, len(data),
            SHARED_KEY_VERSION,
        )  # fmt: skip
        hashed = hmac.new(self._secret, head, hashlib.sha256)
        hashed.update(data)
        return f"{self._namespace}:{SHARED_KEY_VERSION}:{hashed.hexdigest()}"


def _kind_and_data(image: bytes | RawImage) -> tuple[list[object], bytes]:
    if isinstance(image, RawImage):
        return [image.pixel_format.value, image.width, image.height], image.data
    return ["encoded"], image


def _question(config: RecognitionConfig) -> list[object]:
    return [
        sorted(feature.value for feature in config.features),
        config.layout.value,
        config.script_hints,
        repr(config.least_confidence),
        config.romanize,
        config.words,
    ]


def _head(*parts: object) -> bytes:
    # JSON has no zero byte: no picture can pass for a part of what stands before it
    return json.dumps(parts).encode() + b"\0"
