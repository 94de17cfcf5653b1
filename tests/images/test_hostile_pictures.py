"""Small files that cost a decoder seconds or gigabytes: they are refused by their contents, or
decoded without the expensive parts."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from types import SimpleNamespace

import hostile_deflate
import hostile_jpeg
import hostile_png
import hostile_tiff
import hostile_webp
import numpy as np
import pytest
from hostile_pictures import Maker, bmp_rle, encoded, exif_tags, noise
from PIL import Image

from lipiyana.errors import InvalidImage
from lipiyana.images import decoders as image_formats
from lipiyana.images.headers import header as header_module
from lipiyana.images.headers import jpeg, read_header
from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, decode, opened
from lipiyana.types import RawImage

JPEG = encoded(noise(64, 64), "JPEG")
FLAT = Image.new("RGB", (64, 48), (10, 200, 90))


REFUSED: dict[str, tuple[Maker, str]] = {
    "scans": (lambda: hostile_jpeg.scans(64, 48, 2500), "IMAGE_TOO_COMPLEX"),
    "scans over many pixels": (
        lambda: hostile_jpeg.of_size(hostile_jpeg.scans(64, 48, 100), 4000, 3000),
        "IMAGE_TOO_COMPLEX",
    ),
    "scans left out": (
        lambda: hostile_jpeg.of_size(hostile_jpeg.first_scans(64, 48, 1), 6000, 5000),
        "IMAGE_TOO_COMPLEX",
    ),
    "comments": (lambda: hostile_jpeg.tiny_segments(20_000), "IMAGE_TOO_COMPLEX"),
    "arithmetic coding": (lambda: hostile_jpeg.frame(JPEG, 0xC9), "UNSUPPORTED_FORMAT"),
    "lossless JPEG": (lambda: hostile_jpeg.frame(JPEG, 0xC3), "UNSUPPORTED_FORMAT"),
    "no height": (lambda: hostile_jpeg.without_height(64), "IMAGE_TOO_SMALL"),
    "chunks": (lambda: hostile_png.chunks(40_000), "IMAGE_TOO_COMPLEX"),
    "chunks behind": (lambda: hostile_png.chunks(40_000, after=True), "IMAGE_TOO_COMPLEX"),
    "data in bytes": (lambda: hostile_png.chunks(40_000, b"IDAT"), "IMAGE_TOO_COMPLEX"),
    "empty blocks": (lambda: hostile_deflate.png_of_empty_blocks(20_000), "IMAGE_TOO_COMPLEX"),
    "empty blocks in a strip": (
        lambda: hostile_tiff.one_strip(
            64, 64, 8, hostile_deflate.empty_blocks(20_000, bytes(4096))
        ),
        "IMAGE_TOO_COMPLEX",
    ),
    "a long side": (lambda: hostile_png.of_size(70_000, 4), "IMAGE_TOO_LARGE"),
    "pages": (lambda: hostile_tiff.directories(30_000), "ANIMATED_IMAGE"),
    "strips": (lambda: hostile_tiff.strips(50, 40_000), "IMAGE_TOO_COMPLEX"),
    "tiles": (lambda: hostile_tiff.tiles(4000, 3000), "IMAGE_TOO_COMPLEX"),
    "a huge tile": (lambda: hostile_tiff.huge_tile(60_000), "IMAGE_TOO_COMPLEX"),
    "overlapping strips": (
        lambda: hostile_tiff.strips(64, 9000, 8, zlib.compress(bytes(64)) + bytes(9000)),
        "IMAGE_TOO_COMPLEX",
    ),
    "JPEG strip of many scans": (
        lambda: hostile_tiff.one_strip(
            4000, 3000, 7, hostile_jpeg.of_size(hostile_jpeg.scans(64, 48, 480, "L"), 4000, 3000)
        ),
        "IMAGE_TOO_COMPLEX",
    ),
    "JPEG strips at one place": (
        lambda: hostile_tiff.strips(8, 2000, 7, encoded(noise(8, 8, "L"), "JPEG")),
        "IMAGE_TOO_COMPLEX",
    ),
    "JPEG strips of many segments": (
        lambda: hostile_tiff.jpeg_strips(300, 400),
        "IMAGE_TOO_COMPLEX",
    ),
    "tables in a segment": (lambda: hostile_jpeg.tables(1, 1000), "IMAGE_TOO_COMPLEX"),
    "segments of tables": (lambda: hostile_jpeg.tables(100, 1), "IMAGE_TOO_COMPLEX"),
    "a rare compression": (
        lambda: hostile_tiff.one_strip(64, 64, 34925, bytes(64)),
        "UNSUPPORTED_FORMAT",
    ),
    "WebP chunks": (lambda: hostile_webp.chunks(2000), "IMAGE_TOO_COMPLEX"),
    "WebP groups": (lambda: hostile_webp.groups(408), "IMAGE_TOO_COMPLEX"),
    "WebP groups of alpha": (lambda: hostile_webp.groups(408, in_alpha=True), "IMAGE_TOO_COMPLEX"),
    "WebP frames": (lambda: hostile_webp.animation(3), "ANIMATED_IMAGE"),
    "run lengths": (lambda: bmp_rle(900, 900, b"\1\0" * 600_000), "IMAGE_TOO_COMPLEX"),
    "runs for many pixels": (lambda: bmp_rle(65_535, 40, b"\0\1"), "IMAGE_TOO_COMPLEX"),
    "wide alpha": (
        lambda: hostile_webp.of_size(16_000, 3000),
        "IMAGE_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_expensive_pictures_never_reach_a_decoder(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, reason = REFUSED[name]
    data = make()

    def reached(*args: object, **kwargs: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(image_formats.cv2, "imdecode", reached)
    monkeypatch.setattr(image_formats, "_opened", reached)
    with pytest.raises(InvalidImage) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert caught.value.code == "INVALID_ARGUMENT"


HARMLESS: dict[str, tuple[Maker, Maker]] = {
    "EXIF segments": (lambda: hostile_jpeg.app1(100), lambda: JPEG),
    "tables again": (lambda: hostile_jpeg.tables(8, 8), lambda: JPEG),
    "profile segments": (lambda: hostile_jpeg.icc(100), lambda: JPEG),
    "comments": (lambda: hostile_jpeg.tiny_segments(5000), lambda: JPEG),
    "fill bytes": (lambda: hostile_jpeg.fill_bytes(2_000_000), lambda: JPEG),
    "previews": (lambda: hostile_jpeg.mpo(50), lambda: JPEG),
    "texts": (lambda: hostile_png.text_bomb(80, 1_000_000), lambda: hostile_png.zeros(64, 64)),
    "a profile": (lambda: hostile_png.profile_bomb(50_000_000), lambda: hostile_png.zeros(64, 64)),
    "tags": (lambda: hostile_tiff.tags(900, 1_000_000), lambda: hostile_tiff.tags(1, 64)),
    "numbers": (lambda: hostile_tiff.number_array(2_000_000), lambda: hostile_tiff.tags(1, 64)),
    "a circle of pages": (hostile_tiff.loop, lambda: hostile_tiff.tags(1, 64)),
    "a large chunk": (
        lambda: hostile_webp.chunks(1, 5_000_000, b"XMP "),
        lambda: hostile_webp.plain(64, 64),
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_data_that_no_pixel_needs_are_ignored(name: str) -> None:
    costly, plain = (make() for make in HARMLESS[name])
    header = read_header(costly)
    assert len(header.data) < 2 * len(plain) + 4096 or header.kind == "TIFF"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (decode(costly) == decode(plain)).all()


@pytest.mark.parametrize(("width", "height"), [(5, 4000), (4000, 5), (300, 200)])
@pytest.mark.parametrize("mode", ["1", "L", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_poorly_compressed_noise_is_decoded(kind: str, mode: str, width: int, height: int) -> None:
    image = noise(width, height, "L" if mode == "1" else mode).convert(mode)
    worst: dict[str, object] = (
        {"compress_level": 1, "compress_type": zlib.Z_FIXED}
        if kind == "PNG"
        else {"compression": "tiff_deflate", "strip_size": 1}
    )
    assert decode(encoded(image, kind, **worst)).shape == (height, width, 3)


@pytest.mark.parametrize("count", [0, 10])
def test_a_few_empty_blocks_are_accepted(count: int) -> None:
    assert not decode(hostile_deflate.png_of_empty_blocks(count)).any()


EXIF_AGAIN: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda exif: hostile_jpeg.with_segments(
        JPEG, [hostile_jpeg.segment_bytes(0xE1, b"Exif\0\0" + exif)] * 30
    ),
    "PNG": lambda exif: hostile_png.zeros(64, 64, before=hostile_png.chunk(b"eXIf", exif) * 30),
    "WEBP": lambda exif: hostile_webp.chunks(30, exif, b"EXIF"),
}


@pytest.mark.parametrize("kind", EXIF_AGAIN)
def test_exif_is_parsed_once_and_only_a_thousand_tags_of_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def counted(form: str, *args: object) -> tuple[object, ...]:
        seen.append(1)
        return struct.unpack_from(form, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(
        header_module, "struct", SimpleNamespace(unpack_from=counted, error=struct.error)
    )
    assert read_header(EXIF_AGAIN[kind](exif_tags(5000, 0))).orientation == 1
    assert 1000 <= len(seen) < 1010


@pytest.mark.parametrize("scans", [10, 11, 300])
def test_scans_are_counted(scans: int) -> None:
    data = hostile_jpeg.scans(64, 64, scans)
    frame = jpeg.read_frame(data)
    assert frame.scans == scans
    assert frame.total_work() == frame.work  # no scan is missing
    assert decode(data).shape == (64, 64, 3)


def test_scans_that_omit_coefficients_have_a_higher_estimate() -> None:
    frame = jpeg.read_frame(hostile_jpeg.first_scans(64, 64, 3))
    assert frame.total_work() > 10 * frame.work


def test_scan_markers_in_comments_or_after_the_end_do_not_count() -> None:
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    data = (
        hostile_jpeg.with_segments(JPEG, [hostile_jpeg.segment_bytes(0xFE, scan * 600)])
        + scan * 600
    )
    assert jpeg.read_frame(data).scans == 1
    assert (decode(data) == decode(JPEG)).all()


def test_a_progressive_phone_picture_of_48_megapixels_is_accepted() -> None:
    header = read_header(hostile_jpeg.of_size(hostile_jpeg.scans(64, 48, 10), 8000, 6000))
    assert header.memory() <= DEFAULT_LIMITS.max_memory
    assert header.memory(shrunk=True) < 256 * 2**20


@pytest.mark.parametrize("in_alpha", [False, True])
def test_groups_of_prefix_codes_count_as_memory(in_alpha: bool) -> None:
    few, many = (hostile_webp.groups(side, in_alpha=in_alpha) for side in (4, 64))
    assert (decode(many) == (0, 255)[in_alpha]).all()
    tables = read_header(many).buffer_bytes - read_header(few).buffer_bytes
    assert tables > 200 * 5 * 1024  # 255 further groups with five tables of 1 KiB each


@pytest.mark.parametrize("method", [0, 3, 6])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp_files_of_the_encoder_have_few_groups(mode: str, method: int, lossless: bool) -> None:
    image = noise(500, 300, "RGBA").resize((1000, 700)).convert(mode)
    header = read_header(encoded(image, "WEBP", lossless=lossless, method=method))
    assert header.buffer_bytes - len(header.data) < 2**20


def test_decoding_one_picture_does_not_block_others(monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on = threading.Event(), threading.Event()
    Image.init()
    factory, accepts = Image.OPEN["TIFF"]

    def slow(*args: object) -> object:
        began.set()
        assert go_on.wait(60)
        return factory(*args)

    monkeypatch.setitem(Image.OPEN, "TIFF", (slow, accepts))
    others = [encoded(FLAT, kind) for kind in ("JPEG", "PNG", "WEBP", "BMP")]
    shapes: list[tuple[int, ...]] = []
    tiff = encoded(FLAT, "TIFF")
    thread = threading.Thread(target=lambda: shapes.append(decode(tiff).shape))
    thread.start()
    assert began.wait(60)
    try:
        assert [decode(data).shape for data in others] == [(48, 64, 3)] * len(others)
        assert not shapes
    finally:
        go_on.set()
        thread.join()
    assert shapes == [(48, 64, 3)]


def test_the_memory_limit_of_one_picture_is_a_setting() -> None:
    data = hostile_png.zeros(400, 300)
    need = read_header(data).memory()
    assert decode(data, ImageLimits(max_memory=need)).shape == (300, 400, 3)
    with pytest.raises(InvalidImage, match="memory") as caught:
        decode(data, ImageLimits(max_memory=need - 1))
    assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipiyana.images.headers.header.SHRUNK_FROM", 1000)


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_a_large_jpeg_is_decoded_at_reduced_size(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.new("RGB", (121, 61), "blue")
    stored.paste("red", (0, 0, 60, 61))
    data = encoded(stored, "JPEG", exif=exif)
    full = decode(data)
    height, width = full.shape[:2]
    with opened(data) as picture:
        assert (picture.width, picture.height) == (width, height)
        assert picture.pixels.shape == (-(-height // 2), -(-width // 2), 3)
        apart = picture.pixels[2:-2, 2:-2][::8, ::8].astype(int) - full[4:-4, 4:-4][::16, ::16]
    assert np.abs(apart).mean() < 20


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_other_formats_are_decoded_at_full_size(kind: str) -> None:
    with opened(encoded(FLAT, kind)) as picture:
        assert picture.pixels.shape == (48, 64, 3)


@pytest.mark.usefixtures("small_is_large")
def test_a_large_jpeg_is_decoded_at_full_size_on_request() -> None:
    data = encoded(FLAT, "JPEG")
    with opened(data, shrunk=False) as picture:
        assert (picture.pixels == decode(data)).all()


@pytest.mark.usefixtures("small_is_large")
def test_raw_pixels_are_not_reduced() -> None:
    with opened(RawImage.from_array(np.asarray(FLAT), "rgb8")) as picture:
        assert picture.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoded(noise(30, 40_000, "RGBA"), "PNG"),
        lambda: encoded(noise(100, 12_000, "RGBA"), "WEBP", lossless=True, method=0),
        lambda: encoded(noise(40_000, 30, "L"), "TIFF"),
    ],
    ids=["PNG", "WEBP", "TIFF"],
)
def test_decoding_in_strips_gives_the_same_picture(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()
    in_strips = decode(data)
    monkeypatch.setattr(image_formats, "STRIP_PIXELS", 1 << 40)
    assert (decode(data) == in_strips).all()
