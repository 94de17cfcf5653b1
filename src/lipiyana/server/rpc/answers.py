"""Answers single pictures: from the cache, from a computation under way, or by computing."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

from lipiyana.batching import Work, working
from lipiyana.cache import (
    Flight,
    KeyMaker,
    LookUp,
    RepeatedFrameReader,
    ResultCache,
    SharedCache,
    SingleFlight,
    cacheable,
)
from lipiyana.errors import DeadlineExceeded
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.loading import ImageLimits
from lipiyana.recognizer import Recognizer
from lipiyana.server.queue.pool import ComputePool, Room
from lipiyana.server.queue.reading_time import Durations, ReadingTime
from lipiyana.server.queue.sources import ANYONE, Source
from lipiyana.types import CacheOutcome, CachePolicy, RawImage, Recognition, RecognitionConfig


@runtime_checkable
class ServedRecognizer(Recognizer, Protocol):
    """A recognizer that a server can put a cache in front of."""

    def check_config(self, config: RecognitionConfig) -> None:
        """Refuse a config before any picture is read with it.

        Called on the event loop, so it must be quick.

        Raises:
            LipiyanaError: the recognizer cannot do what the config asks for.
        """
        ...

    def plan_digest(self) -> str:
        """Hash everything but picture and config that an answer depends on."""
        ...


class CacheObserver(Protocol):
    """Counts where answers come from; called on the event loop."""

    def cache_outcome(self, outcome: str) -> None:
        """Take `hit_memory`, `hit_shared`, `hit_repeated`, `miss`, `bypass` or `none`."""
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """One picture to compute: the reader, and the keys under which its answer is stored."""

    image: bytes | RawImage
    config: RecognitionConfig
    reader: ServedRecognizer | RepeatedFrameReader
    key: bytes | None = None
    shared_key: str | None = None


class Answers:
    """Answers pictures; computes equal requests once, and none that nobody waits for."""

    def __init__(
        self,
        recognizer: ServedRecognizer,
        pool: ComputePool,
        cache: ResultCache | None,
        *,
        shared: SharedCache | None = None,
        observer: CacheObserver | None = None,
        repeated_frames: ImageLimits | None = None,
        decoding_memory: DecodingMemory | None = None,
        max_read_seconds: float = math.inf,
    ) -> None:
        """Put caches in front of a recognizer.

        Args:
            recognizer: computes answers.
            pool: where it does so.
            cache: the first tier; None for no cache at all.
            shared: the second tier, asked for what the first has not.
            observer: called with the source of each answer.
            repeated_frames: limits of the frames of streams that are looked at for repetition;
                None where none are.
            decoding_memory: what those frames take while they are looked at.
            max_read_seconds: of CPU time that one picture may take.
        """
        self._recognizer = recognizer
        self._pool = pool
        self._cache = cache
        self._shared = shared
        self._observer = observer
        self._repeated_frames = repeated_frames
        self._decoding_memory = decoding_memory
        self._max_read_seconds = max_read_seconds
        self._look_ups: SingleFlight[LookUp] = SingleFlight()
        self._keys = KeyMaker(recognizer.plan_digest())
        self._durations = Durations()
        self._flights: SingleFlight[Recognition] = SingleFlight()

    def check(self, config: RecognitionConfig) -> None:
        """Refuse a config before anything is queued.

        Raises:
            LipiyanaError: as the recognizer says.
        """
        self._recognizer.check_config(config)

    def key(self, image: bytes | RawImage, config: RecognitionConfig) -> bytes | None:
        """Give the key under which an answer is shared; None where it is not."""
        if self._cache is None or config.cache_policy is CachePolicy.BYPASS:
            return None
        return self._keys.key(image, config)

    def frame_reader(self, config: RecognitionConfig) -> RepeatedFrameReader | None:
        """Give what reads the frames of one new stream; None where each is read for itself."""
        if self._repeated_frames is None or config.cache_policy is CachePolicy.BYPASS:
            return None
        return RepeatedFrameReader(self._recognizer, self._repeated_frames, self._decoding_memory)

    def room(
        self, keys: Sequence[bytes | None], size: int, source: Source = ANYONE
    ) -> AbstractContextManager[Room]:
        """Keep room for the pictures of one request, so that all of them can be answered.

        Args:
            keys: of the pictures, as `key` gives them.
            size: bytes of the request: all are in memory as long as one picture is waited for.
            source: whose turn they take.

        Raises:
            Overloaded: the queue has no room for those that must be computed, or for the bytes.
        """
        alone = sum(key is None for key in keys)
        waited_for = {key for key in keys if key is not None and not self._is_cached(key)}
        count = alone + sum(key not in self._flights for key in waited_for)
        return self._pool.room(count, size if alone or waited_for else 0, source=source)

    def bytes_of(self, image: bytes | RawImage, source: Source) -> AbstractContextManager[object]:
        """Keep room for the bytes of a picture that is not asked about yet.

        Raises:
            Overloaded: there is none.
        """
        return self._pool.room(0, _size(image), source=source)

    async def answer(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        deadline: float | None,
        *,
        source: Source = ANYONE,
        frames: RepeatedFrameReader | None = None,
        room: Room | None = None,
    ) -> Recognition:
        """Answer one picture.

        Args:
            image: not decoded yet.
            config: as `check` let it pass.
            key: as `key` gives it for these two.
            deadline: by `time.monotonic()`; what has not begun by then is not computed.
            source: whose turn it takes if it must be computed.
            frames: as `frame_reader` gave it for the stream whose next frame this is.
            room: as `room` keeps it for this picture and others.

        Raises:
            LipiyanaError: as the recognizer says, or the queue.
        """
        if key is None or self._cache is None:
            question = _Question(image, config, self._recognizer)
            value, _ = await self._flights.run(
                None, deadline, partial(self._start, question, source, room)
            )
            bypassed = self._cache is not None
            outcome = CacheOutcome.BYPASS if bypassed else CacheOutcome.NONE
            return self._with_outcome(value, outcome, outcome.value)
        known, shared_key = await self._known(self._cache, key, image, config)
        if known is not None:
            return known
        reader = frames or self._recognizer
        question = _Question(image, config, reader, key, shared_key)
        # what was read in another frame is for its own stream alone
        shared_by = key if frames is None else None
        with self._room_beside(room, shared_by, image, source):
            value, led = await self._flights.run(
                shared_by, deadline, partial(self._start, question, source, room)
            )
        if _is_repeated(value):
            return self._with_outcome(value, CacheOutcome.HIT, "hit_repeated")
        if led:
            return self._with_outcome(value, CacheOutcome.MISS, "miss")
        return self._with_outcome(cacheable(value), CacheOutcome.HIT, "hit_memory")

    async def _known(
        self,
        cache: ResultCache,
        key: bytes,
        image: bytes | RawImage,
        config: RecognitionConfig,
    ) -> tuple[Recognition | None, str | None]:
        """Look in memory, then in the shared tier; give also the key to keep an answer there."""
        cached = cache.get(key)
        if cached is not None:
            return self._with_outcome(cached, CacheOutcome.HIT, "hit_memory"), None
        look_up = await self._look_up(key, image, config)
        if look_up.value is not None:
            cache.put(key, look_up.value)
            return self._with_outcome(look_up.value, CacheOutcome.HIT, "hit_shared"), None
        cached = cache.get(key)  # an equal call may have ended while the other tier was asked
        if cached is not None:
            return self._with_outcome(cached, CacheOutcome.HIT, "hit_memory"), None
        return None, look_up.key

    async def _look_up(
        self, key: bytes, image: bytes | RawImage, config: RecognitionConfig
    ) -> LookUp:
        shared = self._shared
        if shared is None or key in self._flights:
            return LookUp()
        loop = asyncio.get_running_loop()
        look_up, _ = await self._look_ups.run(
            key,
            None,
            lambda _: asyncio.run_coroutine_threadsafe(shared.look_up(image, config), loop),
        )
        return look_up

    def _with_outcome(self, value: Recognition, outcome: CacheOutcome, label: str) -> Recognition:
        if self._observer is not None:
            self._observer.cache_outcome(label)
        return replace(value, cache_outcome=outcome)

    def _room_beside(
        self, room: Room | None, key: bytes | None, image: bytes | RawImage, source: Source
    ) -> AbstractContextManager[object]:
        if room is None and key is not None and key in self._flights:
            # who joins brings nothing to compute, but gRPC keeps the request of a call that waits
            return self.bytes_of(image, source)
        return nullcontext()

    def _is_cached(self, key: bytes) -> bool:
        return self._cache is not None and self._cache.get(key) is not None

    def _start(
        self,
        question: _Question,
        source: Source,
        room: Room | None,
        flight: Flight[Recognition],
    ) -> Future[Recognition]:
        compute = partial(self._compute, question, flight, time.monotonic())
        return self._pool.submit(compute, source=source, size=_size(question.image), room=room)

    def _compute(
        self, question: _Question, flight: Flight[Recognition], queued: float
    ) -> Recognition:
        within = ReadingTime(self._max_read_seconds)
        work = Work(flight.remaining, lambda: flight.waiters == 0, within.require)
        work.require_wanted()
        image, layout = question.image, question.config.layout
        began = time.monotonic()
        if self._durations.leaves_too_little(image, layout, began - queued, work.remaining()):
            # otherwise, under overload, every picture that is started would end a little too late
            raise DeadlineExceeded(
                "the server is busy: the time that was left when its turn came was too short to "
                "read it in"
            )
        with working(work):
            value = question.reader.recognize(
                question.image, question.config, timeout=work.remaining()
            )
        if _is_repeated(value):
            return value
        self._durations.learn(image, layout, time.monotonic() - began)
        if question.key is not None and self._cache is not None:
            stored = cacheable(value)
            self._cache.put(question.key, stored)
            if question.shared_key is not None and self._shared is not None:
                self._shared.keep(question.shared_key, stored)
        return value


def _is_repeated(value: Recognition) -> bool:
    """Whether it was found in an earlier frame: recognizers themselves never say HIT."""
    return value.cache_outcome is CacheOutcome.HIT


def _size(image: bytes | RawImage) -> int:
    return len(image.data if isinstance(image, RawImage) else image)
