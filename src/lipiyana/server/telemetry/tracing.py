"""Reports calls to OpenTelemetry, with the extra `otel`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from lipiyana.errors import MissingExtra
from lipiyana.types import Recognition

SERVICE_NAME = "lipiyana"


class Span(Protocol):
    """One call in a trace. It contains no text of pictures."""

    def picture(self, value: Recognition) -> None:
        """Add an answered picture: its cache outcome and the seconds of each stage."""
        ...

    def ended(self, code: str) -> None:
        """Set the status that the call ends with."""
        ...


class Tracing(Protocol):
    """Creates one span per call."""

    def call(
        self, rpc: str, request_id: str, metadata: Mapping[str, str]
    ) -> AbstractContextManager[Span]:
        """Wrap a call in a span; `metadata` may have the caller's trace (`traceparent`)."""
        ...


class NoTracing:
    """Tracing that is turned off."""

    @contextmanager
    def call(self, rpc: str, request_id: str, metadata: Mapping[str, str]) -> Iterator[Span]:  # noqa: ARG002
        """Wrap a call in a span that records nothing."""
        yield _SILENT


class _SilentSpan:
    def picture(self, value: Recognition) -> None:
        pass

    def ended(self, code: str) -> None:
        pass


_SILENT = _SilentSpan()


class OpenTelemetryTracing:
    """Creates spans that follow OpenTelemetry's conventions for RPC servers."""

    def __init__(self, provider: Any) -> None:
        """Send spans to a tracer provider."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        self._tracer = provider.get_tracer("lipiyana.server")
        self._extract = extract
        self._kind = SpanKind.SERVER

    @contextmanager
    def call(self, rpc: str, request_id: str, metadata: Mapping[str, str]) -> Iterator[Span]:
        """Wrap a call in a span, which is a child of the caller's span if there is one."""
        service = "lipiyana.v1.RecognitionService"
        system = "http" if rpc.startswith("http.") else "grpc"
        with self._tracer.start_as_current_span(
            f"{service}/{rpc}",
            context=self._extract(dict(metadata)),
            kind=self._kind,
            attributes={
                "rpc.system": system,
                "rpc.service": service,
                "rpc.method": rpc,
                "lipiyana.request_id": request_id,
            },
            # the message of an exception may quote a plate
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield _RecordedSpan(span)


class _RecordedSpan:
    def __init__(self, span: Any) -> None:
        self._span = span

    def picture(self, value: Recognition) -> None:
        stages = {f"lipiyana.stage.{name}": seconds for name, seconds in value.timings.items()}
        self._span.add_event(
            "picture", {"lipiyana.cache_outcome": value.cache_outcome.value, **stages}
        )

    def ended(self, code: str) -> None:
        import grpc
        from opentelemetry.trace import StatusCode

        number: int = grpc.StatusCode[code].value[0]
        self._span.set_attribute("rpc.grpc.status_code", number)
        if code not in {"OK", "CANCELLED"}:
            self._span.set_status(StatusCode.ERROR, code)


@contextmanager
def otlp_tracing() -> Iterator[OpenTelemetryTracing]:
    """Send spans by OTLP to the target of the `OTEL_EXPORTER_OTLP_*` variables, until the end.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise MissingExtra.for_extra("otel", "tracing") from error
    resource = Resource.create({"service.name": SERVICE_NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield OpenTelemetryTracing(provider)
    finally:
        provider.shutdown()
