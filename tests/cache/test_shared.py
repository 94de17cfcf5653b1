from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis_server import RedisServer
from served_fake import SECRET, recognition
from shared_observer import Observer

from lipiyana.cache import Sealer, SharedCache, SharedCacheOptions, cacheable
from lipiyana.cache.shared import MAX_LOOK_UPS, MAX_WAITING_WRITES
from lipiyana.errors import InvalidRequest
from lipiyana.types import RawImage, Recognition, RecognitionConfig

CONFIG = RecognitionConfig()
VALUE = cacheable(recognition("a"))
PATIENT = 20.0  # seconds: where a test is not about slowness, a busy machine must not fail it


@pytest.fixture
def options(redis_server: RedisServer) -> SharedCacheOptions:
    return SharedCacheOptions(redis_server.url, b"secret", timeout=PATIENT)


@pytest.fixture
def observer() -> Observer:
    return Observer()


class Opener:
    """Opens caches and closes them at the end of the test."""

    def __init__(self, stack: AsyncExitStack, observer: Observer) -> None:
        self._stack = stack
        self._observer = observer

    async def __call__(self, options: SharedCacheOptions, plan: str = "plan") -> SharedCache:
        cache = SharedCache(plan, options, observer=self._observer)
        await cache.start()
        self._stack.push_async_callback(cache.close)
        return cache


@pytest.fixture
async def opened(observer: Observer) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(stack, observer)


async def keep(cache: SharedCache, observer: Observer, picture: bytes = b"a") -> str:
    """Have the value kept and wait until it is."""
    key = (await cache.look_up(picture, CONFIG)).key
    assert key is not None
    before = len(observer.writes)
    cache.keep(key, VALUE)
    assert (await observer.written(before + 1))[-1] == "kept"
    return key


async def test_one_server_keeps_and_another_finds(
    opened: Opener, options: SharedCacheOptions, observer: Observer, redis_server: RedisServer
) -> None:
    first, second = await opened(options), await opened(options)
    key = await keep(first, observer)
    assert (await second.look_up(b"a", CONFIG)).value == VALUE
    assert (await second.look_up(b"b", CONFIG)).value is None
    assert (await second.look_up(b"a", replace(CONFIG, romanize=True))).value is None
    assert (await second.look_up(RawImage(b"a", 1, 1), CONFIG)).value is None
    assert observer.look_ups == ["miss", "hit", "miss", "miss", "miss"]
    with Redis.from_url(redis_server.url) as redis:
        left = redis.pttl(key)
        assert isinstance(left, int)
        assert options.ttl * 900 < left <= options.ttl * 1000


async def test_a_large_picture_is_hashed_aside(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    large = bytes(1_000_000)
    await keep(cache, observer, large)
    assert (await cache.look_up(large, CONFIG)).value == VALUE
    assert (await cache.look_up(large + b"\0", CONFIG)).value is None


async def test_servers_with_other_settings_share_nothing(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    await keep(await opened(options), observer)
    others = [
        await opened(options, plan="other"),
        await opened(replace(options, namespace="other")),
        await opened(replace(options, secret=b"other")),
    ]
    assert [(await other.look_up(b"a", CONFIG)).value for other in others] == [None] * 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:60] + b"X" + data[61:],
        lambda data: data[36:],
        lambda data: b"L",
        lambda data: b"\xff" * 300,
        lambda data: bytes(5_000_000),
    ],
)
async def test_a_spoilt_value_is_a_miss_and_is_written_anew(
    opened: Opener,
    options: SharedCacheOptions,
    observer: Observer,
    redis_server: RedisServer,
    spoil: Callable[[bytes], bytes],
) -> None:
    cache = await opened(options)
    key = await keep(cache, observer)
    with Redis.from_url(redis_server.url) as redis:
        kept = redis.get(key)
        assert isinstance(kept, bytes)
        redis.set(key, spoil(kept))
    found = await cache.look_up(b"a", CONFIG)
    assert (found.key, found.value) == (key, None)
    await keep(cache, observer)
    assert (await cache.look_up(b"a", CONFIG)).value == VALUE


async def test_a_value_of_another_key_does_not_serve(
    opened: Opener, options: SharedCacheOptions, observer: Observer, redis_server: RedisServer
) -> None:
    cache = await opened(options)
    key, other = await keep(cache, observer), await keep(cache, observer, b"other picture")
    with Redis.from_url(redis_server.url) as redis:
        redis.copy(other, key, replace=True)
    assert (await cache.look_up(b"a", CONFIG)).value is None
    assert observer.look_ups[-1] == "invalid"


