"""Helpers to make pictures that are expensive to decode; each format has its own module:

`hostile_jpeg`, `hostile_png`, `hostile_deflate`, `hostile_tiff` and `hostile_webp`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image

Maker = Callable[[], bytes]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Make a picture of random pixels, the same each time."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8), mode)


def exif_tags(count: int, orientation: int) -> bytes:
    """Make EXIF data of many tags, the last of which is the orientation."""
    tags = struct.pack("<HHII", 1, 3, 1, 0) * (count - 1)
    last = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + last


def bmp_rle(width: int, height: int, body: bytes) -> bytes:
    """Make a run-length encoded BMP of 8 bits."""
    at = 14 + 40 + 1024
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return struct.pack("<2sI4xI", b"BM", at + len(body), at) + head + bytes(1024) + body
