"""Cache keys: equal where a request would give an equal answer, taken before any decoding."""

from __future__ import annotations

import json
import secrets

import xxhash

from lipiyana.types import RawImage, RecognitionConfig


class KeyMaker:
    """Hashes picture, question and plan into 16 bytes (xxh3_128).

    xxh3 is no cryptographic hash: whoever knows the seed could make two pictures with one key.
    So the seed is drawn anew for each process unless a cache that several share needs the same.
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
        """Give the key of a request; `config.cache_policy` has no part in it."""
        if isinstance(image, RawImage):
            kind: list[object] = [image.pixel_format.value, image.width, image.height]
            data = image.data
        else:
            kind = ["encoded"]
            data = image
        question = [
            sorted(feature.value for feature in config.features),
            config.layout.value,
            config.script_hints,
            repr(config.min_confidence),
            config.romanize,
        ]
        # JSON has no zero byte: no picture can pass for a part of what stands before it
        head = json.dumps([kind, question, self._plan_digest]).encode() + b"\0"
        hashed = xxhash.xxh3_128(head, seed=self._seed)
        hashed.update(data)
        return hashed.digest()
