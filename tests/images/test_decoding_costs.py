"""Estimates of the decoding cost from the header of each format, before a decoder runs."""

from __future__ import annotations

import struct
from collections.abc import Callable

import hostile_jpeg
import hostile_png
import hostile_tiff
import hostile_webp
import pytest
from hostile_pictures import bmp_rle, encoded, noise
from PIL import Image

from lipiyana.errors import InvalidImage
from lipiyana.images import decoders as image_formats
from lipiyana.images.headers import read_header
from lipiyana.images.headers.costs import NANOSECONDS, Part, symbols
from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, decode, opened
from lipiyana.server.settings.model import ServerSettings

SERVER = ServerSettings().image_limits
_TRANSPARENT = b"\0\1\0\1\0\1"


def png(width: int, height: int, packed: int, colour: int = 2, *, hard: bool = False) -> bytes:
    """Make a PNG with meaningless data; a hard one is interlaced with a transparent colour."""
    empty = hostile_png.of_size(width, height, 8, colour)
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, int(hard))
    chunks = [(b"IHDR", head), *[(b"tRNS", _TRANSPARENT)] * hard, (b"IDAT", bytes(packed))]
    return empty[:8] + b"".join(hostile_png.chunk(name, body) for name, body in chunks)


def webp(width: int, height: int, packed: int, alpha: int = 0) -> bytes:
    """Make a lossy WebP with meaningless data."""
    frame = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(packed)
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    canvas = b"VP8X", struct.pack("<B3x", 0x10 * bool(alpha)) + size
    return hostile_webp.riff(canvas, *[(b"ALPH", bytes(alpha))] * bool(alpha), (b"VP8 ", frame))


def jpeg(width: int, height: int, packed: int, **options: object) -> bytes:
    """Make a JPEG of this size, whose data are truncated or padded."""
    small = encoded(noise(64, 64), "JPEG", **options)
    return hostile_jpeg.of_size(small[:-2] + bytes(packed) + small[-2:], width, height)


