"""Detects the format of encoded bytes and reads its header."""

from __future__ import annotations

import struct
from collections.abc import Callable

from lipiyana.errors import InvalidImage
from lipiyana.images.headers import bmp, jpeg, png, tiff, webp
from lipiyana.images.headers.header import ImageHeader, bad_header

_Accepts = Callable[[bytes], bool]
_Read = Callable[[bytes], ImageHeader | None]

_READERS: tuple[tuple[str, _Accepts, _Read], ...] = (
    (jpeg.KIND, jpeg.accepts, jpeg.read),
    (png.KIND, png.accepts, png.read),
    (webp.KIND, webp.accepts, webp.read),
    (tiff.KIND, tiff.accepts, tiff.read),
    (bmp.KIND, bmp.accepts, bmp.read),
)

_OTHER_FORMATS = (
    (0, b"GIF8", "GIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyp", "video"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"<svg", "SVG"),
)


def read_header(data: bytes) -> ImageHeader:
    """Read the header of a JPEG, PNG, WebP, TIFF or BMP.

    Raises:
        InvalidImage: the bytes are no picture (NOT_AN_IMAGE), have another format
            (UNSUPPORTED_FORMAT), are truncated or damaged (TRUNCATED_IMAGE), have several frames
            (ANIMATED_IMAGE), or would cost far more than expected of the size
            (IMAGE_TOO_COMPLEX).
    """
    start = data[:16]
    for kind, accepts, read in _READERS:
        if not accepts(start):
            continue
        try:
            found = read(data)
        except (struct.error, IndexError, ValueError, ZeroDivisionError):
            raise bad_header(kind) from None
        if found is not None:
            return found
    for offset, mark, known in _OTHER_FORMATS:
        if data[offset : offset + len(mark)] == mark:
            raise InvalidImage(
                f"{known} is not supported; send JPEG, PNG, WebP, BMP or TIFF",
                reason="UNSUPPORTED_FORMAT",
            )
    raise InvalidImage(
        "this is not a picture; send JPEG, PNG, WebP, BMP or TIFF", reason="NOT_AN_IMAGE"
    )
