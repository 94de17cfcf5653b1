"""The answers that a server gives now: its recognizer and caches, which a reload replaces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lipiyana.cache import MemoryCache, RepeatedFrameReader, SharedCache
from lipiyana.server.calls.answers import Answers, ServedRecognizer
from lipiyana.server.queue.pool import ComputePool
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import RecognitionConfig


@dataclass(slots=True)
class _Service:
    """A recognizer with its answers, and the number of calls that use them."""

    recognizer: ServedRecognizer
    answers: Answers
    shared: SharedCache | None
    users: int = 0
    unused: asyncio.Event = field(default_factory=asyncio.Event)


class CurrentAnswers:
    """Gives each call the answers that are current when it begins. Belongs to one event loop.

    A call keeps them to its end, so that the key of its answer, which names the models, and the
    models that compute it belong together.
    """

    def __init__(
        self,
        recognizer: ServedRecognizer,
        pool: ComputePool,
        settings: ServerSettings,
        metrics: Metrics,
    ) -> None:
        """Put caches in front of a recognizer.

        Raises:
            InvalidRequest: the URL of the shared cache is invalid (INVALID_SETTINGS).
            MissingExtra: the settings have a shared cache, but redis-py is not installed.
        """
        self._pool, self._settings, self._metrics = pool, settings, metrics
        self._memory = (
            MemoryCache(settings.cache_bytes, settings.cache_ttl) if settings.cache_bytes else None
        )
        self._current = self._service(recognizer)
        self._earlier: list[_Service] = []

    @property
    def recognizer(self) -> ServedRecognizer:
        """What reads the pictures of new calls."""
        return self._current.recognizer

    @property
    def now(self) -> Answers:
        """The current answers, for what ends before anything else can happen."""
        return self._current.answers

    @contextmanager
    def use(self) -> Iterator[Answers]:
        """Hold the current answers: they are not closed before this ends."""
        service = self._current
        service.users += 1
        try:
            yield service.answers
        finally:
            service.users -= 1
            if not service.users:
                service.unused.set()

    async def start(self) -> None:
        """Start to write shared answers."""
        if self._current.shared is not None:
            await self._current.shared.start()

    async def replace(self, recognizer: ServedRecognizer) -> None:
        """Answer new calls by another recognizer; close the old one after its last call."""
        service, old = self._service(recognizer), self._current
        if service.shared is not None:
            await service.shared.start()
        self._earlier.append(old)
        self._current = service
        while old.users:
            old.unused.clear()
            await old.unused.wait()
        await old.answers.computed()  # for calls that did not wait for their answers
        await self._close(old)
        await asyncio.to_thread(old.recognizer.close)
        self._earlier.remove(old)

    async def close(self) -> None:
        """Disconnect from the shared cache. The recognizers stay open; see `close_recognizers`."""
        for service in (self._current, *self._earlier):
            await self._close(service)

    def close_recognizers(self) -> None:
        """Close all recognizers; none of them may be in use."""
        for service in (self._current, *self._earlier):
            service.recognizer.close()

    def _service(self, recognizer: ServedRecognizer) -> _Service:
        settings, options = self._settings, self._settings.shared_cache
        shared = (
            None
            if options is None
            else SharedCache(recognizer.plan_digest(), options, observer=self._metrics)
        )
        answers = Answers(
            recognizer,
            self._pool,
            self._memory,
            shared=shared,
            observer=self._metrics,
            repeated_frames=settings.image_limits if settings.repeated_frames else None,
            # compared frames share the memory limit of the pictures that are read
            decoding_memory=getattr(recognizer, "decoding_memory", None),
            max_read_seconds=settings.max_read_seconds,
        )
        return _Service(recognizer, answers, shared)

    async def _close(self, service: _Service) -> None:
        if service.shared is not None:
            await service.shared.close()


class FrameReaders:
    """Compares the frames of one stream; anew once the answers have been replaced."""

    def __init__(self, current: CurrentAnswers, config: RecognitionConfig) -> None:
        """Begin a stream."""
        self._config = config
        self._answers = current.now
        self._reader = self._answers.frame_reader(config)

    def reader(self, answers: Answers) -> RepeatedFrameReader | None:
        """Give what reads the next frame; None if repeated frames are not detected."""
        if answers is not self._answers:
            self._answers, self._reader = answers, answers.frame_reader(self._config)
        return self._reader
