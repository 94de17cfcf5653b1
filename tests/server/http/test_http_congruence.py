"""The same pictures in process, over gRPC and over HTTP give equal answers and errors."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
from http_calls import Http, Reply
from PIL import Image
from websockets.sync.client import connect

from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.types import Frame, PixelFormat, RawImage, RecognitionConfig
from lipiyana.wire.requests import config_to_proto
from lipiyana.wire.results import recognition_to_json

SAMPLES = resources.files("lipiyana.samples")


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@dataclass(frozen=True)
class Readers:
    local: LocalRecognizer
    client: Client
    http: Http
    server: RecognitionServer


@pytest.fixture(scope="module")
def readers(recognizer: LocalRecognizer) -> Iterator[Readers]:
    settings = ServerSettings(
        port=0, http_port=0, threads=1, max_message_bytes=2**20, max_pixels=4_000_000
    )
    limited = LocalRecognizer(recognizer.store, limits=settings.image_limits)
    with running_server(limited, settings) as server, Client(server.target) as client:
        http = Http(server)
        yield Readers(limited, client, http, server)
        http.close()


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from call to call."""
    return {k: v for k, v in row.items() if k not in {"cache_outcome", "timings"}}


QUERIES = {
    "line": RecognitionConfig(layout="line"),
    "plate": RecognitionConfig(layout="plate", romanize=True),
    "plate, words": RecognitionConfig(layout="plate", words=True),
    "scene": RecognitionConfig(),
    "scene, words": RecognitionConfig(romanize=True, words=True),
    "text": RecognitionConfig(["text"], script_hints=["Deva", "Latn"], min_confidence=0.5),
    "plates": RecognitionConfig(["plates"], cache_policy="bypass", min_confidence=0.01),
    "vehicles": RecognitionConfig(["vehicles"], min_confidence=0.1),
}


def query(config: RecognitionConfig) -> str:
    least = "" if config.min_confidence is None else f"&min_confidence={config.min_confidence}"
    return (
        f"?layout={config.layout}&features={','.join(sorted(config.features))}"
        f"&script_hints={','.join(config.script_hints)}&cache_policy={config.cache_policy}"
        f"&romanize={str(config.romanize).lower()}&words={str(config.words).lower()}{least}"
    )


@pytest.mark.parametrize("name", ["scenes/04_cafe_madurai.jpg", "plates/02_standard_2row.jpg"])
@pytest.mark.parametrize("kind", QUERIES)
def test_answers_are_equal(readers: Readers, name: str, kind: str) -> None:
    data, config = sample(name), QUERIES[kind]
    expected = comparable(recognition_to_json(readers.local.recognize(data, config)))
    remote = comparable(recognition_to_json(readers.client.recognize(data, config)))
    web = readers.http.recognize(data, query(config))
    as_json = {
        "image": {"encoded": base64.b64encode(data).decode()},
        "config": json.loads(_proto_json(config)),
    }
    posted = readers.http.json("/v1/recognize", as_json)
    assert remote == expected
    assert comparable(web.json) == expected
    assert comparable(posted.json) == expected
    lines = [
        *expected["text_lines"],
        *(line for one in expected["plates"] for line in one["lines"]),
    ]
    found = [word for line in lines for word in line.get("words", ())]
    assert bool(found) == (config.words and bool(lines))


def _proto_json(config: RecognitionConfig) -> str:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(config_to_proto(config))


def test_raw_pixels_are_equal(readers: Readers) -> None:
    with Image.open(io.BytesIO(sample("plates/01_standard_1row.jpg"))) as picture:
        pixels = picture.convert("RGB")
    raw = RawImage(pixels.tobytes(), pixels.width, pixels.height, PixelFormat.RGB8)
    config = RecognitionConfig(layout="plate")
    image = {
        "raw": {
            "data": base64.b64encode(raw.data).decode(),
            "width": raw.width,
            "height": raw.height,
            "pixel_format": "PIXEL_FORMAT_RGB8",
        }
    }
    web = readers.http.json("/v1/recognize", {"image": image, "config": {"layout": "plate"}})
    expected = recognition_to_json(readers.local.recognize(raw, config))
    assert comparable(web.json) == comparable(expected)


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), 128).save(file, "PNG")
    return file.getvalue()


def gif() -> bytes:
    file = io.BytesIO()
    Image.new("L", (40, 40)).save(file, "GIF")
    return file.getvalue()


BAD = {
    "nothing": b"",
    "text": b"not a picture",
    "truncated": sample("scenes/04_cafe_madurai.jpg")[:3000],
    "another format": gif(),
    "too many pixels": png(4000, 2000),
    "too small": png(1, 1),
    "html": b"<img src=x onerror=alert(1)>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "zeros": bytes(1000),
    "too many bytes": bytes(2**20 + 1),
}


def problem_of(error: LipiyanaError) -> dict[str, Any]:
    field = error.field if isinstance(error, InvalidRequest) else ""
    return {"code": error.code, "reason": error.reason, "detail": error.message, "field": field}


