"""The same pictures in process and through a real channel give equal answers and errors."""

from __future__ import annotations

import random
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lipiyana.arrays import RgbArray
from lipiyana.client import Client
from lipiyana.errors import InvalidImage, InvalidRequest, LipiyanaError, ModelUnavailable, NotFound
from lipiyana.pipeline import LocalRecognizer
from lipiyana.recognizer import Recognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import (
    CacheOutcome,
    CachePolicy,
    Feature,
    Frame,
    ImageInput,
    Layout,
    PixelFormat,
    RawImage,
    Recognition,
    RecognitionConfig,
)
from lipiyana.wire.results import recognition_from_proto, recognition_to_proto

Draw = Callable[..., RgbArray]
Encode = Callable[..., bytes]
Outcome = Recognition | LipiyanaError

INVALID = "INVALID_ARGUMENT"


@pytest.fixture(scope="module")
def scene_png(scene: RgbArray, encode: Encode) -> bytes:
    return encode(scene)


@pytest.fixture(scope="module")
def shop_png(draw_text: Draw, encode: Encode) -> bytes:
    return encode(draw_text("SHOP"))


@dataclass(frozen=True)
class Readers:
    local: LocalRecognizer
    remote: Client

    def agree(self, image: ImageInput, config: RecognitionConfig | None = None) -> Outcome:
        """Ask both recognizers, assert that they agree, and return the outcome."""
        expected = attempt(self.local, image, config)
        assert comparable(attempt(self.remote, image, config)) == comparable(expected)
        return expected


@pytest.fixture(scope="module")
def readers(recognizer: LocalRecognizer) -> Iterator[Readers]:
    with served(recognizer) as readers:
        yield readers


@contextmanager
def served(recognizer: LocalRecognizer) -> Iterator[Readers]:
    with (
        running_server(recognizer, ServerSettings(port=0, threads=1)) as server,
        Client(server.target) as client,
    ):
        yield Readers(recognizer, client)


def comparable(outcome: Outcome) -> object:
    """Return what must be equal: all except timings, cache outcome and float precision."""
    if isinstance(outcome, LipiyanaError):
        return type(outcome), outcome.reason, getattr(outcome, "field", None), outcome.message
    sent = recognition_from_proto(recognition_to_proto(outcome))
    return replace(sent, timings={}, cache_outcome=CacheOutcome.NONE)


def attempt(recognizer: Recognizer, image: ImageInput, config: RecognitionConfig | None) -> Outcome:
    try:
        return recognizer.recognize(image, config)
    except LipiyanaError as error:
        return error


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_encoded_pictures(readers: Readers, scene: RgbArray, encode: Encode, kind: str) -> None:
    found = readers.agree(encode(scene, kind))
    assert isinstance(found, Recognition)
    assert [plate.registration.canonical for plate in found.plates] == ["KA01AB1234"]


def test_raw_pictures_and_files_agree(
    readers: Readers, scene: RgbArray, encode: Encode, tmp_path: Path
) -> None:
    path = tmp_path / "scene.png"
    path.write_bytes(encode(scene))
    pictures: list[ImageInput] = [
        RawImage.from_array(scene, "rgb8"),
        RawImage.from_array(np.ascontiguousarray(scene[..., ::-1]), PixelFormat.BGR8),
        RawImage.from_array(scene[..., 0]),
        str(path),
        path,
    ]
    for picture in pictures:
        found = readers.agree(picture)
        assert isinstance(found, Recognition)
        assert len(found.text_lines) == 2


