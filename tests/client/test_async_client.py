from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from served_fake import PATIENCE, FakeRecognizer, recognition

from lipiyana.client import AsyncClient
from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidImage,
    LipiyanaError,
    MessageTooLarge,
    NotFound,
    Overloaded,
    Unavailable,
)
from lipiyana.server import RecognitionServer, ServerSettings
from lipiyana.types import CacheOutcome, Frame

Call = Callable[[AsyncClient], Awaitable[object]]


async def one_picture(client: AsyncClient) -> None:
    await client.recognize(b"1")


async def a_stream(client: AsyncClient) -> None:
    async for _ in client.recognize_stream([Frame(1, b"1")]):
        pass


@pytest.fixture
async def client(fake: FakeRecognizer, settings: ServerSettings) -> AsyncIterator[AsyncClient]:
    async with RecognitionServer(fake, settings) as server:
        async with AsyncClient(server.target) as connected:
            yield connected
        fake.release()


async def test_one_picture(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a")
    value = await client.recognize(b"a")
    assert value == replace(recognition("a"), cache_outcome=CacheOutcome.MISS)
    assert (await client.recognize(path)).cache_outcome is CacheOutcome.HIT


async def test_errors(client: AsyncClient, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage) as caught:
        await client.recognize(b"bad")
    assert (caught.value.reason, caught.value.field) == ("TRUNCATED_IMAGE", "image")
    with pytest.raises(NotFound):
        await client.recognize(tmp_path / "none")
    with pytest.raises(MessageTooLarge):
        await client.recognize(b"x" * 2**25)


async def test_an_unreachable_server() -> None:
    async with AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 "):
            await client.recognize(b"a")


async def test_a_batch(client: AsyncClient, tmp_path: Path) -> None:
    outcomes = await client.recognize_batch([b"a", tmp_path / "none", b"bad", b"b"])
    assert [
        type(outcome).__name__ if isinstance(outcome, LipiyanaError) else outcome.text_lines[0].text
        for outcome in outcomes
    ] == ["a", "NotFound", "InvalidImage", "b"]
    assert await client.recognize_batch([]) == []


async def test_concurrent_calls_are_computed_or_refused(
    client: AsyncClient, fake: FakeRecognizer
) -> None:
    fake.hold()
    calls = [asyncio.create_task(client.recognize(str(n).encode())) for n in range(8)]
    refused, _ = await asyncio.wait(calls, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    fake.release()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(task.exception()) for task in refused} == {Overloaded}
    assert len(fake.computed) == sum(not isinstance(o, LipiyanaError) for o in outcomes) >= 5


async def test_cancelled_and_expired_calls(client: AsyncClient, fake: FakeRecognizer) -> None:
    fake.hold()
    running = asyncio.create_task(client.recognize(b"1"))
    await asyncio.to_thread(fake.wait_for, b"1")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(DeadlineExceeded):
        await client.recognize(b"2", timeout=0.05)
    fake.release()
    await client.recognize(b"3")
    assert fake.computed == [b"1", b"3"]


@pytest.mark.parametrize("call", [one_picture, a_stream])
async def test_a_client_that_is_closed_during_a_call(
    client: AsyncClient, fake: FakeRecognizer, call: Call
) -> None:
    fake.hold()
    running = asyncio.ensure_future(call(client))
    await asyncio.to_thread(fake.wait_for, b"1")
    await client.close()
    with pytest.raises(Cancelled, match="the client was closed"):
        await running


@pytest.mark.parametrize("call", [one_picture, a_stream])
async def test_a_call_that_is_cancelled_while_the_client_is_closed(
    client: AsyncClient, fake: FakeRecognizer, call: Call
) -> None:
    fake.hold()
    running = asyncio.ensure_future(call(client))
    await asyncio.to_thread(fake.wait_for, b"1")
    running.cancel()
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await running


async def a_batch(client: AsyncClient) -> None:
    await client.recognize_batch([b"1"])


async def a_live_stream(client: AsyncClient) -> None:
    async def frames() -> AsyncIterator[bytes]:
        yield b"1"

    async for _ in client.recognize_stream(frames()):
        pass


@pytest.mark.parametrize("call", [one_picture, a_batch, a_stream, a_live_stream])
async def test_a_client_that_is_closed_before_the_picture_is_sent(
    client: AsyncClient, call: Call
) -> None:
    await client.close()
    with pytest.raises(Cancelled, match="the client was closed"):
        await call(client)


async def test_a_stream_of_live_frames(client: AsyncClient, tmp_path: Path) -> None:
    answered = asyncio.Semaphore(1)

    async def frames() -> AsyncIterator[Frame]:
        for number, image in enumerate([b"a", b"bad", b"b"]):
            await answered.acquire()
            yield Frame(number, image)
        await answered.acquire()
        yield Frame(9, tmp_path / "none")
        raise OSError("the camera is gone")

    seen = []

    async def follow() -> None:
        async for result in client.recognize_stream(frames()):
            seen.append((result.frame_id, isinstance(result.outcome, LipiyanaError)))
            answered.release()

    with pytest.raises(OSError, match="the camera is gone"):
        await follow()
    assert seen == [(0, False), (1, True), (2, False), (9, True)]


async def test_a_stream_of_a_synchronous_iterator(client: AsyncClient) -> None:
    frames = [Frame(number, str(number).encode()) for number in range(6)]
    results = [result async for result in client.recognize_stream(frames)]
    dropped = [number for result in results for number in result.dropped_frame_ids]
    assert sorted([result.frame_id for result in results] + dropped) == list(range(6))
    assert results[-1].frame_id == 5


async def test_an_error_of_a_synchronous_iterator(client: AsyncClient) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        raise OSError("the camera is gone")

    results = client.recognize_stream(frames())
    assert (await anext(results)).frame_id == 1
    with pytest.raises(OSError, match="the camera is gone"):
        await anext(results)


def test_a_stalled_camera_does_not_block_the_event_loop(server: RecognitionServer) -> None:
    stalled = threading.Event()

    def camera() -> Iterator[Frame]:
        yield Frame(1, b"a")
        stalled.wait()

    async def watch() -> int | None:
        async with AsyncClient(server.target) as client:
            async for result in client.recognize_stream(camera()):
                return result.frame_id
        return None

    with ThreadPoolExecutor(1) as threads:
        watching = threads.submit(asyncio.run, watch())
        try:
            assert watching.result(PATIENCE) == 1
        finally:
            stalled.set()