REFUSED: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: png(7071, 7071, 30_000_000),
    "PNG, interlaced, transparent": lambda: png(7071, 7071, 10_000_000, hard=True),
    "PNG with alpha": lambda: png(5560, 5560, 28_000_000, 6),
    "PNG of wide channels": lambda: hostile_png.of_size(6000, 5000, 16, 6),
    "WebP": lambda: webp(16_383, 3000, 27_000_000),
    "WebP with alpha": lambda: webp(14_000, 3000, 20_000_000, 2_000_000),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_pictures_that_take_a_second_never_reach_a_decoder(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*args: object, **kwargs: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(image_formats.cv2, "imdecode", reached)
    monkeypatch.setattr(image_formats, "_opened", reached)
    with pytest.raises(InvalidImage, match="of CPU time") as caught:
        decode(REFUSED[kind](), SERVER)
    assert caught.value.reason == "IMAGE_TOO_COMPLEX"


ORDINARY: dict[str, Callable[[], bytes]] = {
    "JPEG of a phone": lambda: jpeg(8000, 6000, 17_000_000),
    "progressive JPEG of a phone": lambda: hostile_jpeg.of_size(
        hostile_jpeg.scans(64, 48, 10), 8000, 6000
    ),
    "JPEG of a camera": lambda: jpeg(6000, 4000, 14_000_000, subsampling=0),
    "PNG of a screen": lambda: png(3840, 2160, 4_000_000),
    "PNG of a phone": lambda: png(4000, 3000, 20_000_000),
    "WebP of a camera": lambda: webp(6000, 4000, 8_000_000),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_pictures_are_far_below_the_server_limit(kind: str) -> None:
    assert read_header(ORDINARY[kind]()).seconds(shrunk=True) < 0.9 * SERVER.max_seconds / 2


@pytest.mark.parametrize(
    "make",
    [*ORDINARY.values(), lambda: png(6000, 4000, 40_000_000), *list(REFUSED.values())[:3]],
)
def test_the_library_decodes_pictures_that_take_seconds(make: Callable[[], bytes]) -> None:
    assert read_header(make()).seconds() < DEFAULT_LIMITS.max_seconds / 2


def test_the_limit_is_half_of_the_time_limit() -> None:
    data = encoded(noise(64, 64), "PNG")
    expected = read_header(data).seconds()
    assert decode(data, ImageLimits(max_seconds=100 * expected)).shape == (64, 64, 3)
    with pytest.raises(InvalidImage, match="of CPU time"):
        decode(data, ImageLimits(max_seconds=1.9 * expected))


MORE: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "PNG, packed bytes": (lambda: png(99, 99, 100), lambda: png(99, 99, 3000)),
    "PNG, interlaced, transparent": (
        lambda: png(99, 99, 100),
        lambda: png(99, 99, 100, hard=True),
    ),
    "PNG, alpha": (lambda: png(99, 99, 9), lambda: png(99, 99, 9, 6)),
    "PNG, bits": (
        lambda: hostile_png.of_size(99, 99, 8),
        lambda: hostile_png.of_size(99, 99, 16),
    ),
    "WebP, packed bytes": (lambda: webp(99, 99, 100), lambda: webp(99, 99, 3000)),
    "WebP, alpha": (lambda: webp(99, 99, 100), lambda: webp(99, 99, 100, 100)),
    "WebP, groups": (lambda: hostile_webp.groups(16), lambda: hostile_webp.groups(64)),
    "JPEG, packed bytes": (lambda: jpeg(99, 99, 0), lambda: jpeg(99, 99, 9000)),
    "JPEG, scans": (lambda: jpeg(99, 99, 0), lambda: jpeg(99, 99, 0, progressive=True)),
    "TIFF, tiles over the edge": (
        lambda: hostile_tiff.tiles(64, 64, 16),
        lambda: hostile_tiff.tiles(65, 65, 64),
    ),
    "TIFF, LZW": (
        lambda: hostile_tiff.plain(64, 64, "RGB", "tiff_lzw"),
        lambda: encoded(noise(64, 64), "TIFF", compression="tiff_lzw"),
    ),
    "TIFF, fax": (
        lambda: hostile_tiff.plain(64, 64, "1", "group4"),
        lambda: encoded(noise(64, 64, "L").convert("1"), "TIFF", compression="group4"),
    ),
    "TIFF, inks": (
        lambda: encoded(Image.new("RGB", (64, 64)), "TIFF"),
        lambda: encoded(Image.new("CMYK", (64, 64)), "TIFF"),
    ),
    "BMP, run lengths": (
        lambda: encoded(Image.new("L", (64, 64)), "BMP"),
        lambda: bmp_rle(64, 64, b"\1\0" * 4096),
    ),
}


@pytest.mark.parametrize("what", MORE)
def test_more_work_has_a_higher_estimate(what: str) -> None:
    less, more = (read_header(make()).seconds() for make in MORE[what])
    assert 0 < less < more


def test_a_jpeg_decoded_at_reduced_size_has_a_lower_estimate() -> None:
    header = read_header(jpeg(8000, 6000, 1000))
    assert 0 < header.seconds(shrunk=True) < header.seconds()


def test_deflate_has_at_most_one_symbol_per_bit() -> None:
    assert (symbols(10, 1000), symbols(1000, 10)) == (80, 10)


def test_every_unit_of_work_has_a_time() -> None:
    assert NANOSECONDS.keys() == set(Part)
    assert all(time >= 0 for time in NANOSECONDS.values())


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("copies", [False, True])
def test_high_entropy_is_decoded(interlaced: bool, copies: bool) -> None:
    data = hostile_png.literals(100, 80, interlaced=interlaced, copies=copies)
    with opened(data, SERVER) as picture:
        assert len({*map(tuple, picture.pixels.reshape(-1, 3))}) > 1000