@pytest.mark.parametrize(
    "config",
    [
        RecognitionConfig(layout=Layout.LINE),
        RecognitionConfig(layout=Layout.PLATE),
        RecognitionConfig(layout=Layout.LINE, min_confidence=1.0),
        RecognitionConfig(layout=Layout.PLATE, min_confidence=1.0),
        RecognitionConfig(features=frozenset({Feature.TEXT})),
        RecognitionConfig(features=frozenset({Feature.PLATES})),
        RecognitionConfig(min_confidence=0.01, script_hints=("Latn", "Knda")),
        RecognitionConfig(min_confidence=1.0),
        RecognitionConfig(romanize=True),
        RecognitionConfig(words=True),
        RecognitionConfig(layout=Layout.LINE, words=True),
        RecognitionConfig(layout=Layout.PLATE, words=True),
        RecognitionConfig(cache_policy=CachePolicy.BYPASS),
    ],
)
def test_answers_for_each_config_agree(
    readers: Readers,
    draw_text: Draw,
    encode: Encode,
    config: RecognitionConfig,
) -> None:
    readers.agree(encode(draw_text("KA 01 AB 1234")), config)


def test_a_cached_answer_agrees(readers: Readers, draw_text: Draw, encode: Encode) -> None:
    picture = encode(draw_text("TWICE"))
    first, second = (readers.remote.recognize(picture) for _ in range(2))
    assert [first.cache_outcome, second.cache_outcome] == [CacheOutcome.MISS, CacheOutcome.HIT]
    assert comparable(first) == comparable(second) == comparable(readers.local.recognize(picture))


@pytest.fixture(scope="module")
def bad_pictures(scene: RgbArray, encode: Encode) -> dict[str, ImageInput]:
    jpeg = encode(scene, "JPEG")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    return {
        "zero bytes": b"",
        "random bytes": random.Random(0).randbytes(5000),
        "text": b"this is no picture\n" * 9,
        "truncated JPEG": jpeg[: len(jpeg) // 2],
        "huge PNG header": png_header(60_000, 60_000),
        "1x1": encode(scene[:1, :1]),
        "1x10,000": encode(np.zeros((10_000, 1, 3), np.uint8)),
        "animated": encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "raw, too short": RawImage(b"12345", 8, 8),
        "raw, too long": RawImage(bytes(193), 8, 8),
        "raw, no width": RawImage(b"", 0, 8),
        "raw, negative": RawImage(b"", -8, 8),
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("zero bytes", "EMPTY_IMAGE"),
        ("random bytes", "NOT_AN_IMAGE"),
        ("text", "NOT_AN_IMAGE"),
        ("truncated JPEG", "TRUNCATED_IMAGE"),
        ("huge PNG header", "IMAGE_TOO_LARGE"),
        ("1x1", "IMAGE_TOO_SMALL"),
        ("1x10,000", "IMAGE_TOO_SMALL"),
        ("animated", "ANIMATED_IMAGE"),
        ("raw, too short", "BAD_RAW_IMAGE"),
        ("raw, too long", "BAD_RAW_IMAGE"),
        ("raw, no width", "BAD_RAW_IMAGE"),
        ("raw, negative", "BAD_RAW_IMAGE"),
    ],
)
def test_bad_pictures(
    readers: Readers,
    bad_pictures: dict[str, ImageInput],
    name: str,
    reason: str,
) -> None:
    error = readers.agree(bad_pictures[name])
    assert isinstance(error, InvalidImage)
    assert (error.code, error.reason, error.field) == (INVALID, reason, "image")


def test_files_that_cannot_be_read(readers: Readers, tmp_path: Path) -> None:
    for path, kind in ((tmp_path / "none.jpg", NotFound), (tmp_path, InvalidImage)):
        assert type(readers.agree(path)) is kind


NO_CONFIGS: list[Any] = [
    {"layout": "plate"},
    {},
    "plate",
    Layout.PLATE,
    0,
    False,
    RecognitionConfig,
]


