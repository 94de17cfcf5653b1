from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from served_fake import FakeRecognizer, recognition

from lipiyana.cache import LookUp, MemoryCache, SharedCache, cacheable
from lipiyana.errors import DeadlineExceeded, InvalidImage, Overloaded
from lipiyana.server.calls.answers import Answers
from lipiyana.server.queue.pool import ComputePool
from lipiyana.server.queue.reading_time import Durations
from lipiyana.types import CacheOutcome, CachePolicy, Recognition, RecognitionConfig

CONFIG = RecognitionConfig()
BYPASS = replace(CONFIG, cache_policy=CachePolicy.BYPASS)


@pytest.fixture
def pool(fake: FakeRecognizer) -> Iterator[ComputePool]:
    made = ComputePool(threads=1, max_queue=3)
    yield made
    fake.release()
    made.close()


@pytest.fixture
def answers(fake: FakeRecognizer, pool: ComputePool) -> Answers:
    return Answers(fake, pool, MemoryCache(10**6, 60))


def ask(
    answers: Answers,
    image: bytes,
    config: RecognitionConfig = CONFIG,
    deadline: float | None = None,
) -> asyncio.Task[Recognition]:
    key = answers.key(image, config)
    return asyncio.create_task(answers.answer(image, config, key, deadline))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_miss_then_hit(answers: Answers, fake: FakeRecognizer) -> None:
    first, second = await ask(answers, b"a"), await ask(answers, b"a")
    assert first == replace(recognition("a"), cache_outcome=CacheOutcome.MISS)
    assert second.cache_outcome is CacheOutcome.HIT
    assert second.text_lines == first.text_lines
    assert (second.timings, second.vehicles[0].track_id) == ({}, None)
    assert fake.computed == [b"a"]


async def test_bypass_computes_again_and_stores_nothing(
    answers: Answers, fake: FakeRecognizer
) -> None:
    outcomes = [(await ask(answers, b"a", config)).cache_outcome for config in (BYPASS, CONFIG)]
    outcomes.append((await ask(answers, b"a", BYPASS)).cache_outcome)
    assert outcomes == [CacheOutcome.BYPASS, CacheOutcome.MISS, CacheOutcome.BYPASS]
    assert fake.computed == [b"a"] * 3


async def test_a_server_without_a_cache(fake: FakeRecognizer, pool: ComputePool) -> None:
    answers = Answers(fake, pool, None)
    outcomes = [(await ask(answers, b"a", config)).cache_outcome for config in (CONFIG, BYPASS)]
    assert outcomes == [CacheOutcome.NONE] * 2
    assert fake.computed == [b"a"] * 2


async def test_equal_concurrent_requests_are_computed_once(
    answers: Answers, fake: FakeRecognizer
) -> None:
    fake.hold()
    tasks = [ask(answers, b"a") for _ in range(3)]
    await settle()
    fake.release()
    values = await asyncio.gather(*tasks)
    assert [value.cache_outcome.value for value in values] == ["miss", "hit", "hit"]
    assert [len(value.timings) for value in values] == [1, 0, 0]
    assert fake.computed == [b"a"]


async def test_errors_are_not_cached(answers: Answers, fake: FakeRecognizer) -> None:
    for _ in range(2):
        with pytest.raises(InvalidImage):
            await ask(answers, b"bad")
    assert fake.computed == [b"bad"] * 2


async def test_a_first_caller_that_cancels_does_not_cancel_the_others(
    answers: Answers, fake: FakeRecognizer
) -> None:
    fake.hold()
    leader, follower = ask(answers, b"a"), ask(answers, b"a")
    await settle()
    leader.cancel()
    await settle()
    fake.release()
    assert (await follower).text_lines[0].text == "a"
    assert fake.computed == [b"a"]


async def test_a_picture_without_waiting_callers_is_not_computed(
    answers: Answers, fake: FakeRecognizer, pool: ComputePool
) -> None:
    fake.hold()
    running, waiting = ask(answers, b"a"), ask(answers, b"b")
    await settle()
    waiting.cancel()
    await settle()
    assert pool.accepted == 1
    fake.release()
    await running
    await ask(answers, b"c")
    assert fake.computed == [b"a", b"c"]


async def test_a_started_result_is_cached_after_its_caller_left(
    answers: Answers, fake: FakeRecognizer
) -> None:
    fake.hold()
    task = ask(answers, b"a")
    await settle()
    await asyncio.to_thread(fake.wait_for, b"a")
    task.cancel()
    await settle()
    fake.release()
    assert (await ask(answers, b"a")).cache_outcome is CacheOutcome.HIT
    assert fake.computed == [b"a"]


async def test_an_expired_request_is_not_computed(answers: Answers, fake: FakeRecognizer) -> None:
    with pytest.raises(DeadlineExceeded):
        await ask(answers, b"a", deadline=time.monotonic())
    assert fake.computed == []


