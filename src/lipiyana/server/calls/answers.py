"""Answers single pictures: from the cache, from a running computation, or by a new one."""

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
from lipiyana.drift.watching.watch import DriftWatch, pictures_of_camera
from lipiyana.errors import DeadlineExceeded
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.loading import ImageLimits
from lipiyana.recognizer import Recognizer
from lipiyana.server.queue.pool import ComputePool, Reservation
from lipiyana.server.queue.reading_time import Durations, ReadingTime
from lipiyana.server.queue.sources import ANYONE, Source
from lipiyana.server.security.callers import current_entry
from lipiyana.types import CacheOutcome, CachePolicy, RawImage, Recognition, RecognitionConfig


@runtime_checkable
class ServedRecognizer(Recognizer, Protocol):
    """A recognizer whose answers a server can cache."""

    def check_config(self, config: RecognitionConfig) -> None:
        """Check a config before any picture is read with it.

        Called on the event loop, so it must be fast.

        Raises:
            LipiyanaError: the recognizer does not support the config.
        """
        ...

    def plan_digest(self) -> str:
        """Hash everything that determines an answer, besides picture and config."""
        ...


class CacheObserver(Protocol):
    """Counts the sources of answers; called on the event loop."""

    def cache_outcome(self, outcome: str) -> None:
        """Count `hit_memory`, `hit_shared`, `hit_repeated`, `miss`, `bypass` or `none`."""
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """One picture to compute, its reader, and the keys under which its answer is stored.

    `camera` is the name of the key of the first caller who asked; addresses are no names.
    """

    image: bytes | RawImage
    config: RecognitionConfig
    reader: ServedRecognizer | RepeatedFrameReader
    key: bytes | None = None
    shared_key: str | None = None
    camera: str = ""


