from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc_row_receiver
import pytest
from certificates import Authority
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_row_receiver import grpc_receiving
from grpc_status import rpc_status
from mqtt_broker import free_port

from lipiyana.events.senders.grpc_sender import GrpcSender, signed_text
from lipiyana.events.senders.message import Compression, Message, Outcome, SendError
from lipiyana.events.senders.signature import is_signed
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.limits import SpoolLimits
from lipiyana.events.spool.pace import BackOff
from lipiyana.events.spool.store import Spool
from lipiyana.events.v1 import row_receiver_service_pb2 as pb

ROWS = [("a-1", b'{"n":1}'), ("a-2", b'{"text":"\xe0\xa4\x95"}'), ("a-3", b'{"n":3}')]


class Hurried(BackOff):
    """Waits for little."""

    def failed(self, asked: float | None) -> float:
        return 0.02


def packed(sender: GrpcSender, compression: Compression | None = None) -> Message:
    return sender.pack(ROWS, compression, single=False)


def aborts(code: grpc.StatusCode, details: str) -> Any:
    return lambda _request, context: context.abort(code, details)


@contextmanager
def sending(address: str, **options: Any) -> Iterator[GrpcSender]:
    sender = GrpcSender(address, **options)
    try:
        yield sender
    finally:
        sender.close()


@pytest.mark.parametrize("compression", [None, Compression.GZIP])
def test_rows_come_with_their_ids(compression: Compression | None) -> None:
    with grpc_receiving() as receiver, sending(receiver.address) as sender:
        assert sender.send(packed(sender, compression)) is None
        assert sender.send(packed(sender, compression)) is None  # on the same connection
    assert receiver.rows == {"a-1": {"n": 1}, "a-2": {"text": "क"}, "a-3": {"n": 3}}
    assert receiver.doubles == 3


def test_compression_makes_messages_smaller() -> None:
    sender = GrpcSender("127.0.0.1:1")
    rows = [(f"a-{n}", b'{"source":"gate","label":"car","n":%d}' % n) for n in range(100)]
    plain = sender.pack(rows, None, single=False)
    compressed = sender.pack(rows, Compression.GZIP, single=False)
    assert len(compressed.body) < len(plain.body) / 4


def test_an_event_is_a_row() -> None:
    with grpc_receiving() as receiver, sending(receiver.address) as sender:
        sender.send(sender.pack([("a-1", b'{"rule":"seen"}')], None, single=True))
    assert receiver.rows == {"a-1": {"rule": "seen"}}


def test_signatures() -> None:
    with (
        grpc_receiving() as receiver,
        sending(receiver.address, secret=b"s", wall=lambda: 1_800_000_000.9) as sender,
    ):
        sender.send(packed(sender))
        sender.send(packed(GrpcSender("")))
    (request, _), (metadata, _) = receiver.calls, receiver.metadata
    stamp, signature = metadata["lipiyana-timestamp"], metadata["lipiyana-signature"]
    assert stamp == "1800000000"
    assert is_signed(b"s", stamp, signed_text(request), signature, now=1_800_000_000)
    request.rows[0].json = b"{}"
    assert not is_signed(b"s", stamp, signed_text(request), signature, now=1_800_000_000)


@pytest.mark.parametrize(
    ("taken", "refused", "outcome"),
    [
        (["a-3", "a-2", "a-1", "other"], [], None),
        (["a-1", "a-3"], [], Outcome(1)),
        (["a-1", "a-3"], ["a-2"], Outcome(3, ("a-2",))),
        (["a-2"], ["a-1"], Outcome(2, ("a-1",))),
        (["a-1", "a-2", "a-3"], ["a-2"], None),
    ],
)
def test_what_the_answer_names_is_settled(
    taken: list[str], refused: list[str], outcome: Outcome | None
) -> None:
    answer = pb.DeliverResponse(taken_ids=taken, refused_ids=refused)
    with grpc_receiving(lambda *_: answer) as receiver, sending(receiver.address) as sender:
        assert sender.send(packed(sender)) == outcome


def test_an_answer_that_names_no_first_row_is_a_failure() -> None:
    answer = pb.DeliverResponse(taken_ids=["a-2", "a-3"])
    with (
        grpc_receiving(lambda *_: answer) as receiver,
        sending(receiver.address) as sender,
        pytest.raises(SendError, match="has taken no row") as caught,
    ):
        sender.send(packed(sender))
    assert not caught.value.refused


@pytest.mark.parametrize(
    ("code", "says", "refused"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT: no such rows", True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED: no such rows", False),
        (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED: no such rows", False),
        (grpc.StatusCode.UNIMPLEMENTED, "it is no RowReceiverService", False),
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE: no such rows", False),
    ],
)
def test_codes(code: grpc.StatusCode, says: str, refused: bool) -> None:
    with (
        grpc_receiving(aborts(code, "no\nsuch rows")) as receiver,
        sending(receiver.address) as sender,
        pytest.raises(SendError, match=says) as caught,
    ):
        sender.send(packed(sender))
    assert caught.value.refused is refused


