"""Whatever becomes of Redis, calls are answered, and rightly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from redis_server import RedisServer
from served_fake import FakeRecognizer, recognition
from shared_observer import Observer

from lipiyana.cache import (
    BreakerState,
    CircuitBreaker,
    LookUp,
    MemoryCache,
    SharedCache,
    SharedCacheOptions,
    cacheable,
)
from lipiyana.server.calls.answers import Answers
from lipiyana.server.queue.pool import ComputePool
from lipiyana.types import CacheOutcome, Recognition, RecognitionConfig

CONFIG = RecognitionConfig()
FAILURES, COOLDOWN = 3, 10.0
PATIENT = 20.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """One server's answers, with a memory of its own and a shared cache."""

    def __init__(
        self, fake: FakeRecognizer, url: str, observer: Observer, *, timeout: float = PATIENT
    ) -> None:
        self.clock = Clock()
        self.breaker = CircuitBreaker(FAILURES, COOLDOWN, timer=self.clock)
        options = SharedCacheOptions(url, b"secret", timeout=timeout)
        self.shared = SharedCache(
            fake.plan_digest(), options, breaker=self.breaker, observer=observer
        )
        self.outcomes: list[str] = []
        self._pool = ComputePool(threads=2, max_queue=100)
        self._answers = Answers(
            fake, self._pool, MemoryCache(10**6, 60), shared=self.shared, observer=self
        )

    def cache_outcome(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    async def ask(self, picture: bytes) -> Recognition:
        key = self._answers.key(picture, CONFIG)
        return await self._answers.answer(picture, CONFIG, key, None)

    async def __aenter__(self) -> Site:
        await self.shared.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.shared.close()
        await asyncio.to_thread(self._pool.close)


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def pictures() -> Iterator[bytes]:
    return (f"picture {number}".encode() for number in range(10**6))


@asynccontextmanager
async def tcp_server(serve: Serve) -> AsyncIterator[str]:
    """Something that is no Redis; gives its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def require_computed(site: Site, pictures: Iterator[bytes], count: int) -> None:
    """Every call is answered, with its own picture's text."""
    for picture in [next(pictures) for _ in range(count)]:
        value = await site.ask(picture)
        assert value.text_lines == recognition(picture.decode()).text_lines
        assert value.cache_outcome is CacheOutcome.MISS


async def test_servers_share(
    fake: FakeRecognizer, redis_server: RedisServer, observer: Observer
) -> None:
    async with (
        Site(fake, redis_server.url, observer) as first,
        Site(fake, redis_server.url, observer) as second,
    ):
        computed = await first.ask(b"a")
        await observer.written(1)
        shared = [await second.ask(b"a") for _ in range(2)]
    assert first.outcomes == ["miss"]
    assert second.outcomes == ["hit_shared", "hit_memory"]
    assert {value.cache_outcome for value in shared} == {CacheOutcome.HIT}
    assert [cacheable(value) for value in shared] == [cacheable(computed)] * 2
    assert shared[0].vehicles[0].track_id is None
    assert fake.computed == [b"a"]


async def test_equal_calls_look_up_once(
    fake: FakeRecognizer, redis_server: RedisServer, observer: Observer
) -> None:
    async with Site(fake, redis_server.url, observer) as site:
        values = await asyncio.gather(*(site.ask(b"a") for _ in range(20)))
    assert observer.look_ups == ["miss"]
    assert sorted(value.cache_outcome.value for value in values) == ["hit"] * 19 + ["miss"]
    assert fake.computed == [b"a"]


async def test_redis_killed_and_restarted(
    fake: FakeRecognizer,
    redis_server: RedisServer,
    observer: Observer,
    pictures: Iterator[bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "lipiyana.server")
    async with (
        Site(fake, redis_server.url, observer) as site,
        Site(fake, redis_server.url, observer) as other,
    ):
        await require_computed(site, pictures, 5)
        await observer.written(5)
        redis_server.kill()
        await require_computed(site, pictures, 20)
        assert site.breaker.state is BreakerState.OPEN
        assert observer.look_ups.count("failed") == FAILURES
        assert observer.look_ups.count("skipped") == 20 - FAILURES

        redis_server.start()
        await require_computed(site, pictures, 3)  # it is not asked before its time
        assert observer.look_ups.count("skipped") == 23 - FAILURES
        site.clock.now = COOLDOWN
        await require_computed(site, pictures, 3)
        assert site.breaker.state is BreakerState.CLOSED
        await site.ask(b"shared again")
        await observer.written(9)
        assert (await other.ask(b"shared again")).cache_outcome is CacheOutcome.HIT
    assert other.outcomes == ["hit_shared"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "picture" not in caplog.text


async def test_redis_that_was_never_there(
    fake: FakeRecognizer, observer: Observer, pictures: Iterator[bytes]
) -> None:
    async with Site(fake, "redis://127.0.0.1:1", observer) as site:
        await require_computed(site, pictures, 10)
    assert site.breaker.state is BreakerState.OPEN


async def test_redis_that_hangs(
    fake: FakeRecognizer,
    redis_server: RedisServer,
    observer: Observer,
    pictures: Iterator[bytes],
) -> None:
    async with Site(fake, redis_server.url, observer, timeout=0.5) as site:
        redis_server.pause()
        await require_computed(site, pictures, 10)
        assert site.breaker.state is BreakerState.OPEN
        assert observer.look_ups == ["failed"] * FAILURES + ["skipped"] * (10 - FAILURES)
        redis_server.resume()
        site.clock.now = COOLDOWN
        await require_computed(site, pictures, 1)
    assert site.breaker.state is BreakerState.CLOSED


async def test_a_server_that_takes_connections_and_says_nothing(
    fake: FakeRecognizer, observer: Observer, pictures: Iterator[bytes]
) -> None:
    connections = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()

    async with (
        tcp_server(silent) as url,
        Site(fake, url, observer, timeout=0.01) as site,
    ):
        await require_computed(site, pictures, 50)
        assert connections == FAILURES
        site.clock.now = COOLDOWN
        await require_computed(site, pictures, 50)  # one of them finds out that nothing changed
        assert connections == FAILURES + 1


@pytest.mark.parametrize(
    "reply",
    [b"\0\xff rubbish\r\n", b":7\r\n", b"*1\r\n$1\r\na\r\n", b"$-5\r\n", b"$9x\r\n", b"-ERR\r\n"],
)
async def test_a_server_that_is_no_redis(
    fake: FakeRecognizer, observer: Observer, pictures: Iterator[bytes], reply: bytes
) -> None:
    async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(reply)

    async with tcp_server(rubbish) as url, Site(fake, url, observer, timeout=0.5) as site:
        await require_computed(site, pictures, 8)
    assert "hit" not in observer.look_ups


async def test_a_reply_that_never_ends(
    fake: FakeRecognizer, observer: Observer, pictures: Iterator[bytes]
) -> None:
    """Bytes keep coming, so no time-out between two of them would help."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n+OK\r\n$1000000\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.001)

    async with tcp_server(trickle) as url, Site(fake, url, observer, timeout=0.02) as site:
        await require_computed(site, pictures, 10)
    assert site.breaker.state is BreakerState.OPEN


async def test_callers_that_leave_say_nothing_about_redis(
    redis_server: RedisServer, fake: FakeRecognizer, observer: Observer
) -> None:
    async with Site(fake, redis_server.url, observer) as site:
        redis_server.pause()
        for number in range(FAILURES + 2):
            asked = asyncio.create_task(site.ask(bytes([number])))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait({asked})
        redis_server.resume()
        assert await site.shared.look_up(b"a", CONFIG) != LookUp()
    assert site.breaker.state is BreakerState.CLOSED
    assert fake.computed == []


async def test_the_call_that_finds_out_may_be_given_up(
    redis_server: RedisServer, fake: FakeRecognizer, observer: Observer, pictures: Iterator[bytes]
) -> None:
    async with Site(fake, redis_server.url, observer) as site:
        redis_server.kill()
        await require_computed(site, pictures, FAILURES)
        redis_server.start()
        redis_server.pause()
        site.clock.now = COOLDOWN
        probe = asyncio.create_task(site.shared.look_up(b"a", CONFIG))
        await asyncio.sleep(0)
        assert site.breaker.begin() is None
        probe.cancel()
        await asyncio.wait({probe})
        redis_server.resume()
        assert (await site.shared.look_up(b"a", CONFIG)).key is not None
    assert site.breaker.state is BreakerState.CLOSED
