"""Bodies and configs of HTTP requests: pictures, forms, JSON and queries."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from http_calls import JPEG, Http, SeesConfigs, text_of
from served_fake import SECRET

from lipiyana.types import CachePolicy, Feature, Layout, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb

HELLO = base64.b64encode(b"hello").decode()


CONFIG_FIELDS = tuple(pb.RecognitionConfig.DESCRIPTOR.fields_by_name)
ONE, BATCH = "/v1/recognize", "/v1/recognize:batch"


@pytest.fixture
def fake() -> SeesConfigs:
    return SeesConfigs()


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


@pytest.mark.parametrize("path", [ONE, BATCH])
@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b"{layout:plate}", "UNPARSABLE_MESSAGE"),
        (b"layout=plate", "UNPARSABLE_MESSAGE"),
        (b"", "UNPARSABLE_MESSAGE"),
        (b"\xff", "UNPARSABLE_MESSAGE"),
        (b'["plate"]', "INVALID_REQUEST"),
    ],
)
def test_a_config_that_is_no_json_shows_one_that_is(
    http: Http, path: str, config: bytes, reason: str
) -> None:
    reply = http.form(path, [("image", b"a"), ("config", config)])
    assert reply.outcome == (*INVALID, reason)
    assert reply.json["field"] == "config"
    assert '{"layout": "plate"}' in reply.json["detail"]


@pytest.mark.parametrize("name", [*CONFIG_FIELDS, "minConfidence"])
def test_a_field_of_the_config_that_is_a_part_is_told_its_place(http: Http, name: str) -> None:
    reply = http.form(ONE, [("image", b"a"), (name, b"plate")])
    assert reply.outcome == (*INVALID, "UNKNOWN_FIELD")
    assert reply.json["field"] == name
    assert f"`{name}` belongs into `config`" in reply.json["detail"]
    assert "query" in reply.json["detail"]
    other = http.form(ONE, [("image", b"a"), ("file", b"plate")])
    assert "belongs" not in other.json["detail"]


def test_a_batch_of_json_is_limited(http: Http) -> None:
    five = {"images": [{"encoded": HELLO}] * 5}
    assert http.json(BATCH, five).outcome == (*INVALID, "BATCH_TOO_LARGE")
    assert http.json(BATCH, {"images": []}).outcome == (*INVALID, "EMPTY_BATCH")
    assert http.json(BATCH, {}).outcome == (*INVALID, "EMPTY_BATCH")


def test_the_media_type_must_be_known(http: Http) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/mixed"):
        reply = http.post(ONE, b"a", kind)
        assert reply.outcome == (415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE")
    assert http.post(BATCH, b"a", JPEG).status == 415


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
