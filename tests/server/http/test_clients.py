"""Clients that leave, wait, share turns, or come from pages of other origins."""

from __future__ import annotations

import logging
import math
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from http_calls import Http, SeesConfigs, raw, text_of, until
from served_fake import SECRET

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings, running_server

ONE, BATCH = "/v1/recognize", "/v1/recognize:batch"


@pytest.fixture
def fake() -> SeesConfigs:
    return SeesConfigs()


def test_the_request_id_is_in_the_answer_and_in_the_log(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lipiyana.server")
    assert http.recognize(b"a", x_request_id="mine-1").headers["x-request-id"] == "mine-1"
    failed = http.recognize(b"bad", x_request_id="mine-2")
    assert failed.headers["x-request-id"] == failed.json["request_id"] == "mine-2"
    own = http.recognize(b"a", x_request_id="not valid!").headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", own)
    lines = [record.getMessage() for record in caplog.records]
    assert "mine-1 http.Recognize: OK" in lines
    assert "mine-2 http.Recognize: INVALID_ARGUMENT TRUNCATED_IMAGE" in lines


def test_no_text_of_a_picture_is_logged(http: Http, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert text_of(http.recognize(SECRET.encode())) == SECRET
    assert http.recognize(b"bug").outcome == (500, "INTERNAL", "INTERNAL")
    http.recognize(b"a", f"?layout={SECRET}")
    http.get(f"/{SECRET}")
    assert SECRET not in caplog.text


def test_metrics_tell_the_transports_apart(
    http: Http, client: Client, server: RecognitionServer
) -> None:
    http.recognize(b"a")
    client.recognize(b"b")
    registry = server._metrics.registry
    for rpc in ("Recognize", "http.Recognize"):
        labels = {"rpc": rpc, "code": "OK"}
        assert registry.get_sample_value("lipiyana_requests_total", labels) == 1
        seconds = registry.get_sample_value("lipiyana_request_seconds_count", {"rpc": rpc})
        assert seconds == 1


def test_a_client_that_goes_away_is_not_computed_for(
    server: RecognitionServer, http: Http, fake: SeesConfigs
) -> None:
    fake.hold()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(http.recognize, b"first")
        fake.wait_for(b"first")
        with raw(server) as gone:
            gone.send(
                b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ngone"
            )
            until(lambda: server.accepted == 2)
        until(lambda: server.accepted == 1)
        fake.release()
        assert first.result().status == 200
    assert fake.computed == [b"first"]
    labels = {"rpc": "http.Recognize", "code": "CANCELLED"}
    assert server._metrics.registry.get_sample_value("lipiyana_requests_total", labels) == 1


def test_a_computation_that_others_wait_for_goes_on(
    server: RecognitionServer, http: Http, fake: SeesConfigs
) -> None:
    fake.hold()
    with ThreadPoolExecutor() as pool:
        with raw(server) as gone:
            gone.send(
                b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nsame"
            )
            fake.wait_for(b"same")
            other = pool.submit(http.recognize, b"same")
            until(lambda: server._recognitions.receiving.places.taken == 0)
        fake.release()
        assert text_of(other.result()) == "same"
    assert fake.computed == [b"same"]


def test_a_full_queue_says_when_to_come_again(server: RecognitionServer, fake: SeesConfigs) -> None:
    fake.hold()
    clients = [Http(server) for _ in range(9)]
    with ThreadPoolExecutor(9) as pool:
        replies = [pool.submit(client.recognize, b"%d" % n) for n, client in enumerate(clients)]
        until(lambda: any(reply.done() for reply in replies))
        full = next(reply.result() for reply in replies if reply.done())
        assert full.outcome == (429, "RESOURCE_EXHAUSTED", "QUEUE_FULL")
        assert int(full.headers["retry-after"]) >= math.ceil(full.json["retry_after"]) > 0
        fake.release()
    for client in clients:
        client.close()


def test_a_client_has_one_turn_over_both_transports(
    settings: ServerSettings, fake: SeesConfigs
) -> None:
    many = settings.model_copy(update={"max_queue": 64})
    with running_server(fake, many) as server, Client(server.target) as client:
        fake.hold()
        http = [Http(server) for _ in range(3)]
        with ThreadPoolExecutor(8) as pool:
            first = pool.submit(client.recognize, b"first")
            fake.wait_for(b"first")
            waiting = [pool.submit(one.recognize, b"h%d" % n) for n, one in enumerate(http)]
            until(lambda: server.accepted == 4)
            waiting.append(pool.submit(client.recognize, b"g"))  # type: ignore[arg-type]
            until(lambda: server.accepted == 5)
            fake.release()
            for one in (first, *waiting):
                one.result()
        for one in http:
            one.close()
    # all are of one address, so the call of gRPC is not the next in turn
    assert fake.computed[-1] == b"g"


def test_a_page_is_not_read_by_pages_of_other_origins(http: Http) -> None:
    reply = http.recognize(b"a", origin="https://app.example")
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_pages_of_allowed_origins_may_call(settings: ServerSettings, fake: SeesConfigs) -> None:
    allowed = "https://app.example"
    with_origins = settings.model_copy(update={"http_origins": (allowed,)})
    with running_server(fake, with_origins) as server:
        http = Http(server)
        ask = {"origin": allowed, "access-control-request-method": "POST"}
        preflight = http.call("OPTIONS", ONE, headers=ask)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == allowed
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        reply = http.recognize(b"a", origin=allowed)
        assert reply.headers["access-control-allow-origin"] == allowed
        failed = http.recognize(b"bad", origin=allowed)
        assert failed.headers["access-control-allow-origin"] == allowed
        other = http.recognize(b"a", origin="https://evil.example")
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["vary"] == "Origin"
        http.close()


def test_answers_cannot_be_taken_for_pages(http: Http) -> None:
    for reply in (http.recognize(b"a"), http.get("/v2"), http.get("/docs"), http.get("/healthz")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_a_page_may_only_connect_to_its_own_server(http: Http) -> None:
    own = http.get("/docs").headers["content-security-policy"]
    sockets = f"ws://127.0.0.1:{http.port} wss://127.0.0.1:{http.port}"
    assert f"connect-src 'self' {sockets};" in own


def test_an_odd_host_does_not_get_into_the_policy(
    settings: ServerSettings, fake: SeesConfigs
) -> None:
    others = settings.model_copy(update={"host": "0.0.0.0"})
    with running_server(fake, others) as server:
        http = Http(server)
        odd = http.get("/docs", {"host": "a; script-src *"}).headers["content-security-policy"]
        assert "connect-src 'self';" in odd
        assert "*" not in odd
        http.close()


def test_files_are_sent_once(http: Http) -> None:
    first = http.get("/samples/01_sweet_shop_delhi.jpg")
    assert first.status == 200
    assert first.headers["content-type"] == "image/jpeg"
    again = http.get("/samples/01_sweet_shop_delhi.jpg", {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = http.call("HEAD", "/samples/01_sweet_shop_delhi.jpg")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == first.headers["content-length"]
    samples = http.get("/samples/index.json").json["samples"]
    for sample in samples:
        assert http.get(f"/samples/{sample['name']}").status == 200
    titles = {sample["name"]: sample["title"] for sample in samples}
    assert titles["02_standard_2row.jpg"] == "Two-row plate"
    assert len(set(titles.values())) == len(titles), "titles tell the samples apart"
