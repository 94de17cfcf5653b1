"""The calls of one connection end one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from served_fake import FakeRecognizer

from lipiyana.server import ServerSettings, running_server
from lipiyana.server.queue.endings import Endings
from lipiyana.server.tuning import CONNECTIONS
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb


class Call:
    """The context of a call that ends when the test says so."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self.end: Callable[[Any], None] = lambda _: None

    def peer(self) -> str:
        return self._connection

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        self.end = callback


async def let_the_loop_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_call_ends_when_the_last_one_is_cleared() -> None:
    endings = Endings()
    one, other, stranger = Call("a"), Call("a"), Call("b")
    first, second, third = (endings.of(call.peer(), call) for call in (one, other, stranger))
    await first.turn()
    await first.turn()  # once for a call
    waiting = asyncio.create_task(second.turn())
    await third.turn()  # of another connection
    await let_the_loop_run()
    assert not waiting.done()
    one.end(one)
    await waiting


async def test_a_cancelled_call_leaves_its_turn_to_the_next() -> None:
    endings = Endings()
    calls = [Call("a") for _ in range(3)]
    first, second, third = (endings.of(call.peer(), call) for call in calls)
    await first.turn()
    reset = asyncio.create_task(second.turn())
    await let_the_loop_run()
    reset.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reset
    calls[1].end(calls[1])
    calls[0].end(calls[0])
    async with asyncio.timeout(30):
        await third.turn()


async def test_a_client_that_does_not_read_delays_others_for_a_short_time() -> None:
    endings = Endings()
    first, second = endings.of("a", Call("a")), endings.of("a", Call("a"))
    await first.turn()
    async with asyncio.timeout(30):
        await second.turn()


async def test_many_calls_whose_client_does_not_read_delay_others_once() -> None:
    endings = Endings()
    calls = [Call("a") for _ in range(50)]
    async with asyncio.timeout(5):  # 50 in turn would take 12 s
        for call in calls:
            await endings.of(call.peer(), call).turn()
        last = Call("a")
        await endings.of(last.peer(), last).turn()
    for call in calls:
        call.end(call)
    one, other = endings.of("a", Call("a")), endings.of("a", Call("a"))
    await one.turn()  # all were read: the calls end one after another again
    waiting = asyncio.create_task(other.turn())
    await let_the_loop_run()
    assert not waiting.done()
    waiting.cancel()


async def test_a_client_that_does_not_read_delays_others_less_each_time() -> None:
    endings = Endings()
    keeper = endings.of("a", Call("a"))  # keeps the connection known
    async with asyncio.timeout(5):  # 200 times the longest delay are 50 s
        for _ in range(200):
            call = Call("a")
            await endings.of(call.peer(), call).turn()
            await endings.of("a", Call("a")).turn()
            call.end(call)
    for _ in range(200):
        call = Call("a")
        endings.of(call.peer(), call)
        call.end(call)
    assert keeper._connection.patience == CONNECTIONS.longest_ending_seconds


async def test_a_call_that_was_reset_takes_no_turn() -> None:
    endings = Endings()
    call = Call("a")
    reset, other = endings.of(call.peer(), call), endings.of("a", Call("a"))
    call.end(call)
    await reset.turn()
    async with asyncio.timeout(CONNECTIONS.longest_ending_seconds / 2):
        await other.turn()


async def test_connections_without_calls_are_forgotten() -> None:
    endings = Endings()
    ending = endings.of("a", Call("a"))
    assert len(endings._connections) == 1
    del ending
    assert not endings._connections


def test_more_calls_than_places_are_all_answered(fake: FakeRecognizer) -> None:
    """gRPC's own refusals have no details and are not counted: there are none."""
    settings = ServerSettings(port=0, threads=1, max_connection_calls=4, max_queue=4, max_batch=4)
    request = service_pb.RecognizeRequest(image=pb.Image(encoded=b"a")).SerializeToString()

    async def codes(target: str) -> list[grpc.StatusCode]:
        async with grpc.aio.insecure_channel(target) as channel:
            method = channel.unary_unary("/lipiyana.v1.RecognitionService/Recognize")
            calls = [method(request) for _ in range(400)]
            return [await call.code() for call in calls]

    with running_server(fake, settings) as server:
        seen = set(asyncio.run(codes(server.target)))
    assert grpc.StatusCode.OK in seen
    assert seen <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