async def test_a_key_that_is_no_string_is_a_miss_and_reported(
    opened: Opener, options: SharedCacheOptions, observer: Observer, redis_server: RedisServer
) -> None:
    cache = await opened(options)
    key = (await cache.look_up(b"a", CONFIG)).key
    assert key is not None
    with Redis.from_url(redis_server.url) as redis:
        redis.rpush(key, b"a", b"b")
    assert (await cache.look_up(b"a", CONFIG)).value is None
    assert observer.look_ups == ["miss", "invalid"]
    await keep(cache, observer)
    assert (await cache.look_up(b"a", CONFIG)).value == VALUE


async def test_large_answers_are_not_shared(
    opened: Opener, options: SharedCacheOptions, observer: Observer, redis_server: RedisServer
) -> None:
    cache = await opened(replace(options, max_value_bytes=60))
    key = (await cache.look_up(b"a", CONFIG)).key
    assert key is not None
    cache.keep(key, VALUE)
    await keep(await opened(options), observer, b"b")
    assert (await cache.look_up(b"b", CONFIG)).value is None
    with Redis.from_url(redis_server.url) as redis:
        assert redis.dbsize() == 1


async def test_threads_keep_too(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    key = (await cache.look_up(b"a", CONFIG)).key
    assert key is not None
    await asyncio.to_thread(cache.keep, key, VALUE)
    assert await observer.written(1) == ["kept"]


async def test_writes_that_find_no_room_are_dropped(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    for number in range(MAX_WAITING_WRITES + 44):
        cache.keep(f"key {number}", VALUE)
    results = await observer.written(MAX_WAITING_WRITES + 44)
    assert (results.count("dropped"), results.count("kept")) == (44, MAX_WAITING_WRITES)


async def test_look_ups_at_a_time_are_bounded(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    many = [cache.look_up(bytes([number]), CONFIG) for number in range(MAX_LOOK_UPS + 10)]
    found = await asyncio.gather(*many)
    assert sum(look_up.key is None for look_up in found) == 10
    assert (observer.look_ups.count("skipped"), observer.look_ups.count("miss")) == (10, 64)


async def test_after_the_end_nothing_is_kept(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    await cache.close()
    cache.keep("key", VALUE)
    await cache.close()
    assert observer.writes == []


async def test_no_answer_stands_in_a_key(
    opened: Opener, options: SharedCacheOptions, observer: Observer
) -> None:
    cache = await opened(options)
    assert SECRET not in await keep(cache, observer, SECRET.encode())


def test_a_bad_address_is_reported_without_its_password() -> None:
    for url in ("http://user:hush@localhost", "localhost:6379", "redis://user:hush@host:port"):
        with pytest.raises(InvalidRequest, match="redis://") as caught:
            SharedCache("plan", SharedCacheOptions(url))
        assert "hush" not in str(caught.value)
    assert "hush" not in repr(SharedCacheOptions("redis://user:hush@localhost", b"hush"))


SEALED = Sealer(b"secret").seal("key", VALUE)


def test_a_sealed_value_can_be_opened() -> None:
    assert Sealer(b"secret").open("key", SEALED) == VALUE
    assert Sealer(b"").open("key", Sealer(b"").seal("key", VALUE)) == VALUE


def test_not_with_another_key_or_secret() -> None:
    assert Sealer(b"secret").open("other", SEALED) is None
    assert Sealer(b"other").open("key", SEALED) is None
    assert Sealer(b"").open("key", SEALED) is None


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_seen(place: int, change: int) -> None:
    damaged = bytearray(SEALED)
    damaged[place] ^= change
    assert Sealer(b"secret").open("key", bytes(damaged)) is None


@given(st.integers(0, len(SEALED) - 1))
def test_a_truncated_value_is_not_opened(length: int) -> None:
    assert Sealer(b"secret").open("key", SEALED[:length]) is None


@given(st.binary(max_size=200))
def test_rubbish_is_nothing(data: bytes) -> None:
    sealer = Sealer(b"secret")
    assert sealer.open("key", data) is None
    assert sealer.open("key", SEALED + data) == (None if data else VALUE)


@given(st.binary(max_size=60))
def test_a_message_that_says_nothing_good_is_nothing(message: bytes) -> None:
    """Somebody who has the secret may write another version's messages."""
    sealer = Sealer(b"secret")
    code = sealer._code("key", message)
    assert isinstance(sealer.open("key", SEALED[:4] + code + message), Recognition | None)