def test_a_receiver_may_ask_for_time() -> None:
    def asks(_request: Any, context: Any) -> None:
        status = status_pb2.Status(code=14, message="later")
        detail = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=7, nanos=500_000_000))
        status.details.add().Pack(detail)
        context.abort_with_status(rpc_status.to_status(status))

    with (
        grpc_receiving(asks) as receiver,
        sending(receiver.address) as sender,
        pytest.raises(SendError, match="UNAVAILABLE: later") as caught,
    ):
        sender.send(packed(sender))
    assert caught.value.retry_after == 7.5


def test_an_answer_that_is_late() -> None:
    done = threading.Event()
    with grpc_receiving(lambda *_: done.wait(60) and None) as receiver:
        late = pytest.raises(SendError, match="does not answer in time")
        with sending(receiver.address, timeout=0.2) as sender, late:
            sender.send(packed(sender))
        done.set()


def test_nobody_is_there() -> None:
    alone = pytest.raises(SendError, match=r"^no connection$")
    with sending(f"127.0.0.1:{free_port()}") as sender, alone:
        sender.send(packed(sender))


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with grpc_receiving(tls=authority.sign("receiver")) as receiver:
        refuses = pytest.raises(SendError, match=r"TLS failed: .*CERTIFICATE_VERIFY_FAILED")
        with sending(receiver.address, tls=True) as stranger, refuses:
            stranger.send(packed(stranger))
        ca = authority.files.certificate.read_bytes()
        with sending(receiver.address, tls=True, ca=ca) as sender:
            assert sender.send(packed(sender)) is None
    assert len(receiver.rows) == 3


def forwarder(folder: Path | None, address: str, said: list[str], **options: Any) -> Forwarder:
    return Forwarder(
        Spool(folder, SpoolLimits()), GrpcSender(address), ForwardOptions(**options),
        report=said.append, back_off=Hurried(),
    )  # fmt: skip


def numbers(*wanted: int) -> list[bytes]:
    return [json.dumps({"n": number}).encode() for number in wanted]


def test_a_receiver_that_takes_some_rows_gets_the_others_again() -> None:
    generator = random.Random(3)

    def some(request: pb.DeliverRequest, _context: Any) -> pb.DeliverResponse:
        names = [row.id for row in request.rows]
        count = generator.randint(0, 9) % (len(names) + 1)
        return pb.DeliverResponse(taken_ids=generator.sample(names, count))

    said: list[str] = []
    with grpc_receiving(some) as receiver:
        one = forwarder(None, receiver.address, said)
        one.add(numbers(*range(30)))
        one.start()
        assert one.wait_until_sent(60)
        one.close()
    assert sorted(row["n"] for row in receiver.rows.values()) == list(range(30))
    assert one.counts.sent == 30


def test_refused_rows_are_dropped_alone() -> None:
    def without_sevens(request: pb.DeliverRequest, _context: Any) -> pb.DeliverResponse:
        bad = [row.id for row in request.rows if b"7" in row.json]
        good = [row.id for row in request.rows if b"7" not in row.json]
        return pb.DeliverResponse(taken_ids=good, refused_ids=bad)

    said: list[str] = []
    with grpc_receiving(without_sevens) as receiver:
        one = forwarder(None, receiver.address, said)
        one.add(numbers(*range(20)))
        one.start()
        assert one.wait_until_sent(60)
        one.close()
    expected = [n for n in range(20) if "7" not in str(n)]
    assert [row["n"] for row in receiver.rows.values()] == expected
    assert (one.counts.sent, one.counts.refused) == (18, 2)
    assert [" refuses row " in one for one in said] == [True, True]


def test_a_row_that_is_too_large_is_dropped_alone() -> None:
    said: list[str] = []
    with grpc_receiving(max_receive_message_length=2000) as receiver:
        one = forwarder(None, receiver.address, said)
        one.add([*numbers(1), b'{"text":"%b"}' % (b"x" * 4000), *numbers(*range(2, 100))])
        one.start()
        assert one.wait_until_sent(60)
        one.close()
    assert [row["n"] for row in receiver.rows.values()] == list(range(1, 100))
    assert one.counts.refused == 1
    assert "takes no message of this size" in said[-1]


def test_a_receiver_that_is_killed_in_calls(tmp_path: Path) -> None:
    port, stored = free_port(), tmp_path / "stored.jsonl"
    said: list[str] = []
    one = forwarder(tmp_path / "spool", f"127.0.0.1:{port}", said)
    one.start()
    try:
        for number, (dies_at, when) in enumerate(
            [(1, "before"), (2, "after"), (2, "before"), (1, "after"), (0, "")]
        ):
            one.add(numbers(*range(10 * number, 10 * number + 10)))
            process = subprocess.Popen(
                [sys.executable, grpc_row_receiver.__file__, str(port), stored, str(dies_at), when],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                if dies_at == 2:  # the first call is answered
                    assert one.wait_until_sent(60)
                    one.add(numbers(1000 + number))
                if dies_at:
                    assert process.wait(60) == 9
                else:
                    assert one.wait_until_sent(60)
            finally:
                process.kill()
                process.communicate()
    finally:
        one.close()
    rows: dict[str, int] = {}
    doubles = 0
    for line in stored.read_text("utf-8").splitlines():
        row = json.loads(line)
        doubles += row["id"] in rows
        rows[row["id"]] = row["row"]["n"]
    assert sorted(rows.values()) == [*range(50), 1001, 1002]
    assert doubles > 0
    assert one.counts.sent == 52
    assert said[-1] == "the receiver takes rows again"
