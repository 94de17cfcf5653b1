"""What may be given as a picture, and what the others are told to write."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from lipiyana import AsyncClient, Client, LipiyanaError, LocalRecognizer
from lipiyana.conversions.pictures import picture_bytes
from lipiyana.errors import InvalidImage, InvalidRequest, NotFound
from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, from_raw, load
from lipiyana.recognizer import FrameResult
from lipiyana.review.keeper import KeepLimits, UnsureKeeper
from lipiyana.review.keeping_recognizer import KeepingRecognizer
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import ImageInput, RawImage, Recognition, RecognitionConfig

PLATE = Path("samples/plates/02_standard_2row.jpg")
CONFIG = RecognitionConfig(layout="plate")


def test_a_path_becomes_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"123")
    assert picture_bytes(path) == picture_bytes(str(path)) == b"123"


@pytest.mark.parametrize("image", [b"x", RawImage(b"x", 1, 1)])
def test_pictures_in_memory_are_unchanged(image: bytes | RawImage) -> None:
    assert picture_bytes(image) is image


@pytest.mark.parametrize(
    ("name", "kind"), [("", NotFound), ("none.jpg", NotFound), ("\ud800.jpg", InvalidImage)]
)
def test_names_of_no_file(name: str, kind: type[LipiyanaError]) -> None:
    with pytest.raises(kind) as caught:
        picture_bytes(name)
    assert caught.value.message.encode()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "https://example.com/a.jpg",
            "no file https://example.com/a.jpg; pictures are not fetched",
        ),
        ("s3://bucket/a.jpg", "not fetched from a URL"),
        ("data:image/png;base64,iVBORw0KGgo", "not fetched from a URL"),
        ("file:///tmp/none.jpg", "without file://"),
        ("~/none.jpg", "os.path.expanduser"),
        ("none/*.jpg", "glob.glob"),
        ("/9j/4AAQSkZJRgABAQAAAQ/" * 100, "base64.b64decode"),
        ("9j4AAQSkZJRgABAQAAAQ" * 1000, "base64.b64decode"),
    ],
)
def test_an_invalid_path_gets_a_helpful_error(name: str, says: str) -> None:
    with pytest.raises(LipiyanaError) as caught:
        picture_bytes(name)
    assert says in caught.value.message
    assert len(caught.value.message) < 300


def test_a_name_that_exists_is_read_whatever_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("~a.jpg", "[a].jpg", "data:a.jpg"):
        Path(name).write_bytes(b"picture")
        assert picture_bytes(name) == b"picture"


def closed_picture() -> Image.Image:
    with Image.open(PLATE) as opened:
        return opened


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((8, 8, 3), np.uint8), r'write RawImage\.from_array\(array, "bgr8"\)'),
        (np.zeros((8, 8, 4), np.uint8), r"array\[\.\.\., :3\]"),
        (np.zeros((8, 8, 1), np.uint8), r"array\[\.\.\., 0\]"),
        (np.zeros((3, 8, 8), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((8, 8), np.float32), r'\(array \* 255\)\.astype\("uint8"\)'),
        (np.zeros((8, 8), np.uint16), "array // 257"),
        (np.zeros((2, 8, 8, 3), np.uint8), "one by one"),
        (None, "cv2.imread gives None"),
        (io.StringIO("text"), r'text mode; write open\(path, "rb"\)'),
        (["a.jpg", "b.jpg"], "recognize_batch takes several"),
        (cv2.VideoCapture(), r'read\(\) of VideoCapture gave tuple.*"bgr8"'),
        (closed_picture(), "mode 'RGB' cannot be decoded: its file is closed, cut off"),
        (7, "not int$"),
        (RecognitionConfig(), "not RecognitionConfig$"),
    ],
)
def test_what_is_no_picture_gets_a_helpful_error(image: Any, says: str) -> None:
    with pytest.raises(InvalidImage, match=says) as caught:
        picture_bytes(image)
    assert caught.value.field == "image"


class Drops:
    """A file that gives a few bytes at a time, as a socket does."""

    def __init__(self, data: bytes, drop: int = 3) -> None:
        self._data, self._drop = io.BytesIO(data), drop

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._drop))


def test_a_file_is_read_from_its_position(tmp_path: Path) -> None:
    path = tmp_path / "two.bin"
    path.write_bytes(b"headerpicture")
    with path.open("rb") as file:
        file.seek(6)
        assert picture_bytes(file) == b"picture"
        assert picture_bytes(file) == b""
    with pytest.raises(InvalidImage, match=r"cannot be read: .*closed"):
        picture_bytes(file)
    with path.open("rb", buffering=0) as unbuffered:
        assert picture_bytes(unbuffered) == b"headerpicture"
    with path.open() as text, pytest.raises(InvalidImage, match="text mode"):
        picture_bytes(text)  # type: ignore[arg-type]
    with tempfile.NamedTemporaryFile() as named:
        named.write(b"picture")
        named.seek(0)
        assert picture_bytes(named) == b"picture"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"picture")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open("a.jpg") as member:
        assert picture_bytes(member) == b"picture"
    assert picture_bytes(Drops(b"picture")) == b"picture"


def test_a_file_without_an_end_is_cut_off() -> None:
    class Endless:
        def read(self, size: int, /) -> bytes:
            return b"x" * size

    with pytest.raises(InvalidImage, match="more than 1000 bytes") as caught:
        picture_bytes(Endless(), max_bytes=1000)
    assert caught.value.reason == "IMAGE_TOO_LARGE"
    assert picture_bytes(Drops(b"x" * 1000), max_bytes=1000) == b"x" * 1000


@pytest.mark.parametrize("answer", [None, "text", 7, (True, b"frame")])
def test_a_file_that_gives_no_bytes(answer: object) -> None:
    class Odd:
        def read(self, size: int, /) -> object:
            return answer

    with pytest.raises(InvalidImage, match="gave"):
        picture_bytes(Odd())  # type: ignore[arg-type]


def test_bytes_of_other_types() -> None:
    assert picture_bytes(bytearray(b"picture")) == b"picture"
    assert picture_bytes(memoryview(b"_picture")[1:]) == b"picture"


def test_grey_arrays_need_no_order() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    raw = picture_bytes(grey[:, ::2])
    assert raw == RawImage(grey[:, ::2].tobytes(), 4, 8, "gray8")  # type: ignore[arg-type]


def _modes() -> Iterator[Image.Image]:
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8), "RGB")
    wide = rng.integers(0, 65535, (20, 30)).astype(np.uint16)
    for mode in ("RGB", "L", "1", "CMYK", "P", "RGBA", "LA", "YCbCr", "HSV"):
        yield colours.convert(mode)
    see_through = colours.convert("RGBA")
    see_through.putalpha(Image.fromarray(rng.integers(0, 255, (20, 30), np.uint8)))
    yield see_through
    palette = colours.convert("P")
    palette.info["transparency"] = 3
    yield palette
    yield Image.fromarray(wide)
    yield Image.fromarray(wide.astype(np.int32))
    yield Image.fromarray((wide / 65535).astype(np.float32))


KINDS = {"CMYK": "TIFF", "I": "TIFF", "F": "TIFF", "YCbCr": "", "HSV": ""}


@pytest.mark.parametrize("image", [*_modes()], ids=lambda image: image.mode)
def test_a_picture_of_pillow_is_what_its_file_is(image: Image.Image) -> None:
    kind = KINDS.get(image.mode, "PNG")
    if kind:
        file = io.BytesIO()
        image.save(file, kind)
        expected = load(file.getvalue())
    else:
        expected = np.asarray(image.convert("RGB"))
    found = load(image)
    assert found.shape == (20, 30, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_of_pillow_is_turned_upright(orientation: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (6, 9, 3), np.uint8)
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    with Image.open(io.BytesIO(file.getvalue())) as opened:
        assert (load(opened) == load(file.getvalue())).all()
    # what the caller has turned is not turned again
    with Image.open(file) as opened:
        upright = Image.fromarray(load(file.getvalue()))
        assert (load(upright) == load(opened)).all()


def test_a_damaged_file_in_pillow() -> None:
    whole = PLATE.read_bytes()
    with Image.open(io.BytesIO(whole[: len(whole) // 2])) as opened:
        with pytest.raises(InvalidImage, match="cut off") as caught:
            picture_bytes(opened)
        assert caught.value.reason == "TRUNCATED_IMAGE"


def test_limits_hold_for_every_kind() -> None:
    limits = ImageLimits(max_pixels=100)
    for image in (
        np.zeros((20, 20), np.uint8),
        Image.new("RGB", (20, 20)),
        Image.new("RGBA", (20, 20)),
        Image.new("F", (20, 20)),
    ):
        with pytest.raises(InvalidImage) as caught:
            load(image, limits)
        assert caught.value.reason == "IMAGE_TOO_LARGE"
    raw = picture_bytes(Image.new("1", (20, 20), 1))
    assert isinstance(raw, RawImage)
    assert (from_raw(raw, DEFAULT_LIMITS) == 255).all()


def kinds() -> list[Callable[[], ImageInput]]:
    array = cv2.imread(str(PLATE))
    return [
        lambda: str(PLATE),
        lambda: PLATE,
        PLATE.read_bytes,
        lambda: bytearray(PLATE.read_bytes()),
        lambda: memoryview(PLATE.read_bytes()),
        lambda: io.BytesIO(PLATE.read_bytes()),
        lambda: RawImage.from_array(array, "bgr8"),
        lambda: cv2.cvtColor(array, cv2.COLOR_BGR2GRAY),
        lambda: Image.open(PLATE),
        lambda: Image.open(PLATE).convert("RGBA"),
    ]


def canonical(outcome: Recognition | LipiyanaError) -> str:
    assert isinstance(outcome, Recognition)
    return outcome.plates[0].registration.canonical


BAD: list[Callable[[], Any]] = [
    lambda: np.zeros((9, 9, 3), np.uint8),
    lambda: io.StringIO("text"),
    lambda: io.BytesIO(b""),
    lambda: 7,
]


def test_every_recognizer_takes_every_kind(recognizer: LocalRecognizer, tmp_path: Path) -> None:
    keeping = KeepingRecognizer(recognizer, UnsureKeeper(tmp_path / "kept", KeepLimits(least=0.0)))
    count, expected = len(kinds()), "TG75WFG1162"

    def batch() -> list[Any]:
        return [make() for make in (*kinds(), *BAD)]

    def check(outcomes: list[Recognition | LipiyanaError]) -> None:
        assert {canonical(outcome) for outcome in outcomes[:count]} == {expected}
        assert [type(one) for one in outcomes[count:]] == [InvalidImage] * len(BAD)
        reasons = [one.reason for one in outcomes[count:] if isinstance(one, LipiyanaError)]
        assert reasons == ["BAD_RAW_IMAGE", "NOT_AN_IMAGE", "EMPTY_IMAGE", "NOT_AN_IMAGE"]

    def streamed(results: list[FrameResult]) -> list[Recognition | LipiyanaError]:
        assert [result.frame_id for result in results] == list(range(count + len(BAD)))
        return [result.outcome for result in results]

    with (
        running_server(recognizer, ServerSettings(port=0, threads=1)) as server,
        Client(server.target) as client,
    ):
        for reader in (recognizer, keeping, client):
            assert {canonical(reader.recognize(make(), CONFIG)) for make in kinds()} == {expected}
            check(reader.recognize_batch(batch(), CONFIG))

        async def ask() -> None:
            async with AsyncClient(server.target) as asynchronous:
                for make in kinds():
                    assert canonical(await asynchronous.recognize(make(), CONFIG)) == expected
                check(await asynchronous.recognize_batch(batch(), CONFIG))

        asyncio.run(ask())
    one_by_one = [
        result
        for number, make in enumerate((*kinds(), *BAD))
        for result in recognizer.recognize_stream(_frames(number, make), CONFIG)
    ]
    check(streamed(one_by_one))


def _frames(number: int, make: Callable[[], Any]) -> list[Any]:
    from lipiyana import Frame

    return [Frame(number, make())]


@pytest.mark.parametrize(
    ("frames", "write"),
    [
        (np.zeros((8, 8), np.uint8), "[array]"),
        (np.zeros((2, 8, 8, 3), np.uint8), "list(array)"),
        (io.BytesIO(b"a"), "[file]"),
        (Image.new("RGB", (8, 8)), "[picture]"),
    ],
)
def test_one_picture_is_neither_a_batch_nor_a_stream(
    recognizer: LocalRecognizer, frames: Any, write: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        recognizer.recognize_stream(frames)
    assert f"recognize_stream({write})" in caught.value.message
    with pytest.raises(InvalidRequest, match=r"recognize_batch\("):
        recognizer.recognize_batch(frames)


class Raising:
    """A file or an array of a library that fails with an error of its own."""

    dtype, shape = "uint8", (2, 2)

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def read(self, _size: int) -> bytes:
        raise self._error

    def tobytes(self) -> bytes:
        raise self._error


class RaisingFile(Raising):
    dtype = property()


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


@pytest.mark.parametrize("kind", [Raising, RaisingFile])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("of a GPU"), "NOT_AN_IMAGE"),
        (zipfile.BadZipFile("bad CRC"), "NOT_AN_IMAGE"),
        (zlib.error("invalid stored block"), "NOT_AN_IMAGE"),
        (EOFError(), "NOT_AN_IMAGE"),
        (MemoryError(), "IMAGE_TOO_LARGE"),
    ],
)
def test_errors_of_other_libraries_become_ours(
    kind: type[Raising], error: Exception, reason: str
) -> None:
    with pytest.raises(InvalidImage) as caught:
        picture_bytes(kind(error))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert kind.__name__ in caught.value.message
    assert str(error) in caught.value.message


def test_an_interrupt_is_not_taken_for_a_bad_picture() -> None:
    with pytest.raises(KeyboardInterrupt):
        picture_bytes(Raising(KeyboardInterrupt()))  # type: ignore[arg-type]


def test_a_released_view_is_no_picture() -> None:
    with pytest.raises(InvalidImage, match="released"):
        picture_bytes(released())  # type: ignore[arg-type]


def test_an_array_larger_than_memory_is_too_large() -> None:
    array = np.broadcast_to(np.uint8(3), (2**20, 2**20))
    with pytest.raises(InvalidImage) as caught:
        picture_bytes(array)
    assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "F", "I;16"])
@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_of_pillow_without_pixels(mode: str, size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match="has no pixels") as caught:
        picture_bytes(Image.new(mode, size))
    assert caught.value.reason == "BAD_RAW_IMAGE"


@pytest.mark.parametrize("exif", [b"junk", b"Exif\0\0junk", b"Exif\0\0II*\0" + b"\xff" * 4])
def test_damaged_exif_is_ignored_as_in_files(exif: bytes) -> None:
    picture = Image.new("RGB", (7, 4), (200, 10, 10))
    picture.info["exif"] = exif
    found = picture_bytes(picture)
    assert isinstance(found, RawImage)
    assert (found.width, found.height) == (7, 4)


def test_grey_with_premultiplied_alpha_is_read() -> None:
    grey = Image.new("LA", (8, 6), (80, 255))
    pixels = load(picture_bytes(grey.convert("La")), DEFAULT_LIMITS)
    assert np.array_equal(pixels, load(picture_bytes(grey), DEFAULT_LIMITS))
