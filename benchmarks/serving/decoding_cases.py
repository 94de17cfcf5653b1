"""Pictures that are expensive to decode: the largest accepted size, and data of high entropy.

All are synthetic and cover each format's most common and most expensive variants.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))
import hostile_png
import hostile_tiff
import hostile_webp
from hostile_pictures import bmp_rle, encoded

SIDE = 7071
"""Side of a square of 50 megapixels, in pixels."""

FIT = 3000
"""Side of a square of 9 megapixels, in pixels: large enough to measure the time."""

_TRANSPARENT = b"\0\1\0\1\0\1"


def flat(mode: str, side: int = SIDE) -> Image.Image:
    """Make a picture of one colour."""
    return Image.new(mode, (side, side))


def noisy(width: int, height: int, mode: str = "RGB", *, most: int = 256) -> Image.Image:
    """Make a picture of random values below `most`."""
    channels = len(mode)
    random = np.random.default_rng(0)
    pixels = random.integers(0, most, (height, width, channels), np.uint8)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


def photo(width: int, height: int) -> Image.Image:
    """Make a picture with the entropy of a photo: smooth gradients and sensor noise."""
    random = np.random.default_rng(0)
    low = random.integers(0, 256, (24, 32, 3), np.uint8)
    smooth = Image.fromarray(low).resize((width, height), Image.Resampling.BICUBIC)
    pixels = 4 * random.standard_normal((height, width, 3), np.float32)
    pixels += np.asarray(smooth)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def copies(
    width: int, height: int, mode: str = "RGB", *, most: int = 256, side: int = 64
) -> Image.Image:
    """Make a picture that repeats a small tile of noise, which compresses well."""
    small = np.asarray(noisy(side, side, mode, most=most))
    times = (-(-height // side), -(-width // side)) + (1,) * (small.ndim - 2)
    return Image.fromarray(np.tile(small, times)[:height, :width])


def smooth(side: int) -> Image.Image:
    """Make a picture of smooth gradients, for which a lossless encoder chooses predictors."""
    return photo(200, 200).resize((side, side), Image.Resampling.BICUBIC)


def _with_alpha(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    return Image.merge("RGBA", (*colours.split()[:3], alpha))


def _bilevel(side: int) -> Image.Image:
    return noisy(side, side, "L", most=2).point(lambda value: 255 * value, "1")


def _wide(side: int) -> Image.Image:
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 1 << 16, (side, side), np.uint16))


def _floats(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).random((side, side), np.float32))


def _jpeg(width: int, height: int, **options: object) -> bytes:
    return encoded(photo(width, height), "JPEG", **options)


def _webp(width: int, height: int, mode: str = "RGB", most: int = 256, **options: object) -> bytes:
    return encoded(noisy(width, height, mode, most=most), "WEBP", method=0, **options)


def _tiff(image: Image.Image, compression: str, **options: object) -> bytes:
    return encoded(image, "TIFF", compression=compression, **options)


Case = Callable[[], bytes]

CASES: dict[str, Case] = {
    "JPEG 48 MP of a phone": lambda: _jpeg(8000, 6000, quality=92),
    "JPEG 48 MP, progressive": lambda: _jpeg(8000, 6000, quality=92, progressive=True),
    "JPEG 48 MP, progressive, noise": lambda: encoded(
        noisy(8000, 6000), "JPEG", quality=60, progressive=True
    ),
    "JPEG 48 MP, noise": lambda: encoded(noisy(8000, 6000), "JPEG", quality=60),
    "JPEG 24 MP of a camera": lambda: _jpeg(6000, 4000, quality=95, subsampling=0),
    "JPEG 24 MP, progressive": lambda: _jpeg(6000, 4000, quality=95, progressive=True),
    "JPEG 24 MP, noise": lambda: encoded(noisy(6000, 4000), "JPEG", quality=90),
    "JPEG 24 MP, flat": lambda: encoded(Image.new("RGB", (6000, 4000)), "JPEG"),
    "JPEG 24 MP, flat, progressive": lambda: encoded(
        Image.new("RGB", (6000, 4000)), "JPEG", progressive=True
    ),
    "JPEG 24 MP, noise, coarse": lambda: encoded(noisy(6000, 4000), "JPEG", quality=5),
    "JPEG 24 MP, noise, all samples": lambda: encoded(
        noisy(6000, 4000), "JPEG", quality=30, subsampling=0
    ),
    "JPEG 24 MP, noise, all samples, progressive": lambda: encoded(
        noisy(6000, 4000), "JPEG", quality=30, subsampling=0, progressive=True
    ),
    "JPEG 16 MP, grey, restarts": lambda: encoded(
        noisy(4000, 4000, "L"), "JPEG", quality=5, restart_marker_blocks=1
    ),
    "JPEG 50 MP, CMYK": lambda: encoded(flat("CMYK"), "JPEG"),
    "JPEG 9 MP, CMYK, noise": lambda: encoded(noisy(FIT, FIT, "CMYK"), "JPEG"),
    "JPEG 50 MP, grey": lambda: encoded(flat("L"), "JPEG"),
    "JPEG 9 MP, grey, noise": lambda: encoded(noisy(FIT, FIT, "L"), "JPEG", quality=95),
    "PNG 24 MP of a camera": lambda: encoded(photo(6000, 4000), "PNG", compress_level=6),
    "PNG 50 MP, RGB": lambda: hostile_png.zeros(SIDE, SIDE, 8, 2, filter_type=4),
    "PNG 50 MP, RGB, entropy": lambda: hostile_png.literals(SIDE, SIDE),
    "PNG 50 MP, RGB, interlaced, tRNS, entropy": lambda: hostile_png.literals(
        SIDE, SIDE, interlaced=True, transparent=_TRANSPARENT
    ),
    "PNG 31 MP, RGBA": lambda: hostile_png.zeros(5560, 5560, 8, 6, filter_type=4),
    "PNG 31 MP, RGBA, entropy": lambda: hostile_png.literals(5560, 5560, 8, 6),
    "PNG 50 MP, 1 bit": lambda: hostile_png.zeros(SIDE, SIDE, 1, 0),
    "PNG 50 MP, grey 16 bits": lambda: hostile_png.zeros(SIDE, SIDE, 16, 0),
    "PNG 17 MP, RGBA 16 bits": lambda: hostile_png.zeros(4140, 4140, 16, 6, filter_type=4),
    "PNG 9 MP, RGB": lambda: hostile_png.zeros(FIT, FIT, 8, 2, filter_type=4),
    "PNG 9 MP, RGB, entropy": lambda: hostile_png.literals(FIT, FIT),
    "PNG 9 MP, RGB, entropy, 20 values": lambda: hostile_png.literals(FIT, FIT, values=20),
    "PNG 9 MP, RGB, entropy, 200 values": lambda: hostile_png.literals(FIT, FIT, values=200),
    "PNG 9 MP, RGB, copies of noise": lambda: hostile_png.literals(
        FIT, FIT, values=256, copies=True
    ),
    "PNG 9 MP, RGB, interlaced": lambda: hostile_png.literals(FIT, FIT, interlaced=True),
    "PNG 9 MP, RGB, tRNS": lambda: hostile_png.literals(FIT, FIT, transparent=_TRANSPARENT),
    "PNG 9 MP, RGBA, entropy": lambda: hostile_png.literals(FIT, FIT, 8, 6),
    "PNG 9 MP, RGBA, entropy, 200 values": lambda: hostile_png.literals(FIT, FIT, 8, 6, values=200),
    "PNG 31 MP, RGBA, copies of noise": lambda: hostile_png.literals(
        5560, 5560, 8, 6, values=256, copies=True
    ),
    "PNG 9 MP, grey, alpha, entropy": lambda: hostile_png.literals(FIT, FIT, 8, 4),
    "PNG 9 MP, grey, entropy": lambda: hostile_png.literals(FIT, FIT, 8, 0),
    "PNG 9 MP, grey, tRNS": lambda: hostile_png.literals(FIT, FIT, 8, 0, transparent=b"\0\1"),
    "PNG 9 MP, palette, tRNS": lambda: hostile_png.literals(FIT, FIT, 8, 3, transparent=b"\0\1"),
    "PNG 9 MP, palette, interlaced": lambda: hostile_png.literals(FIT, FIT, 8, 3, interlaced=True),
    "PNG 9 MP, 1 bit, interlaced": lambda: hostile_png.literals(FIT, FIT, 1, 0, interlaced=True),
    "PNG 9 MP, grey 16 bits, entropy": lambda: hostile_png.literals(FIT, FIT, 16, 0),
    "PNG 9 MP, grey 16 bits, interlaced": lambda: hostile_png.literals(
        FIT, FIT, 16, 0, interlaced=True
    ),
    "PNG 9 MP, RGB 16 bits, entropy": lambda: hostile_png.literals(FIT, FIT, 16, 2),
    "PNG 9 MP, RGBA 16 bits, interlaced": lambda: hostile_png.literals(
        FIT, FIT, 16, 6, interlaced=True
    ),
    "TIFF 50 MP, RGB": lambda: _tiff(flat("RGB", 5700), "raw"),
    "TIFF 9 MP, RGBA": lambda: _tiff(noisy(FIT, FIT, "RGBA"), "raw"),
    "TIFF 9 MP, CMYK": lambda: _tiff(noisy(FIT, FIT, "CMYK"), "raw"),
    "TIFF 9 MP, grey": lambda: _tiff(noisy(FIT, FIT, "L"), "raw"),
    "TIFF 50 MP, RGB, LZW": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "tiff_lzw"),
    "TIFF 9 MP, RGB, LZW, entropy": lambda: _tiff(noisy(FIT, FIT), "tiff_lzw"),
    "TIFF 9 MP, RGB, LZW, 3 values": lambda: _tiff(noisy(FIT, FIT, most=3), "tiff_lzw"),
    "TIFF 9 MP, RGBA, LZW, entropy": lambda: _tiff(noisy(FIT, FIT, "RGBA", most=9), "tiff_lzw"),
    "TIFF 50 MP, RGB, Deflate": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "tiff_deflate"),
    "TIFF 9 MP, RGB, Deflate, entropy": lambda: _tiff(noisy(FIT, FIT, most=100), "tiff_deflate"),
    "TIFF 9 MP, RGB, Deflate, 3 values": lambda: _tiff(noisy(FIT, FIT, most=3), "tiff_deflate"),
    "TIFF 50 MP, RGB, PackBits": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "packbits"),
    "TIFF 9 MP, RGB, PackBits, entropy": lambda: _tiff(noisy(FIT, FIT, most=3), "packbits"),
    "TIFF 50 MP, RGB, JPEG": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "jpeg"),
    "TIFF 9 MP, RGB, JPEG, entropy": lambda: _tiff(noisy(FIT, FIT), "jpeg", quality=90),
    "TIFF 50 MP, 1 bit, group 4": lambda: hostile_tiff.plain(SIDE, SIDE, "1", "group4"),
    "TIFF 9 MP, 1 bit, group 4, entropy": lambda: _tiff(_bilevel(FIT), "group4"),
    "TIFF 9 MP, 1 bit, group 3, entropy": lambda: _tiff(_bilevel(FIT), "group3"),
    "TIFF 9 MP, 1 bit, CCITT, entropy": lambda: _tiff(_bilevel(FIT), "tiff_ccitt"),
    "TIFF 9 MP, floats": lambda: hostile_tiff.plain(FIT, FIT, "F", "tiff_deflate"),
    "TIFF 9 MP, floats, entropy": lambda: _tiff(_floats(FIT), "tiff_lzw"),
    "TIFF 9 MP, floats, raw": lambda: _tiff(_floats(FIT), "raw"),
    "TIFF 9 MP, grey 16 bits": lambda: _tiff(_wide(FIT), "raw"),
    "TIFF 9 MP, grey 16 bits, LZW": lambda: _tiff(_wide(FIT), "tiff_lzw"),
    "TIFF 9 MP, CIELAB": lambda: _tiff(flat("LAB", FIT), "tiff_lzw"),
    "WebP 49 MP, lossy": lambda: hostile_webp.plain(16383, 3000, lossless=False),
    "WebP 49 MP, lossy, entropy": lambda: _webp(16383, 3000, quality=62),
    "WebP 42 MP, lossy, alpha, entropy": lambda: _webp(
        14000, 3000, "RGBA", quality=62, alpha_quality=100
    ),
    "WebP 24 MP of a camera": lambda: encoded(photo(6000, 4000), "WEBP", quality=90, method=0),
    "WebP 9 MP, lossy": lambda: hostile_webp.plain(FIT, FIT, lossless=False),
    "WebP 9 MP, lossy, entropy": lambda: _webp(FIT, FIT, quality=90),
    "WebP 9 MP, lossy, half the entropy": lambda: _webp(FIT, FIT, quality=30),
    "WebP 9 MP, lossy, alpha": lambda: _webp(FIT, FIT, "RGBA", quality=30, alpha_quality=100),
    "WebP 9 MP, lossy, alpha of 3 values": lambda: _webp(
        FIT, FIT, "RGBA", 3, quality=30, alpha_quality=100
    ),
    "WebP 9 MP, lossy, coarse": lambda: _webp(FIT, FIT, quality=0),
    "WebP 9 MP, lossy, fairly coarse": lambda: _webp(FIT, FIT, quality=10),
    "WebP 9 MP, lossy, alpha of copies": lambda: encoded(
        _with_alpha(copies(FIT, FIT), copies(FIT, FIT, "L")), "WEBP", quality=5, method=0
    ),
    "WebP 9 MP, lossy, alpha of slow changes": lambda: encoded(
        _with_alpha(flat("RGB", FIT), smooth(FIT).convert("L")), "WEBP", quality=5, method=4
    ),
    "WebP 49 MP, lossless": lambda: hostile_webp.plain(16383, 3000),
    "WebP 42 MP, lossless, alpha": lambda: hostile_webp.plain(14000, 3000, alpha=True),
    "WebP 9 MP, lossless, entropy": lambda: _webp(FIT, FIT, most=100, lossless=True, quality=0),
    "WebP 9 MP, lossless, 4 values": lambda: _webp(FIT, FIT, most=4, lossless=True, quality=0),
    "WebP 9 MP, lossless, 4 values, method 4": lambda: encoded(
        noisy(FIT, FIT, most=4), "WEBP", lossless=True, quality=50, method=4
    ),
    "WebP 9 MP, lossless, alpha, entropy": lambda: _webp(
        FIT, FIT, "RGBA", 100, lossless=True, quality=0
    ),
    "WebP 9 MP, lossless, of a camera": lambda: encoded(
        photo(FIT, FIT), "WEBP", lossless=True, quality=20, method=2
    ),
    "WebP 9 MP, lossless, copies": lambda: encoded(
        copies(FIT, FIT), "WEBP", lossless=True, quality=20, method=1
    ),
    "WebP 42 MP, lossless, alpha, copies": lambda: encoded(
        copies(14000, 3000, "RGBA", most=2, side=1024), "WEBP", lossless=True, quality=0, method=0
    ),
    "WebP 9 MP, lossless, alpha, copies": lambda: encoded(
        copies(FIT, FIT, "RGBA", most=64, side=256), "WEBP", lossless=True, quality=0, method=0
    ),
    "WebP 9 MP, lossless, slow changes": lambda: encoded(
        smooth(FIT), "WEBP", lossless=True, quality=40, method=3
    ),
    "WebP of 9,801 groups of codes": lambda: hostile_webp.groups(396),
    "BMP 33 MP, RGB": lambda: encoded(flat("RGB", 5700), "BMP"),
    "BMP 9 MP, RGB": lambda: encoded(noisy(FIT, FIT), "BMP"),
    "BMP 25 MP, palette": lambda: encoded(noisy(5000, 5000, "L"), "BMP"),
    "BMP 2 MP, run lengths": lambda: bmp_rle(
        1414, 1414, (b"\xff\0" * 6 + b"\0\0") * 1414 + b"\0\1"
    ),
    "BMP 2 MP, run lengths, entropy": lambda: bmp_rle(
        1400, 1400, (b"\4\0" * 350 + b"\0\0") * 1400 + b"\0\1"
    ),
}
"""A function that encodes each picture, by name."""
