"""Each error of the package as an answer of HTTP, beside the same error over gRPC."""

from __future__ import annotations

from typing import Any

import pytest
from http_calls import Http
from served_fake import FakeRecognizer

from lipiyana import errors
from lipiyana.client import Client
from lipiyana.errors import LipiyanaError
from lipiyana.types import RawImage

ERRORS: list[tuple[LipiyanaError, int]] = [
    (errors.InvalidRequest("no", field="layout", reason="UNKNOWN_LAYOUT"), 400),
    (errors.InvalidImage("no"), 400),
    (errors.ModelUnavailable("no"), 400),
    (errors.MissingExtra("no", extra="train"), 400),
    (errors.MessageTooLarge("no"), 413),
    (errors.Unauthenticated("no"), 401),
    (errors.PermissionDenied("no"), 403),
    (errors.NotFound("no"), 404),
    (errors.Overloaded("no", retry_after=2.5), 429),
    (errors.Overloaded("no", retry_after=0, reason="RATE_LIMITED"), 429),
    (errors.Cancelled("no"), 499),
    (errors.InternalError("no"), 500),
    (errors.Unavailable("no"), 503),
    (errors.DeadlineExceeded("no"), 504),
    (LipiyanaError("no"), 500),
]
HEADERS = {
    "QUEUE_FULL": ("retry-after", "3"),  # whole seconds, rounded up
    "RATE_LIMITED": ("retry-after", "1"),
    "UNAVAILABLE": ("retry-after", "1"),
    "UNAUTHENTICATED": ("www-authenticate", "Bearer"),
}


class Fails(FakeRecognizer):
    """Raises the error with the number that a picture is."""

    def recognize(self, image: Any, config: Any = None, *, timeout: float | None = None) -> Any:
        if isinstance(image, RawImage):
            return super().recognize(image, config, timeout=timeout)
        raise ERRORS[int(image)][0]


@pytest.fixture
def fake() -> Fails:
    return Fails()


def test_the_table_has_every_error() -> None:
    def kinds(kind: type[LipiyanaError]) -> set[type[LipiyanaError]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    own = {kind for kind in kinds(LipiyanaError) if kind.__module__ == errors.__name__}
    assert {type(error) for error, _ in ERRORS} == own


def test_an_error_has_its_status_its_reason_and_its_headers(http: Http, client: Client) -> None:
    for number, (error, status) in enumerate(ERRORS):
        picture = str(number).encode()
        reply = http.recognize(picture, "?cache_policy=bypass", x_request_id="r1")
        assert reply.outcome == (status, error.code, error.reason)
        assert reply.json["type"] == "about:blank"
        assert reply.json["title"]
        assert (reply.json["detail"], reply.json["request_id"]) == ("no", "r1")
        assert reply.json.get("field", "") == getattr(error, "field", "")
        assert reply.json.get("retry_after") == getattr(error, "retry_after", None)
        name, value = HEADERS.get(error.reason, ("retry-after", None))
        assert reply.headers.get(name) == value
        with pytest.raises(LipiyanaError) as remote:
            client.recognize(picture)
        assert (type(remote.value), remote.value.reason) == (type(error), error.reason)
