from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from served_fake import FakeRecognizer

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import InvalidRequest, ModelUnavailable, Unavailable
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.server import SERVICE
from lipiyana.types import Frame, ImageInput, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

PROGRAM = """
import sys
from lipiyana.server import ServerSettings, serve
from served_fake import FakeRecognizer, recognition

class Waiting(FakeRecognizer):
    def recognize(self, image, config=None, *, timeout=None):
        if image == b"slow":
            print("began", flush=True)
            sys.stdin.readline()
        return recognition("read")

serve(
    ServerSettings(port=0),
    Waiting(),
    on_ready=lambda server: print(server.target, flush=True),
)
print("ended", flush=True)
"""


def check(target: str, service: str) -> int:
    with grpc.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=10).status)


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health_is_serving_after_the_warm_up(server: RecognitionServer, service: str) -> None:
    assert check(server.target, service) == SERVING


def test_health_of_unknown_and_listed_services(server: RecognitionServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        check(server.target, "other.Service")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with grpc.insecure_channel(server.target) as channel:
        listed = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest())
    assert set(listed.statuses) == {"", SERVICE}


def test_a_taken_port_is_reported(server: RecognitionServer, fake: FakeRecognizer) -> None:
    with (
        pytest.raises(InvalidRequest, match=f"cannot listen at 127.0.0.1:{server.port}") as caught,
        running_server(fake, ServerSettings(port=server.port)),
    ):
        pass
    assert (caught.value.field, caught.value.reason) == ("port", "PORT_IN_USE")


def test_a_taken_metrics_port_is_reported(server: RecognitionServer, fake: FakeRecognizer) -> None:
    with (
        pytest.raises(InvalidRequest) as caught,
        running_server(fake, ServerSettings(port=0, metrics_port=server.port)),
    ):
        pass
    assert (caught.value.field, caught.value.reason) == ("metrics_port", "PORT_IN_USE")
    assert caught.value.message.endswith(
        "Address already in use; choose another `metrics_port` or `host`"
    )


def test_a_recognizer_that_fails_the_warm_up() -> None:
    class Broken(FakeRecognizer):
        def recognize(
            self,
            image: ImageInput,
            config: RecognitionConfig | None = None,
            *,
            timeout: float | None = None,
        ) -> Recognition:
            raise ModelUnavailable("no model")

    with pytest.raises(ModelUnavailable), running_server(Broken(), ServerSettings(port=0)):
        pass


async def test_accepted_calls_are_finished(fake: FakeRecognizer, settings: ServerSettings) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    async with AsyncClient(server.target) as client:
        accepted = asyncio.create_task(client.recognize(b"a"))
        await asyncio.to_thread(fake.wait_for, b"a")
        stopping = asyncio.create_task(server.stop())
        async with AsyncClient(server.target) as late:
            with pytest.raises(Unavailable):
                await late.recognize(b"b")
        fake.release()
        assert (await accepted).text_lines[0].text == "a"
        await stopping
    assert fake.computed == [b"a"]


async def test_a_drain_ends_streams_and_watches(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    never = asyncio.Event()

    async def frames() -> AsyncIterator[Frame]:
        yield Frame(1, b"a")
        await never.wait()

    async with (
        AsyncClient(server.target) as client,
        grpc.aio.insecure_channel(server.target) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        stream = client.recognize_stream(frames())
        assert (await watch.read()).status == SERVING
        assert (await anext(stream)).frame_id == 1
        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        with pytest.raises(Unavailable) as caught:
            await anext(stream)
        assert caught.value.reason == "DRAINING"
        await stopping


async def test_a_drain_ends_streams_without_a_setup(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    async with grpc.aio.insecure_channel(server.target) as channel:
        silent = RecognitionServiceStub(channel).StreamRecognize()
        # once a later call on the same connection is answered, the stream is open
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        stopping = asyncio.create_task(server.stop())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await silent.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert caught.value.details() == "the server is shutting down"
        await stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_after_its_accepted_calls(number: signal.Signals) -> None:
    support = Path(__file__).parents[2] / "support"
    with (
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=support,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        ThreadPoolExecutor(1) as threads,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            target = process.stdout.readline().strip()
            with Client(target) as client, Client(target) as late:
                late.recognize(b"quick")  # on a connection that outlives the closed port
                call = threads.submit(client.recognize, b"slow")
                assert process.stdout.readline() == "began\n"
                process.send_signal(number)
                _wait_until_refused(late)
                process.stdin.write("\n")
                process.stdin.flush()
                assert call.result(30).text_lines[0].text == "read"
            assert process.wait(30) == 0
            assert process.stdout.read() == "ended\n"
        finally:
            guard.cancel()
            process.kill()


async def test_a_drain_loses_nothing_of_a_full_queue(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=2, max_queue=40, max_batch=4, shutdown_grace=30)
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    pictures = [b"%d" % number for number in range(30)]
    async with AsyncClient(server.target) as client:
        calls = [asyncio.create_task(client.recognize(picture)) for picture in pictures]
        batch = asyncio.create_task(client.recognize_batch([b"x", b"y", b"z"]))
        while server.accepted < 33:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(server.stop())
        async with AsyncClient(server.target) as late:
            with pytest.raises(Unavailable):
                await late.recognize(b"late")
        fake.release()
        answers = await asyncio.gather(*calls)
        assert [answer.text_lines[0].text.encode() for answer in answers] == pictures
        assert [type(outcome) for outcome in await batch] == [Recognition] * 3
        await stopping
    assert sorted(fake.computed) == sorted([*pictures, b"x", b"y", b"z"])


async def test_calls_during_the_signal_are_answered_or_refused(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    # beyond this limit gRPC refuses calls itself, without the server's reason
    enough = settings.model_copy(update={"max_connection_calls": 256})
    server = RecognitionServer(fake, enough)
    await server.start()
    async with grpc.aio.insecure_channel(server.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        stub = RecognitionServiceStub(channel)
        request = service_pb.RecognizeRequest(image=pb.Image(encoded=b"a"))
        calls = [stub.Recognize(request, timeout=30) for _ in range(50)]
        stopping = asyncio.create_task(server.stop())
        calls += [stub.Recognize(request, timeout=30) for _ in range(50)]
        codes = [await call.code() for call in calls]
        assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        assert codes[-1] is grpc.StatusCode.UNAVAILABLE
        assert await calls[-1].details() == "the server is shutting down"
        assert await stopping == 0


async def test_calls_are_cut_off_after_the_grace_period(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    server = RecognitionServer(fake, settings)
    await server.start()
    fake.hold()
    async with AsyncClient(server.target) as client:
        calls = [
            asyncio.create_task(client.recognize(b"a")),
            asyncio.create_task(client.recognize_batch([b"a", b"b"])),
        ]
        await asyncio.to_thread(fake.wait_for, b"a")
        while server.unanswered < 2:
            await asyncio.sleep(0)
        assert await server.stop(0.1) == 2
        assert (server.unanswered, server.computing) == (2, 1)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, Unavailable)
    fake.release()


def _wait_until_refused(client: Client) -> None:
    with contextlib.suppress(Unavailable):
        while True:
            client.recognize(b"quick")


@pytest.mark.parametrize("on", [False, True])
def test_reflection_is_a_setting(fake: FakeRecognizer, on: bool) -> None:
    with (
        running_server(fake, ServerSettings(port=0, reflection=on)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([request])
        )
        if on:
            names = [service.name for service in next(call).list_services_response.service]
            assert SERVICE in names
        else:
            with pytest.raises(grpc.RpcError) as caught:
                next(call)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