async def test_a_request_that_cannot_finish_in_time_makes_room(
    answers: Answers, fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaves_too_little(_: Durations, image: bytes, *__: object) -> bool:
        return image == b"hopeless"

    monkeypatch.setattr(Durations, "leaves_too_little", leaves_too_little)
    fake.hold()
    first = ask(answers, b"first")
    await asyncio.to_thread(fake.wait_for, b"first")
    deadline = time.monotonic() + 100
    hopeless, good = (ask(answers, image, deadline=deadline) for image in (b"hopeless", b"good"))
    await settle()
    fake.release()
    await first
    with pytest.raises(DeadlineExceeded, match="busy"):
        await hopeless
    await good
    assert fake.computed == [b"first", b"good"]


async def test_the_recognizer_gets_the_remaining_time(
    answers: Answers, fake: FakeRecognizer
) -> None:
    await ask(answers, b"a", deadline=time.monotonic() + 100)
    await ask(answers, b"b")
    timed, untimed = fake.timeouts
    assert timed is not None
    assert 50 < timed <= 100
    assert untimed is None


async def test_only_pictures_to_compute_need_room(answers: Answers, fake: FakeRecognizer) -> None:
    def keys(images: list[bytes], config: RecognitionConfig) -> list[bytes | None]:
        return [answers.key(image, config) for image in images]

    await ask(answers, b"kept")
    fake.hold()
    running = ask(answers, b"running")
    await settle()
    with answers.reserve(keys([b"kept", b"running", b"x", b"x", b"x", b"y", b"z"], CONFIG), 7):
        pass
    for images, config in (([b"w", b"x", b"y", b"z"], CONFIG), ([b"kept"] * 4, BYPASS)):
        with pytest.raises(Overloaded), answers.reserve(keys(images, config), 4):
            pass
    fake.release()
    await running


async def test_callers_waiting_for_an_equal_picture_count_by_bytes(
    fake: FakeRecognizer,
) -> None:
    pool = ComputePool(threads=1, max_queue=100, max_bytes=350)
    answers, picture = Answers(fake, pool, MemoryCache(10**6, 60)), bytes(100)
    fake.hold()
    tasks = [ask(answers, picture) for _ in range(5)]
    await settle()
    refused = [task for task in tasks if task.done()]
    assert [type(task.exception()) for task in refused] == [Overloaded] * 2
    key = answers.key(picture, CONFIG)
    with pytest.raises(Overloaded), answers.reserve([key], 100):
        pass
    tasks[1].cancel()  # a cancelled waiting request makes room
    await settle()
    joined = ask(answers, picture)
    await settle()
    fake.release()
    outcomes = [(await task).cache_outcome.value for task in (tasks[0], tasks[2], joined)]
    assert outcomes == ["miss", "hit", "hit"]
    with answers.reserve([key], 10**6):  # a cached picture needs no room
        pass
    assert pool.accepted == 0
    pool.close()


async def test_a_batch_keeps_its_reservation_during_the_look_up_in_the_shared_cache(
    fake: FakeRecognizer, pool: ComputePool
) -> None:
    class Slow(SharedCache):
        def __init__(self) -> None:
            self.answers = asyncio.Event()

        async def look_up(self, image: object, config: object) -> LookUp:
            await self.answers.wait()
            return LookUp()

    slow = Slow()
    answers = Answers(fake, pool, MemoryCache(10**6, 60), shared=slow)
    images = (b"a", b"b", b"c", b"d")
    keyed = [(answers.key(image, CONFIG), image) for image in images]
    with answers.reserve([key for key, _ in keyed], 4) as reservation:
        batch = [
            asyncio.create_task(answers.answer(image, CONFIG, key, None, reservation=reservation))
            for key, image in keyed
        ]
        await settle()
        with pytest.raises(Overloaded), answers.reserve([keyed[0][0]], 1):
            pass
        other = ask(answers, b"other")
        await settle()
        fake.hold()  # until the other request has arrived too
        slow.answers.set()
        with pytest.raises(Overloaded):
            await other
        fake.release()
        read = await asyncio.gather(*batch)
    assert [value.text_lines[0].text for value in read] == ["a", "b", "c", "d"]
    assert pool.accepted == 0


class LateCache(MemoryCache):
    """Has nothing for the first two looks: those that come before a call starts to compute."""

    looks = 0

    def get(self, key: bytes) -> Recognition | None:
        self.looks += 1
        return super().get(key) if self.looks > 2 else None


async def test_a_call_that_ended_in_the_meantime_is_not_computed_again(
    fake: FakeRecognizer, pool: ComputePool
) -> None:
    cache = LateCache(10**6, 60)
    answers = Answers(fake, pool, cache)
    key = answers.key(b"a", CONFIG)
    assert key is not None
    cache.put(key, cacheable(recognition("a")))
    value = await answers.answer(b"a", CONFIG, key, None)
    assert (value.text_lines, value.cache_outcome) == (
        recognition("a").text_lines,
        CacheOutcome.HIT,
    )
    assert cache.looks == 3
    assert fake.computed == []
