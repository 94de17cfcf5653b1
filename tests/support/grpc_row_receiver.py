"""A receiver of rows over gRPC for tests: it stores them by id, and dies as it is told.

As a program it writes each stored row to a file before it answers, and is killed in a call.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from certificates import Certificate

from lipiyana.events.v1 import row_receiver_service_pb2 as pb
from lipiyana.events.v1.row_receiver_service_pb2_grpc import (
    RowReceiverServiceServicer,
    add_RowReceiverServiceServicer_to_server,
)

PATIENCE = 60.0
Answer = Callable[[pb.DeliverRequest, Any], pb.DeliverResponse | None]


@dataclass
class GrpcReceiver(RowReceiverServiceServicer):
    """What came; `answer` may answer otherwise or abort the call, None takes all."""

    answer: Answer = lambda _request, _context: None
    address: str = ""
    calls: list[pb.DeliverRequest] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    doubles: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)

    def Deliver(self, request: pb.DeliverRequest, context: Any) -> pb.DeliverResponse:  # noqa: N802
        with self.news:
            self.calls.append(request)
            self.metadata.append({one.key: one.value for one in context.invocation_metadata()})
            self.news.notify_all()
        answer = self.answer(request, context)
        if answer is None:
            answer = pb.DeliverResponse(taken_ids=[row.id for row in request.rows])
        taken = set(answer.taken_ids)
        with self.news:
            for row in request.rows:
                if row.id in taken:
                    self.doubles += row.id in self.rows
                    self.rows[row.id] = json.loads(row.json)
            self.news.notify_all()
        return answer

    def wait(self, until: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(until, PATIENCE), "the rows did not come"


@contextmanager
def grpc_receiving(
    answer: Answer | None = None, tls: Certificate | None = None, **options: int
) -> Iterator[GrpcReceiver]:
    """Serve a receiver on loopback; options are those of gRPC, as `max_receive_message_length`."""
    receiver = GrpcReceiver() if answer is None else GrpcReceiver(answer)
    settings = [(f"grpc.{name}", value) for name, value in options.items()]
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, options=settings)
        add_RowReceiverServiceServicer_to_server(receiver, server)
        if tls is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        receiver.address = f"127.0.0.1:{port}"
        server.start()
        try:
            yield receiver
        finally:
            server.stop(None).wait()


def _serve_and_die(port: int, stored: Path, dies_at: int, after: bool) -> None:
    calls = 0

    def deliver(request: pb.DeliverRequest, _context: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == dies_at and not after:
            os._exit(9)
        with stored.open("a", encoding="utf-8") as file:
            for row in request.rows:
                file.write(json.dumps({"id": row.id, "row": json.loads(row.json)}) + "\n")
        if calls == dies_at:
            os._exit(9)

    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    add_RowReceiverServiceServicer_to_server(GrpcReceiver(deliver), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    _serve_and_die(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "after")
