"""The HTTP API over real sockets, with a fake recognizer."""

from __future__ import annotations

import base64
import json
import logging
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_calls import JPEG, Http, raw, until
from served_fake import SECRET, FakeRecognizer, recognition

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.types import CachePolicy, Feature, Layout, RecognitionConfig
from lipiyana.wire.results import recognition_to_json

HELLO = base64.b64encode(b"hello").decode()
ONE, BATCH = "/v1/recognize", "/v1/recognize:batch"


class SeesConfigs(FakeRecognizer):
    """Keeps the configs that it is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.configs: list[RecognitionConfig] = []

    def recognize(self, image: Any, config: Any = None, *, timeout: float | None = None) -> Any:
        self.configs.append(config)
        return super().recognize(image, config, timeout=timeout)


@pytest.fixture
def fake() -> SeesConfigs:
    return SeesConfigs()


def text_of(reply: Any) -> str:
    assert reply.status == 200, reply.body
    (line,) = reply.json["text_lines"]
    return str(line["text"])


def test_the_answer_is_that_of_the_command_line(http: Http) -> None:
    reply = http.recognize(b"hello")
    expected = recognition_to_json(recognition("hello")) | {"cache_outcome": "CACHE_OUTCOME_MISS"}
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == expected
    assert http.recognize(b"hello").json["cache_outcome"] == "CACHE_OUTCOME_HIT"


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "Image/WebP; q=1", ""])
def test_a_picture_is_the_body(http: Http, kind: str) -> None:
    assert text_of(http.post(ONE, b"hello", kind)) == "hello"


@pytest.mark.parametrize(
    "body",
    [
        {"image": {"encoded": HELLO}},
        {"image": {"encoded": HELLO.rstrip("=")}, "config": None},
        {"image": {"encoded": HELLO}, "config": {}},
    ],
)
def test_a_picture_is_in_json(http: Http, body: Any) -> None:
    assert text_of(http.json(ONE, body)) == "hello"


def test_base64_may_have_either_alphabet(http: Http, fake: SeesConfigs) -> None:
    data = bytes(range(250, 256)) * 3
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        http.json(ONE, {"image": {"encoded": encode(data).decode()}})
    assert fake.computed[-1] == data
    assert fake.computed.count(data) == 1, "the second is in the cache"


def test_raw_pixels_are_in_json(http: Http) -> None:
    pixels = {"data": base64.b64encode(bytes(6)).decode(), "width": 3, "height": 2}
    for name in ("pixel_format", "pixelFormat"):
        reply = http.json(ONE, {"image": {"raw": {**pixels, name: "PIXEL_FORMAT_GRAY8"}}})
        assert (reply.json["image_width"], reply.json["image_height"]) == (3, 2)


def test_a_form_has_a_picture_and_a_config(http: Http, fake: SeesConfigs) -> None:
    parts = [("image", b"hello"), ("config", b'{"layout":"line","features":["text"]}')]
    assert text_of(http.form(ONE, parts)) == "hello"
    assert fake.configs[-1] == RecognitionConfig([Feature.TEXT], Layout.LINE)


@pytest.mark.parametrize("data", [b"", b"\r\n", b"--boundar", b"\r\n--bound\r\n\r\n", b"a\r\n--"])
def test_a_part_of_a_form_may_hold_any_bytes(http: Http, fake: SeesConfigs, data: bytes) -> None:
    assert http.form(ONE, [("image", data)]).status == 200
    assert fake.computed[-1] == data


QUERIES = {
    "features=text,plates&layout=line": RecognitionConfig(["text", "plates"], "line"),
    "features=text&features=plates": RecognitionConfig(["text", "plates"]),
    "script_hints=Deva,Latn": RecognitionConfig(script_hints=["Deva", "Latn"]),
    "min_confidence=0.25": RecognitionConfig(min_confidence=0.25),
    "cache_policy=bypass": RecognitionConfig(cache_policy=CachePolicy.BYPASS),
    "romanize=true": RecognitionConfig(romanize=True),
    "romanize=0&layout=SCENE": RecognitionConfig(),
    "layout=LAYOUT_PLATE": RecognitionConfig(layout="plate"),
    "": RecognitionConfig(),
}


@pytest.mark.parametrize("query", QUERIES)
def test_the_config_is_in_the_query(http: Http, fake: SeesConfigs, query: str) -> None:
    assert http.recognize(b"a", f"?{query}").status == 200
    assert fake.configs[-1] == QUERIES[query]


CONFIGS: list[tuple[Any, RecognitionConfig]] = [
    ({"features": ["text", "FEATURE_PLATES"]}, RecognitionConfig(["text", "plates"])),
    ({"minConfidence": 0.25}, RecognitionConfig(min_confidence=0.25)),
    ({"min_confidence": 0}, RecognitionConfig(min_confidence=0)),
    ({"scriptHints": ["Deva"]}, RecognitionConfig(script_hints=["Deva"])),
    ({"cache_policy": 2}, RecognitionConfig(cache_policy=CachePolicy.BYPASS)),
    ({"layout": "LAYOUT_UNSPECIFIED", "romanize": True}, RecognitionConfig(romanize=True)),
    ({"layout": None, "features": None}, RecognitionConfig()),
]


@pytest.mark.parametrize(("config", "expected"), CONFIGS)
def test_the_config_is_in_json(
    http: Http, fake: SeesConfigs, config: Any, expected: RecognitionConfig
) -> None:
    assert text_of(http.json(ONE, {"image": {"encoded": HELLO}, "config": config})) == "hello"
    assert fake.configs[-1] == expected


INVALID = (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("query", "reason", "field"),
    [
        ("feature=text", "UNKNOWN_FIELD", "feature"),
        ("features=texts", "UNKNOWN_FEATURE", "features"),
        ("layout=street", "UNKNOWN_LAYOUT", "layout"),
        ("cache_policy=never", "UNKNOWN_CACHE_POLICY", "cache_policy"),
        ("layout=line&layout=plate", "TOO_MANY_VALUES", "layout"),
        ("romanize=perhaps", "INVALID_VALUE", "romanize"),
        ("min_confidence=high", "INVALID_VALUE", "min_confidence"),
        ("min_confidence=nan", "INVALID_VALUE", "min_confidence"),
        ("min_confidence=1e400", "INVALID_VALUE", "min_confidence"),
        ("min_confidence=" + "1" * 5000, "INVALID_VALUE", "min_confidence"),
        ("script_hints=" + "Deva," * 100, "TOO_MANY_VALUES", "script_hints"),
        ("features=" + "text," * 100, "TOO_MANY_VALUES", "features"),
        ("script_hints=" + "D" * 100, "TEXT_TOO_LONG", "script_hints"),
        ("&".join("x=1" for _ in range(100)), "INVALID_REQUEST", "query"),
        ("layout=%ff", "INVALID_REQUEST", "query"),
    ],
)
def test_a_bad_query(http: Http, query: str, reason: str, field: str) -> None:
    reply = http.recognize(b"a", f"?{query}")
    assert reply.outcome == (*INVALID, reason)
    assert reply.json["field"] == field


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"", "UNPARSABLE_MESSAGE", None),
        (b"{", "UNPARSABLE_MESSAGE", None),
        (b"\xff\xfe{}", "UNPARSABLE_MESSAGE", None),
        (b"[]", "UNPARSABLE_MESSAGE", "image"),
        (b'{"picture":{}}', "UNPARSABLE_MESSAGE", "image"),
        (b"{}", "MISSING_IMAGE", "image"),
        (b'{"image":{}}', "MISSING_IMAGE", "image"),
        (b'{"image":[]}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"encoded":5}}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"encoded":"a b!"}}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"encoded":"\xc3\xa9"}}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"encoded":"YQ==","raw":{}}}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"raw":{"data":"YQ==","width":-1}}}', "UNPARSABLE_MESSAGE", "image"),
        (b'{"image":{"raw":{"data":"YQ==","width":1}}}', "UNKNOWN_PIXEL_FORMAT", "image"),
        (b'{"image":{"encoded":"YQ"},"config":[]}', "INVALID_REQUEST", "config"),
        (b'{"image":{"encoded":"YQ"},"config":{"layout":9}}', "UNKNOWN_LAYOUT", "layout"),
        (b'{"image":{"encoded":"YQ"},"config":{"romanize":"x"}}', "INVALID_VALUE", "romanize"),
        (b'{"image":{"encoded":"YQ"},"config":{"min_confidence":NaN}}', "UNPARSABLE_MESSAGE", None),
        (b'{"image":{"encoded":"YQ"},"config":{"min_confidence":1e999}}', "INVALID_VALUE",
         "min_confidence"),
        (b'{"image":{"encoded":"YQ"},"config":{"min_confidence":%s}}' % (b"9" * 100),
         "UNPARSABLE_MESSAGE", None),
    ],
)  # fmt: skip
def test_bad_json(http: Http, body: bytes, reason: str, field: str | None) -> None:
    reply = http.json(ONE, body)
    assert reply.outcome == (*INVALID, reason)
    assert reply.json.get("field") == field


def test_pictures_of_a_batch_fail_one_by_one(http: Http) -> None:
    reply = http.form(BATCH, [("image", b"a"), ("image", b"bad"), ("image", b"bug")])
    good, bad, bug = reply.json["items"]
    assert good["recognition"]["text_lines"][0]["text"] == "a"
    assert (bad["error"]["reason"], bad["error"]["status"]) == ("TRUNCATED_IMAGE", 400)
    assert (bug["error"]["code"], bug["error"]["status"]) == ("INTERNAL", 500)
    assert SECRET not in reply.body.decode()
    as_json = {"images": [{"encoded": HELLO}, {"encoded": "!"}, {}], "config": {"layout": "line"}}
    items = http.json(BATCH, as_json).json["items"]
    assert "recognition" in items[0]
    assert [item["error"]["reason"] for item in items[1:]] == [
        "UNPARSABLE_MESSAGE",
        "MISSING_IMAGE",
    ]


@pytest.mark.parametrize("path", [ONE, BATCH])
def test_what_is_no_form(http: Http, path: str) -> None:
    kind = "multipart/form-data; boundary="
    cases = [
        (b"", "multipart/form-data"),
        (b"--b--", kind + "c"),
        (b"--b\r\n", kind + "b"),
        (b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nno end', kind + "b"),
        (b"--b\r\nContent-Type: image/jpeg\r\n\r\na\r\n--b--", kind + "b"),
        (b"--b\r\n" + b"A: b\r\n" * 10_000 + b"\r\n\r\na\r\n--b--", kind + "b"),
        (b"--" + b"b" * 70_000 + b"--", kind + "b" * 10_000),
    ]
    for body, content_type in cases:
        assert http.post(path, body, content_type).outcome == (*INVALID, "UNPARSABLE_MESSAGE")


@pytest.mark.parametrize(
    ("path", "parts", "reason"),
    [
        (ONE, [], "MISSING_IMAGE"),
        (ONE, [("image", b"a"), ("image", b"b")], "TOO_MANY_VALUES"),
        (ONE, [("image", b"a")] * 9, "TOO_MANY_VALUES"),
        (ONE, [("file", b"a")], "UNKNOWN_FIELD"),
        (ONE, [("image[a][b]", b"a")], "UNKNOWN_FIELD"),
        (ONE, [("config", b"{}"), ("config", b"{}")], "UNKNOWN_FIELD"),
        (ONE, [("image", b"a"), ("config", b"{}" + b" " * 20_000)], "INVALID_REQUEST"),
        (BATCH, [], "EMPTY_BATCH"),
        (BATCH, [("image", b"a")] * 5, "BATCH_TOO_LARGE"),
        (BATCH, [("image", b"a")] * 2000, "TOO_MANY_VALUES"),
    ],
)
def test_a_form_with_other_parts(http: Http, path: str, parts: Any, reason: str) -> None:
    assert http.form(path, parts).outcome == (*INVALID, reason)


def test_a_batch_of_json_is_limited(http: Http) -> None:
    five = {"images": [{"encoded": HELLO}] * 5}
    assert http.json(BATCH, five).outcome == (*INVALID, "BATCH_TOO_LARGE")
    assert http.json(BATCH, {"images": []}).outcome == (*INVALID, "EMPTY_BATCH")
    assert http.json(BATCH, {}).outcome == (*INVALID, "EMPTY_BATCH")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("PUT", BATCH, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("BREW", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("OPTIONS", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("POST", "/v1/models", (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("GET", "/v2", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/static/../../app.py", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/samples/%2e%2e/truth.jsonl", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/v1/stream", (404, "NOT_FOUND", "NO_SUCH_PATH")),
    ],
)
def test_what_no_route_takes(http: Http, method: str, path: str, expected: Any) -> None:
    reply = http.call(method, path)
    assert reply.outcome == expected
    if reply.status == 405:
        assert reply.headers["allow"]


def test_the_media_type_must_be_known(http: Http) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/mixed"):
        reply = http.post(ONE, b"a", kind)
        assert reply.outcome == (415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE")
    assert http.post(BATCH, b"a", JPEG).status == 415


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


def test_the_cache_is_that_of_grpc(http: Http, client: Client, fake: SeesConfigs) -> None:
    client.recognize(b"a")
    assert http.recognize(b"a").json["cache_outcome"] == "CACHE_OUTCOME_HIT"
    assert fake.computed == [b"a"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9", "soon", "1" * 100])
def test_a_bad_deadline(http: Http, seconds: str) -> None:
    reply = http.recognize(b"a", x_deadline_seconds=seconds)
    assert reply.outcome == (*INVALID, "INVALID_DEADLINE")


def test_a_deadline_ends_the_request(http: Http, fake: SeesConfigs) -> None:
    fake.hold()
    reply = http.recognize(b"a", x_deadline_seconds="0.05")
    assert reply.outcome == (504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    fake.release()
    assert http.recognize(b"a", x_deadline_seconds="30").status == 200
    timeout = fake.timeouts[-1]
    assert timeout is not None
    assert 0 < timeout <= 30


def test_a_client_that_goes_away_is_not_computed_for(
    server: RecognitionServer, http: Http, fake: SeesConfigs
) -> None:
    fake.hold()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(http.recognize, b"first")
        fake.wait_for(b"first")
        with raw(server) as gone:
            gone.send(b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ngone")
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
            gone.send(b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsame")
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


def test_files_are_sent_once(http: Http) -> None:
    first = http.get("/samples/01_sweet_shop_delhi.jpg")
    assert first.status == 200
    assert first.headers["content-type"] == "image/jpeg"
    again = http.get("/samples/01_sweet_shop_delhi.jpg", {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = http.call("HEAD", "/samples/01_sweet_shop_delhi.jpg")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == first.headers["content-length"]
    for sample in http.get("/samples/index.json").json["samples"]:
        assert http.get(f"/samples/{sample['name']}").status == 200


def test_models_say_what_can_be_asked(http: Http, settings: ServerSettings) -> None:
    found = http.get("/v1/models").json
    assert found["layouts"] == [layout.value for layout in Layout]
    assert (found["max_batch"], found["max_message_bytes"]) == (4, settings.max_message_bytes)


def test_requests_of_one_connection_are_answered_in_order(server: RecognitionServer) -> None:
    request = b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
    with raw(server) as connection:
        connection.send(b"".join(request + b"%d" % n for n in range(10)))
        texts = [text_of(connection.answer()) for _ in range(10)]
    assert texts == [str(n) for n in range(10)]


def test_chunks_make_a_body(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(
            b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        )
        assert text_of(connection.answer()) == "hello"


def test_a_client_may_wait_until_the_body_is_wanted(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(
            b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert connection.head().startswith(b"HTTP/1.1 100 ")
        connection.send(b"hello")
        assert text_of(connection.answer()) == "hello"


def test_http_1_0_is_answered(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(b"POST /v1/recognize HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
        assert text_of(connection.answer()) == "hello"
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /v1/recognize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    ],
)
def test_what_is_no_request(server: RecognitionServer, http: Http, request_: bytes) -> None:
    with raw(server) as connection:
        connection.send(request_)
        found = connection.rest()
    assert found.startswith(b"HTTP/1.1 400 ")
    assert json.loads(found.partition(b"\r\n\r\n")[2])["code"] == "INVALID_ARGUMENT"
    assert http.get("/healthz").status == 200
