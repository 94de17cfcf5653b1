from __future__ import annotations

import sys

import grpc
import pytest
from served_fake import SECRET, FakeRecognizer

from lipiyana.errors import MissingExtra
from lipiyana.server import RecognitionServer, ServerSettings, serve
from lipiyana.server.telemetry.tracing import OpenTelemetryTracing
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_each_call_has_a_span(fake: FakeRecognizer, settings: ServerSettings) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = OpenTelemetryTracing(provider)
    async with (
        RecognitionServer(fake, settings, tracing=tracing) as server,
        grpc.aio.insecure_channel(server.target) as channel,
    ):
        stub = RecognitionServiceStub(channel)
        request = service_pb.RecognizeRequest(image=pb.Image(encoded=SECRET.encode()))
        await stub.Recognize(request, metadata=(("traceparent", PARENT), ("x-request-id", "c-1")))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Recognize(service_pb.RecognizeRequest(image=pb.Image(encoded=b"bug")))
    first, second = exporter.get_finished_spans()
    assert first.name == "lipiyana.v1.RecognitionService/Recognize"
    assert first.parent is not None
    assert format(first.parent.span_id, "016x") == "b7ad6b7169203331"
    assert first.attributes is not None
    assert first.attributes["lipiyana.request_id"] == "c-1"
    assert first.attributes["rpc.grpc.status_code"] == 0
    (picture,) = first.events
    assert dict(picture.attributes or {}) == {
        "lipiyana.cache_outcome": "miss",
        "lipiyana.stage.decode": 0.25,
    }
    assert second.parent is None
    assert second.status.description == "INTERNAL"
    assert SECRET not in first.to_json() + second.to_json()


def test_a_missing_extra_is_named(fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(MissingExtra) as caught:
        serve(ServerSettings(port=0, tracing=True), fake)
    assert caught.value.extra == "otel"
