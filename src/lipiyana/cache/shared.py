"""The cache tier that several servers share, in Redis. Needs the extra `redis`.

It may be slow, full of rubbish or gone: a call never waits longer for it than `timeout`, gets no
error from it, and once it has failed a few times in a row it is left alone for a while. Nor is it
trusted: answers are signed, and what was changed there counts as absent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.message import DecodeError

from lipiyana.cache.breaker import Attempt, BreakerState, CircuitBreaker, Ended
from lipiyana.cache.keys import SharedKeyMaker
from lipiyana.errors import InternalError, InvalidRequest, MissingExtra
from lipiyana.types import RawImage, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.results import recognition_from_proto, recognition_to_proto

if TYPE_CHECKING:
    from redis.asyncio import Redis
MAX_LOOK_UPS = 64
"""Look-ups at a time; more are misses at once."""

MAX_WAITING_WRITES = 256
_LARGE = 64 * 1024  # bytes whose hash would keep the event loop from other calls
_CLOSING_SECONDS = 1.0
_MAGIC = b"LPY\x01"
_SEAL_BYTES = 32
_log = logging.getLogger("lipiyana.server")


@dataclass(frozen=True, slots=True)
class SharedCacheOptions:
    """The store for shared answers, and how long a call may wait for it.

    Attributes:
        url: `redis://`, `rediss://` or `unix://`, with user and password if there are any.
        secret: signs answers and hashes pictures; the same for all who share. May be empty where
            nobody else can write the store.
        namespace: begins every key.
        ttl: seconds that an answer is kept there.
        timeout: seconds of one look-up or write, connecting included.
        max_value_bytes: larger answers are neither written nor read.
    """

    url: str = field(repr=False)
    secret: bytes = field(default=b"", repr=False)
    namespace: str = "lipiyana"
    ttl: float = 3600.0
    timeout: float = 0.01
    max_value_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class LookUp:
    """The result of a look-up: the answer if there is one, and the key to store one under.

    The key is None if the store was not asked or did not answer: nothing is kept then either.
    """

    key: str | None = None
    value: Recognition | None = None


class SharedCacheObserver(Protocol):
    """Counts the results of look-ups and writes; called on the event loop."""

    def shared_look_up(self, result: str) -> None:
        """Take `hit`, `miss`, `invalid`, `failed` or `skipped`."""
        ...

    def shared_write(self, result: str) -> None:
        """Take `kept`, `failed` or `dropped`."""
        ...


class SharedCache:
    """Stores answers in Redis. Belongs to one event loop, except `keep`."""

    def __init__(
        self,
        plan_digest: str,
        options: SharedCacheOptions,
        *,
        breaker: CircuitBreaker | None = None,
        observer: SharedCacheObserver | None = None,
    ) -> None:
        """Connect to nothing yet.

        Raises:
            MissingExtra: redis-py is not installed.
            InvalidRequest: the URL is of another form (INVALID_SETTINGS).
        """
        self._options = options
        self._keys = SharedKeyMaker(plan_digest, namespace=options.namespace, secret=options.secret)
        self._sealer = Sealer(options.secret)
        self._breaker = breaker or CircuitBreaker()
        self._observer = observer or _Nobody()
        self._redis = _client(options)
        self._looking = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._written = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Start to write stored answers."""
        self._loop = asyncio.get_running_loop()
        self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Drop what was not written, and disconnect. May be called again."""
        self._loop = None
        self._waiting.clear()
        if self._writer is not None:
            # not cancelled: the client may swallow that, and a write takes `timeout` at most
            self._written.set()
            await asyncio.wait({self._writer})
            self._writer = None
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._redis.aclose()
        except Exception as error:
            _log.debug("the shared cache was not closed: %s", type(error).__name__)

    async def look_up(self, image: bytes | RawImage, config: RecognitionConfig) -> LookUp:
        """Look an answer up; every error counts as a miss."""
        attempt = self._breaker.begin() if self._looking < MAX_LOOK_UPS else None
        if attempt is None:
            self._observer.shared_look_up("skipped")
            return LookUp()
        self._looking += 1
        how = Ended.ABANDONED
        try:
            key = await self._key(image, config)
            try:
                async with asyncio.timeout(self._options.timeout):
                    data = await self._fetch(key)
            except Exception:  # of the store, of the way there, or of bytes that are no reply
                how = Ended.BADLY
                self._observer.shared_look_up("failed")
                return LookUp()
            how = Ended.WELL
        finally:
            self._looking -= 1
            self._end(attempt, how)
        return self._opened(key, data)

    def keep(self, key: str, value: Recognition) -> None:
        """Have an answer written soon, or dropped where too many wait. Called on any thread.

        Args:
            key: as `look_up` gave it.
            value: as `cacheable` makes it.
        """
        loop = self._loop
        if loop is None:
            return
        data = self._sealer.seal(key, value)
        if len(data) > self._options.max_value_bytes:
            return
        try:
            loop.call_soon_threadsafe(self._queue, key, data)
        except RuntimeError:  # the loop was closed meanwhile
            return

    async def _key(self, image: bytes | RawImage, config: RecognitionConfig) -> str:
        if len(image.data if isinstance(image, RawImage) else image) < _LARGE:
            return self._keys.key(image, config)
        return await asyncio.to_thread(self._keys.key, image, config)

    async def _fetch(self, key: str) -> object:
        """Get the bytes of a key, at most one more than are allowed.

        `b""` if there are none, None if the key has something else than bytes.
        """
        from redis.exceptions import ResponseError

        try:
            return await self._redis.getrange(key, 0, self._options.max_value_bytes)
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                return None
            raise

    def _opened(self, key: str, data: object) -> LookUp:
        value = None
        if isinstance(data, bytes) and 0 < len(data) <= self._options.max_value_bytes:
            value = self._sealer.open(key, data)
        if value is not None:
            self._observer.shared_look_up("hit")
        else:
            self._observer.shared_look_up("miss" if data == b"" else "invalid")
        return LookUp(key, value)

    def _queue(self, key: str, data: bytes) -> None:
        if len(self._waiting) >= MAX_WAITING_WRITES:
            self._observer.shared_write("dropped")
            return
        self._waiting.append((key, data))
        self._written.set()

    async def _write(self) -> None:
        while self._loop is not None:
            if not self._waiting:
                self._written.clear()
                await self._written.wait()
                continue
            key, data = self._waiting.popleft()
            attempt = self._breaker.begin()
            if attempt is None:
                self._observer.shared_write("dropped")
                continue
            how = Ended.ABANDONED
            try:
                async with asyncio.timeout(self._options.timeout):
                    await self._redis.set(key, data, px=max(1, round(self._options.ttl * 1000)))
                how = Ended.WELL
            except Exception:
                how = Ended.BADLY
            finally:
                self._end(attempt, how)
            self._observer.shared_write("kept" if how is Ended.WELL else "failed")

    def _end(self, attempt: Attempt, how: Ended) -> None:
        before = self._breaker.state
        self._breaker.end(attempt, how)
        after = self._breaker.state
        if before is BreakerState.CLOSED and after is BreakerState.OPEN:
            _log.warning("the shared cache does not answer; calls go on without it for a while")
        elif before is BreakerState.HALF_OPEN and after is BreakerState.CLOSED:
            _log.info("the shared cache answers again")


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


class _Nobody:
    def shared_look_up(self, result: str) -> None:
        pass

    def shared_write(self, result: str) -> None:
        pass


def _client(options: SharedCacheOptions) -> Redis:
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise MissingExtra.for_extra("redis", "sharing a cache between servers") from None
    settings: dict[str, Any] = {
        "socket_timeout": options.timeout,
        "socket_connect_timeout": options.timeout,
        "retry": Retry(NoBackoff(), 0),  # a second try would cost more time than computing saves
        "max_connections": MAX_LOOK_UPS + 1,
        "protocol": 2,
    }
    try:
        client: Redis = Redis.from_url(options.url, **settings)
    except ValueError as error:
        # the URL may have a password in it, and so may the message
        raise InvalidRequest(
            "shared_cache_url must begin with redis://, rediss:// or unix:// "
            f"({type(error).__name__} while it was read)",
            field="shared_cache_url",
            reason="INVALID_SETTINGS",
        ) from None
    return client