@pytest.mark.parametrize("config", NO_CONFIGS, ids=repr)
def test_invalid_configs_are_refused_alike(readers: Readers, scene_png: bytes, config: Any) -> None:
    calls: list[Callable[[Recognizer], Any]] = [
        lambda reader: reader.recognize(scene_png, config),
        lambda reader: reader.recognize_batch([scene_png], config),
        lambda reader: reader.recognize_batch([], config),
        lambda reader: reader.recognize_stream([scene_png], config),
    ]
    for call in calls:
        assert same_refusal(readers, call).field == "config"


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("timeout", lambda reader: reader.recognize(b"a", timeout="5")),
        ("timeout", lambda reader: reader.recognize(b"a", timeout=float("nan"))),
        ("timeout", lambda reader: reader.recognize_batch([b"a"], timeout=True)),
        ("images", lambda reader: reader.recognize_batch("street.jpg")),
        ("images", lambda reader: reader.recognize_batch(b"picture")),
        ("images", lambda reader: reader.recognize_batch(Path("street.jpg"))),
        ("images", lambda reader: reader.recognize_batch(None)),
        ("frames", lambda reader: reader.recognize_stream("street.jpg")),
        ("frames", lambda reader: reader.recognize_stream(Frame(1, b"a"))),
        ("frames", lambda reader: reader.recognize_stream(7)),
        ("frames", lambda reader: reader.recognize_stream(no_frames())),
        ("image", lambda reader: reader.recognize(None)),
        ("image", lambda reader: reader.recognize(np.zeros((9, 9, 3), np.uint8))),
    ],
)
def test_invalid_arguments_are_refused_alike(
    readers: Readers, field: str, call: Callable[[Recognizer], Any]
) -> None:
    assert same_refusal(readers, call).field == field


def same_refusal(readers: Readers, call: Callable[[Recognizer], Any]) -> InvalidRequest:
    errors = []
    for reader in (readers.local, readers.remote):
        with pytest.raises(InvalidRequest) as caught:
            call(reader)
        errors.append(caught.value)
    assert comparable(errors[0]) == comparable(errors[1])
    return errors[0]


async def no_frames() -> AsyncIterator[Frame]:
    yield Frame(0, b"")


def test_a_feature_without_its_model(store_without_detector: ModelStore, scene_png: bytes) -> None:
    config = RecognitionConfig(features=frozenset({Feature.VEHICLES}))
    with served(LocalRecognizer(store_without_detector)) as readers:
        error = readers.agree(scene_png, config)
    assert type(error) is ModelUnavailable
    assert error.code == "FAILED_PRECONDITION"


def test_batches(
    readers: Readers,
    scene_png: bytes,
    shop_png: bytes,
    bad_pictures: dict[str, ImageInput],
    tmp_path: Path,
) -> None:
    pictures = [scene_png, *bad_pictures.values(), tmp_path / "none", shop_png]
    expected = readers.local.recognize_batch(pictures)
    found = readers.remote.recognize_batch(pictures)
    assert [comparable(outcome) for outcome in found] == [comparable(o) for o in expected]
    assert [isinstance(outcome, Recognition) for outcome in found].count(True) == 2
    assert readers.local.recognize_batch([]) == readers.remote.recognize_batch([]) == []


def test_streams(readers: Readers, scene_png: bytes) -> None:
    for picture in (scene_png, b"", scene_png):
        results = [
            list(reader.recognize_stream([Frame(7, picture)]))
            for reader in (readers.local, readers.remote)
        ]
        expected, found = (
            [(r.frame_id, comparable(r.outcome), r.dropped_frame_ids) for r in result]
            for result in results
        )
        assert found == expected


def test_streams_of_pictures(readers: Readers, scene_png: bytes, tmp_path: Path) -> None:
    """Each picture is sent after the result of the previous one; otherwise frames are dropped."""
    path = tmp_path / "scene.png"
    path.write_bytes(scene_png)
    pictures = [scene_png, str(path), Frame(40, path), 7]
    expected = [
        (0, Recognition),
        (1, Recognition),
        (40, Recognition),
        (3, InvalidImage),
    ]
    for reader in (readers.local, readers.remote):
        answered = threading.Semaphore(1)

        def one_by_one(answered: threading.Semaphore = answered) -> Iterator[Any]:
            for picture in pictures:
                assert answered.acquire(timeout=30)
                yield picture

        found = []
        for result in reader.recognize_stream(one_by_one()):
            found.append((result.frame_id, type(result.outcome)))
            answered.release()
        assert found == expected
