from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from lipiyana import errors
from lipiyana.errors import LipiyanaError
from lipiyana.wire.status import MAX_MESSAGE_BYTES, from_status, to_status

MESSAGES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
REASONS = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, LipiyanaError)
]


@st.composite
def raised(draw: st.DrawFn) -> LipiyanaError:
    kind = draw(st.sampled_from(KINDS))
    message, reason = draw(MESSAGES), draw(REASONS)
    if issubclass(kind, errors.InvalidRequest):
        return kind(message, reason=reason, field=draw(MESSAGES))
    if issubclass(kind, errors.MissingExtra):
        return kind(message, reason=reason, extra=draw(MESSAGES))
    if issubclass(kind, errors.Overloaded):
        return kind(message, reason=reason, retry_after=draw(st.integers(0, 10**6)) / 1000)
    return kind(message, reason=reason)


@given(raised())
def test_an_error_survives_the_wire(error: LipiyanaError) -> None:
    back = from_status(Status.FromString(to_status(error).SerializeToString()))
    assert type(back) is type(error)
    assert vars(back) == vars(error)


def test_what_the_details_say() -> None:
    status = to_status(
        errors.InvalidRequest("no", field="features", reason="UNKNOWN_FEATURE"), request_id="r1"
    )
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert status.code == Code.INVALID_ARGUMENT
    assert (info.domain, info.reason) == ("lipiyana", "UNKNOWN_FEATURE")
    assert info.metadata["request_id"] == "r1"
    assert [v.field for v in bad.field_violations] == ["features"]


def test_overloaded_says_when_to_come_again() -> None:
    retry = error_details_pb2.RetryInfo()
    assert to_status(errors.Overloaded("full", retry_after=1.5)).details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1500


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (Code.INVALID_ARGUMENT, errors.InvalidRequest, "INVALID_REQUEST"),
        (Code.RESOURCE_EXHAUSTED, errors.Overloaded, "QUEUE_FULL"),
        (Code.FAILED_PRECONDITION, errors.ModelUnavailable, "MODEL_NOT_INSTALLED"),
        (Code.UNIMPLEMENTED, LipiyanaError, "UNIMPLEMENTED"),
        (1234, LipiyanaError, "UNKNOWN"),
    ],
)
def test_statuses_of_others(code: int, kind: type[LipiyanaError], reason: str) -> None:
    foreign = error_details_pb2.ErrorInfo(domain="example.com", reason="X")
    status = Status(code=code, message="m")
    status.details.add().Pack(foreign)
    status.details.append(Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff"))
    back = from_status(status)
    assert (type(back), back.reason, back.message) == (kind, reason, "m")


@pytest.mark.parametrize("message", ["क" * 5000, "a\udcff" * 3000, "x" * 5000])
def test_long_and_odd_messages_fit_the_trailers(message: str) -> None:
    sent = to_status(errors.InvalidImage(message)).message
    assert len(sent.encode()) <= MAX_MESSAGE_BYTES
    assert sent.endswith("...")


@pytest.mark.parametrize(("asked", "taken"), [(-5, 0.0), (2, 2.0), (4 * 10**18, 3600.0)])
def test_a_server_that_asks_for_an_odd_time(asked: int, taken: float) -> None:
    status = to_status(errors.Overloaded("full"))
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = asked
    status.details[1].Pack(retry)
    error = from_status(status)
    assert isinstance(error, errors.Overloaded)
    assert error.retry_after == taken
