from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lipiyana import files
from lipiyana.errors import InvalidImage, NotFound, PermissionDenied
from lipiyana.images.loading import ImageLimits, decode, load
from lipiyana.types import PixelFormat, RawImage

Encode = Callable[..., bytes]


def corners(height: int = 20, width: int = 30) -> np.ndarray:
    """Make a picture: red top left, green top right, blue bottom left, white bottom right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (250, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 250, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 250)
    picture[height // 2 :, width // 2 :] = 250
    return picture


def reason(data: bytes, limits: ImageLimits | None = None) -> str:
    with pytest.raises(InvalidImage) as caught:
        decode(data, limits or ImageLimits())
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.field == "image"
    return caught.value.reason


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_are_decoded_exactly(kind: str, encode: Encode) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = corners()
    assert (decode(encode(picture, kind, **options)) == picture).all()


def test_jpeg_is_decoded_closely(encode: Encode) -> None:
    picture = corners(32, 48)
    decoded = decode(encode(picture, "JPEG", quality=95, subsampling=0)).astype(int)
    assert np.abs(decoded - picture)[4, 4].max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int, encode: Encode) -> None:
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](corners(32, 48))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(np.ascontiguousarray(stored), kind, exif=exif)
    decoded = decode(data).astype(int)
    assert decoded.shape == (32, 48, 3)
    assert np.abs(decoded - corners(32, 48))[[4, 4, 28, 28], [4, 44, 4, 44]].max() < 40


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\x00\x00",
        b"Exif\x00\x00II*\x00\xff\xff\xff\xff",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff",
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x63\x00",
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x02\x00\x1a\x01\x05\x00\x01\x00\x00\x00\xf0\xff\xff\x7f",
        b"nonsense",
    ],
)
def test_malformed_exif_is_ignored(exif: bytes, encode: Encode) -> None:
    assert decode(encode(corners(), "JPEG", exif=exif)).shape == (20, 30, 3)


@given(st.binary(max_size=80))
def test_any_exif_leaves_the_picture_readable(exif: bytes) -> None:
    buffer = io.BytesIO()
    Image.fromarray(corners()).save(buffer, "JPEG", exif=b"Exif\x00\x00" + exif)
    assert sorted(decode(buffer.getvalue()).shape) == [3, 20, 30]


def test_grey_becomes_three_channels(encode: Encode) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (decode(encode(grey)) == grey[..., None]).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str, encode: Encode) -> None:
    grey = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16).repeat(4, 0).repeat(4, 1)
    decoded = decode(encode(Image.fromarray(grey), kind))
    assert (decoded[::4, ::4, 0] == [[0, 100], [200, 255]]).all()


def test_floats_are_scaled(encode: Encode) -> None:
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    decoded = decode(encode(Image.fromarray(grey), "TIFF"))
    assert decoded[0, 0, 0] == 0
    assert decoded[-1, -1, 0] == 255


def test_black_and_white(encode: Encode) -> None:
    bits = Image.fromarray(np.eye(8, dtype=np.uint8) * 255).convert("1")
    assert (decode(encode(bits))[..., 0] == np.eye(8) * 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composited_on_white(mode: str, encode: Encode) -> None:
    picture = Image.new(mode, (8, 8), (0,) * len(mode))
    assert (decode(encode(picture)) == 255).all()


def test_a_palette_with_a_transparent_colour(encode: Encode) -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((3, 3), 1)
    decoded = decode(encode(picture, transparency=0))
    assert tuple(decoded[3, 3]) == (200, 100, 50)
    assert tuple(decoded[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(kind: str, encode: Encode) -> None:
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red, green, blue = decode(encode(picture, kind))[8, 8].astype(int)
    assert red > 200
    assert max(green, blue) < 60


def test_a_preview_after_a_jpeg_is_not_an_animation(encode: Encode) -> None:
    first, second = Image.fromarray(corners(32, 48)), Image.fromarray(corners(16, 24))
    assert decode(encode(first, "MPO", save_all=True, append_images=[second])).shape == (32, 48, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_animations_are_refused(kind: str, encode: Encode) -> None:
    other = Image.fromarray(corners()[::-1])
    frames = Image.fromarray(corners())
    assert reason(encode(frames, kind, save_all=True, append_images=[other])) == "ANIMATED_IMAGE"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused(kind: str, share: float, encode: Encode) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = encode(noise, kind)
    assert reason(data[: int(len(data) * share)]) == "TRUNCATED_IMAGE"


def test_damaged_data_after_a_valid_header(encode: Encode) -> None:
    data = bytearray(encode(corners(), "PNG"))
    at = data.index(b"IDAT") + 4
    data[at : at + 20] = bytes(20)
    assert reason(bytes(data)) == "TRUNCATED_IMAGE"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "EMPTY_IMAGE"),
        (b"Dear reader, this is a letter.", "NOT_AN_IMAGE"),
        (b"BMW and other cars", "NOT_AN_IMAGE"),
        (bytes(range(256)), "NOT_AN_IMAGE"),
        (b"GIF89a" + bytes(20), "UNSUPPORTED_FORMAT"),
        (b"8BPS" + bytes(20), "UNSUPPORTED_FORMAT"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "UNSUPPORTED_FORMAT"),
        (b"\xff\xd8\xff", "TRUNCATED_IMAGE"),
        (png_header(60_000, 60_000), "IMAGE_TOO_LARGE"),
        (png_header(7_072, 7_072), "IMAGE_TOO_LARGE"),
        (png_header(1, 1), "IMAGE_TOO_SMALL"),
        (png_header(1, 10_000), "IMAGE_TOO_SMALL"),
    ],
)
def test_unusable_pictures_are_refused(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff", b"BM", b"II*\x00", b"RIFF"]))
def test_random_bytes_are_always_a_typed_error(data: bytes, start: bytes) -> None:
    with pytest.raises(InvalidImage):
        decode(start + data)


def test_limits_are_settings(encode: Encode) -> None:
    data = encode(corners())
    assert reason(data, ImageLimits(max_pixels=599)) == "IMAGE_TOO_LARGE"
    assert reason(data, ImageLimits(max_bytes=len(data) - 1)) == "IMAGE_TOO_LARGE"
    assert reason(data, ImageLimits(min_side=21)) == "IMAGE_TOO_SMALL"
    assert decode(data, ImageLimits(600, len(data), 20)).shape == (20, 30, 3)


def test_the_pixel_limit_of_pillow_does_not_apply(
    encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(encode(corners())).shape == (20, 30, 3)


def test_files(tmp_path: Path, encode: Encode) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(corners()))
    assert load(path).shape == (20, 30, 3)
    with pytest.raises(NotFound, match="missing"):
        load(tmp_path / "missing.jpg")
    with pytest.raises(NotFound):
        load(path / "below.jpg")
    with pytest.raises(InvalidImage, match="folder"):
        load(tmp_path)
    with pytest.raises(InvalidImage):
        load(Path("nul\0byte.jpg"))
    with pytest.raises(InvalidImage, match="bytes"):
        load(path, ImageLimits(max_bytes=10))


def test_a_file_without_read_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"x")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "open_regular", refuse)  # root may read everything
    with pytest.raises(PermissionDenied, match="permissions"):
        load(path)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        load(tmp_path / "caf\udce9.jpg")
    assert caught.value.message.encode()


def test_raw_pixels() -> None:
    picture = corners()
    assert (load(RawImage.from_array(picture, "rgb8")) == picture).all()
    bgr = RawImage.from_array(np.ascontiguousarray(picture[..., ::-1]), PixelFormat.BGR8)
    assert (load(bgr) == picture).all()
    assert bgr == RawImage.from_array(picture[..., ::-1], "bgr8")
    grey = RawImage.from_array(picture[..., 0])
    assert (load(grey) == picture[..., :1]).all()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (RawImage(b"", 0, 0), "BAD_RAW_IMAGE"),
        (RawImage(b"abc", -1, -1), "BAD_RAW_IMAGE"),
        (RawImage(bytes(99), 10, 10, PixelFormat.GRAY8), "BAD_RAW_IMAGE"),
        (RawImage(bytes(3), 1, 1), "IMAGE_TOO_SMALL"),
    ],
)
def test_raw_pixels_of_the_wrong_size(raw: RawImage, expected: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        load(raw)
    assert caught.value.reason == expected


def test_threads_do_not_disturb_each_other(encode: Encode) -> None:
    data = [encode(np.full((40, 40, 3), shade, np.uint8), "JPEG") for shade in range(0, 250, 10)]
    shades: dict[int, int] = {}

    def work(index: int) -> None:
        shades[index] = int(decode(data[index])[20, 20, 0])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(abs(shades[index] - 10 * index) <= 2 for index in range(len(data)))
