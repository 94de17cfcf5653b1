"""Answers to single pictures: from the cache, from a computation under way, or computed."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Protocol, runtime_checkable

from lipiyana.cache import Flight, KeyMaker, ResultCache, SingleFlight, cacheable
from lipiyana.errors import DeadlineExceeded
from lipiyana.recognizer import Recognizer
from lipiyana.server.workers import WorkerPool
from lipiyana.types import CacheOutcome, CachePolicy, RawImage, Recognition, RecognitionConfig


@runtime_checkable
class ServedRecognizer(Recognizer, Protocol):
    """A recognizer that a server can put a cache before.

    Its `recognize_batch` of no pictures checks the config and does nothing else.
    """

    def plan_digest(self) -> str:
        """Hash everything but picture and config that an answer depends on."""
        ...


class Answers:
    """Answers pictures; nothing equal is computed twice, and nothing that nobody waits for."""

    def __init__(
        self, recognizer: ServedRecognizer, pool: WorkerPool, cache: ResultCache | None
    ) -> None:
        self._recognizer = recognizer
        self._pool = pool
        self._cache = cache
        self._keys = KeyMaker(recognizer.plan_digest())
        self._flights: SingleFlight[Recognition] = SingleFlight()

    def check(self, config: RecognitionConfig) -> None:
        """Refuse a config before anything is queued.

        Raises:
            LipiyanaError: as the recognizer says.
        """
        self._recognizer.recognize_batch((), config)

    def key(self, image: bytes | RawImage, config: RecognitionConfig) -> bytes | None:
        """Give the key under which an answer is shared; None where it is not."""
        if self._cache is None or config.cache_policy is CachePolicy.BYPASS:
            return None
        return self._keys.key(image, config)

    def require_room(self, keys: list[bytes | None]) -> None:
        """Refuse pictures that cannot all be answered or queued now.

        Raises:
            Overloaded: the queue has no room for those that must be computed.
        """
        computed = {key for key in keys if key is not None and not self._at_hand(key)}
        self._pool.require_room(len(computed) + keys.count(None))

    async def answer(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        deadline: float | None,
    ) -> Recognition:
        """Answer one picture.

        Args:
            image: not decoded yet.
            config: as `check` let it pass.
            key: as `key` gives it for these two.
            deadline: by `time.monotonic()`; what has not begun by then is not computed.

        Raises:
            LipiyanaError: as the recognizer says, or the queue.
        """
        if key is not None and self._cache is not None:
            kept = self._cache.get(key)
            if kept is not None:
                return replace(kept, cache_outcome=CacheOutcome.HIT)
        start = partial(self._start, image, config, key)
        value, led = await self._flights.run(key, deadline, start)
        if self._cache is None:
            return replace(value, cache_outcome=CacheOutcome.NONE)
        if key is None:
            return replace(value, cache_outcome=CacheOutcome.BYPASS)
        if led:
            return replace(value, cache_outcome=CacheOutcome.MISS)
        return replace(cacheable(value), cache_outcome=CacheOutcome.HIT)

    def _at_hand(self, key: bytes) -> bool:
        return key in self._flights or (
            self._cache is not None and self._cache.get(key) is not None
        )

    def _start(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        flight: Flight[Recognition],
    ) -> Future[Recognition]:
        return self._pool.submit(partial(self._compute, image, config, key, flight))

    def _compute(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        flight: Flight[Recognition],
    ) -> Recognition:
        remaining = flight.remaining()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceeded("the time was over while the picture waited in the queue")
        value = self._recognizer.recognize(image, config, timeout=remaining)
        if key is not None and self._cache is not None:
            self._cache.put(key, cacheable(value))
        return value