class Answers:
    """Answers pictures. Identical requests are computed once; abandoned ones not at all."""

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
            pool: the threads on which it computes.
            cache: the first tier; None for no cache at all.
            shared: the second tier, used on a miss in the first.
            observer: called with the source of each answer.
            repeated_frames: picture limits for detecting repeated frames of streams; None turns
                the detection off.
            decoding_memory: limits the memory of the frames that are compared.
            max_read_seconds: maximum CPU time of one picture.
        """
        self._recognizer = recognizer
        watch = getattr(recognizer, "observer", None)
        self._watch = watch if isinstance(watch, DriftWatch) else None
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
        self._computing: set[Future[Recognition]] = set()

    async def computed(self) -> None:
        """Wait until nothing is computed or queued, even if nobody waits for it."""
        while computing := {asyncio.wrap_future(future) for future in self._computing.copy()}:
            await asyncio.wait(computing)

    def check(self, config: RecognitionConfig) -> None:
        """Check a config before anything is queued.

        Raises:
            LipiyanaError: the recognizer does not support it.
        """
        self._recognizer.check_config(config)

    def key(self, image: bytes | RawImage, config: RecognitionConfig) -> bytes | None:
        """The key under which an answer is cached; None if it is not cached."""
        if self._cache is None or config.cache_policy is CachePolicy.BYPASS:
            return None
        return self._keys.key(image, config)

    def frame_reader(self, config: RecognitionConfig) -> RepeatedFrameReader | None:
        """A reader for the frames of one new stream; None if repeated frames are not detected."""
        if self._repeated_frames is None or config.cache_policy is CachePolicy.BYPASS:
            return None
        return RepeatedFrameReader(self._recognizer, self._repeated_frames, self._decoding_memory)

    def reserve(
        self, keys: Sequence[bytes | None], size: int, source: Source = ANYONE
    ) -> AbstractContextManager[Reservation]:
        """Reserve places in the queue for all pictures of one request.

        Args:
            keys: keys of the pictures, from `key`.
            size: bytes of the request; they stay in memory until its last picture is answered.
            source: the client and kind of call that take the turns.

        Raises:
            Overloaded: the queue has no room for the pictures to compute, or for the bytes.
        """
        alone = sum(key is None for key in keys)
        get = (lambda _: None) if self._cache is None else self._cache.get
        waited_for = {key for key in keys if key is not None and get(key) is None}
        count = alone + sum(key not in self._flights for key in waited_for)
        return self._pool.reserve(count, size if alone or waited_for else 0, source=source)

    def reserve_bytes(
        self, image: bytes | RawImage, source: Source
    ) -> AbstractContextManager[object]:
        """Reserve memory for the bytes of a picture that is not queued yet.

        Raises:
            Overloaded: there is not enough.
        """
        return self._pool.reserve(0, _size(image), source=source)

    async def answer(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        deadline: float | None,
        *,
        source: Source = ANYONE,
        frames: RepeatedFrameReader | None = None,
        reservation: Reservation | None = None,
    ) -> Recognition:
        """Answer one picture.

        Args:
            image: an undecoded picture.
            config: a config that passed `check`.
            key: from `key`, for this picture and config.
            deadline: by `time.monotonic()`; a picture that has not begun by then is not computed.
            source: the client and kind of call that take the turn in the queue.
            frames: from `frame_reader`, for the stream of this frame.
            reservation: from `reserve`, for this and other pictures.

        Raises:
            LipiyanaError: an error of the recognizer or of the queue.
        """
        if key is None or self._cache is None:
            question = _Question(image, config, self._recognizer, camera=_camera())
            value, _ = await self._flights.run(
                None, deadline, partial(self._start, question, source, reservation)
            )
            bypassed = self._cache is not None
            outcome = CacheOutcome.BYPASS if bypassed else CacheOutcome.NONE
            return self._with_outcome(value, outcome, outcome.value)
        cache = self._cache
        cached, shared_key = await self._cached(cache, key, image, config)
        if cached is not None:
            if self._watch is not None:
                self._watch.observe_cached(_camera(), key, config)
            return cached
        reader = frames or self._recognizer
        question = _Question(image, config, reader, key, shared_key, _camera())
        # a result that may come from another frame is not shared with other streams
        shared_by = key if frames is None else None
        start = partial(self._start, question, source, reservation)
        ended = False

        def start_unless_ended(flight: Flight[Recognition]) -> Future[Recognition]:
            # an identical call may have ended, on its thread, since the cache was looked in
            nonlocal ended
            known = cache.get(key) if shared_by is not None else None
            if known is None:
                return start(flight)
            ended = True
            future: Future[Recognition] = Future()
            future.set_result(known)
            return future

        with self._reserve_for_follower(reservation, shared_by, image, source):
            value, led = await self._flights.run(shared_by, deadline, start_unless_ended)
        if _is_repeated(value):
            return self._with_outcome(value, CacheOutcome.HIT, "hit_repeated")
        if led and not ended:
            return self._with_outcome(value, CacheOutcome.MISS, "miss")
        return self._with_outcome(cacheable(value), CacheOutcome.HIT, "hit_memory")

    async def _cached(
        self,
        cache: ResultCache,
        key: bytes,
        image: bytes | RawImage,
        config: RecognitionConfig,
    ) -> tuple[Recognition | None, str | None]:
        """Look in memory, then in the shared tier; also return the key of the shared tier."""
        cached = cache.get(key)
        if cached is not None:
            return self._with_outcome(cached, CacheOutcome.HIT, "hit_memory"), None
        look_up = await self._look_up(key, image, config)
        if look_up.value is not None:
            cache.put(key, look_up.value)
            return self._with_outcome(look_up.value, CacheOutcome.HIT, "hit_shared"), None
        cached = cache.get(key)  # an identical call may have ended during the look-up
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

    def _reserve_for_follower(
        self,
        reservation: Reservation | None,
        key: bytes | None,
        image: bytes | RawImage,
        source: Source,
    ) -> AbstractContextManager[object]:
        if reservation is None and key is not None and key in self._flights:
            # joining a computation adds no work, but gRPC keeps the request of a waiting call
            return self.reserve_bytes(image, source)
        return nullcontext()

    def _start(
        self,
        question: _Question,
        source: Source,
        reservation: Reservation | None,
        flight: Flight[Recognition],
    ) -> Future[Recognition]:
        compute = partial(self._compute, question, flight, time.monotonic())
        future = self._pool.submit(
            compute, source=source, size=_size(question.image), reservation=reservation
        )
        self._computing.add(future)
        future.add_done_callback(self._computing.discard)
        return future

    def _compute(
        self, question: _Question, flight: Flight[Recognition], queued: float
    ) -> Recognition:
        within = ReadingTime(self._max_read_seconds)
        work = Work(flight.remaining, lambda: flight.waiters == 0, within.require)
        work.require_wanted()
        image, layout = question.image, question.config.layout
        began = time.monotonic()
        if self._durations.leaves_too_little(image, layout, began - queued, work.remaining()):
            # otherwise, under overload, every started picture would just miss its deadline
            raise DeadlineExceeded(
                "the server is busy: when the picture's turn came, the time until its deadline was "
                "too short"
            )
        with working(work), pictures_of_camera(question.camera):
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


def _camera() -> str:
    entry = current_entry.get()
    return "" if entry is None else entry.name


def _is_repeated(value: Recognition) -> bool:
    """Whether it is from an earlier frame: recognizers themselves never set HIT."""
    return value.cache_outcome is CacheOutcome.HIT


def _size(image: bytes | RawImage) -> int:
    return len(image.data if isinstance(image, RawImage) else image)