def as_problem(reply: Reply) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/problem+json"
    return {name: reply.json.get(name, "") for name in ("code", "reason", "detail", "field")}


@pytest.mark.parametrize("name", BAD)
def test_errors_are_equal(readers: Readers, name: str) -> None:
    data = BAD[name]
    with pytest.raises(LipiyanaError) as remote:
        readers.client.recognize(data)
    web = as_problem(readers.http.recognize(data))
    if name == "too many bytes":  # each transport has its own limit of messages
        assert (web["code"], web["reason"]) == (remote.value.code, remote.value.reason)
        return
    with pytest.raises(LipiyanaError) as local:
        readers.local.recognize(data)
    assert web == problem_of(remote.value) == problem_of(local.value)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"features": [99]}, "UNKNOWN_FEATURE"),
        ({"layout": 99}, "UNKNOWN_LAYOUT"),
        ({"cache_policy": 99}, "UNKNOWN_CACHE_POLICY"),
        ({"min_confidence": 1.5}, ""),
        ({"min_confidence": -1}, ""),
        ({"script_hints": ["Xxxx"]}, ""),
        ({"features": [1] * 17}, "TOO_MANY_VALUES"),
        ({"script_hints": ["Deva"] * 33}, "TOO_MANY_VALUES"),
        ({"script_hints": ["D" * 65]}, "TEXT_TOO_LONG"),
    ],
)
def test_errors_of_configs_are_equal(readers: Readers, config: Any, reason: str) -> None:
    import grpc

    from lipiyana.v1 import recognition_pb2 as pb
    from lipiyana.v1 import recognition_service_pb2 as service_pb
    from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub
    from lipiyana.wire.status import DETAILS_KEY, Status, from_status

    request = service_pb.RecognizeRequest(
        image=pb.Image(encoded=b"a"), config=pb.RecognitionConfig(**config)
    )
    with (
        grpc.insecure_channel(readers.server.target) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        RecognitionServiceStub(channel).Recognize(request)
    packed = dict(caught.value.trailing_metadata())[DETAILS_KEY]
    expected = problem_of(from_status(Status.FromString(packed)))
    web = as_problem(
        readers.http.json("/v1/recognize", {"image": {"encoded": "YQ=="}, "config": config})
    )
    assert web == expected
    assert not reason or web["reason"] == reason


def test_batches_are_equal(readers: Readers) -> None:
    pictures = [sample("plates/04_delhi_1row.jpg"), b"no", sample("plates/05_military_1row.jpg")]
    config = RecognitionConfig(layout="plate")
    expected = [
        problem_of(outcome)
        if isinstance(outcome, LipiyanaError)
        else comparable(recognition_to_json(outcome))
        for outcome in readers.client.recognize_batch(pictures, config)
    ]
    parts = [("image", one) for one in pictures]
    web = readers.http.form("/v1/recognize:batch", [*parts, ("config", b'{"layout":"plate"}')])
    found = [
        comparable(item["recognition"])
        if "recognition" in item
        else {name: item["error"].get(name, "") for name in ("code", "reason", "detail", "field")}
        for item in web.json["items"]
    ]
    assert found == expected


def test_streams_are_equal(readers: Readers) -> None:
    pictures = [sample("scenes/02_highway_bengaluru.jpg"), b"no"] * 2
    config = RecognitionConfig(["vehicles", "plates"])
    expected = []
    with connect(f"ws://127.0.0.1:{readers.http.port}/v1/stream", proxy=None) as stream:
        stream.send('{"config":{"features":["vehicles","plates"]}}')
        found = []
        for n, one in enumerate(pictures):
            stream.send(n.to_bytes(8, "big") + one)
            answer = json.loads(stream.recv())
            assert (answer["frame_id"], answer["dropped_frame_ids"]) == (n, [])
            found.append(answer)
    turn = iter(range(len(pictures)))
    frames = (Frame(n, pictures[n]) for n in turn)
    for result in readers.client.recognize_stream(frames, config):
        expected.append(result)
    answered = {result.frame_id: result.outcome for result in expected}
    for n, outcome in answered.items():
        if isinstance(outcome, LipiyanaError):
            assert found[n]["error"]["reason"] == outcome.reason
        else:
            row = comparable(recognition_to_json(outcome))
            assert len(found[n]["recognition"]["vehicles"]) == len(row["vehicles"])
            assert found[n]["recognition"]["plates"] == row["plates"]
    tracks = [
        [vehicle["track_id"] for vehicle in one["recognition"]["vehicles"]] for one in found[::2]
    ]
    assert tracks[0] == tracks[1]
    assert None not in tracks[0]


def test_the_models_are_listed(readers: Readers) -> None:
    found = readers.http.get("/v1/models").json
    names = [model.name for model in readers.local.models]
    assert [model["name"] for model in found["models"]] == names
    assert {model["task"] for model in found["models"]} >= {"line_reader", "vehicle_detector"}
    assert "auto_rickshaw" in found["labels"]
    assert found["features"] == sorted(feature.value for feature in readers.local.features)
