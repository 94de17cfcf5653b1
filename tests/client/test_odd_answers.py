"""Servers that answer what is no message of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import InternalError
from lipiyana.recognizer import FrameResult


class _Garbage(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> Any:
        def answer(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
            next(requests)
            yield b"\xff" * 100

        known = "RecognitionService" in details.method
        return grpc.stream_stream_rpc_method_handler(answer) if known else None


@pytest.fixture
def garbage() -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Garbage(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_a_client_of_a_server_that_answers_garbage(garbage: str) -> None:
    with Client(garbage) as client:
        for call in (
            lambda: client.recognize(b"a"),
            lambda: client.recognize_batch([b"a", b"b"]),
            lambda: list(client.recognize_stream([b"a"])),
        ):
            with pytest.raises(InternalError):
                call()


async def test_an_asynchronous_client_of_a_server_that_answers_garbage(garbage: str) -> None:
    async def stream(client: AsyncClient) -> list[FrameResult]:
        return [result async for result in client.recognize_stream([b"a"])]

    async with AsyncClient(garbage) as client:
        for call in (client.recognize(b"a"), client.recognize_batch([b"a", b"b"]), stream(client)):
            with pytest.raises(InternalError, match="no message of the contract"):
                await call
