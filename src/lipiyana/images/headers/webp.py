"""WebP: the chunks of a RIFF file, of which a decoder gets those of the pixels alone."""

from __future__ import annotations

import struct

from lipiyana.images.headers import vp8l
from lipiyana.images.headers.costs import Part
from lipiyana.images.headers.header import (
    ImageHeader,
    animated,
    bad_header,
    exif_orientation,
    too_complex,
)

KIND = "WEBP"

MAX_CHUNKS = 1_000

_NEEDED = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH"}
_ALPHA = 0x10
_SIZE_BYTES = 5  # of a VP8L chunk, with its mark
_COMPRESSION, _AS_VP8L = 3, 1  # of an ALPH chunk


def accepts(start: bytes) -> bool:
    """Say whether bytes begin like one."""
    return start.startswith(b"RIFF") and start[8:12] == b"WEBP"


def read(data: bytes) -> ImageHeader:
    """Read the header of a WebP; profiles and the like are left out of `data`.

    Raises:
        InvalidImage: it is cut off, animated, or has too many chunks or groups of prefix codes.
    """
    kept: list[bytes] = []
    sizes: dict[bytes, tuple[int, int]] = {}
    lossless_at: list[int] = []
    packed = {b"VP8 ": 0, b"VP8L": 0, b"ALPH": 0}
    orientation, described, frames, alpha = 1, False, 0, False
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            break
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        end = min(len(data), at + 8 + length + length % 2)
        if name in _NEEDED:
            body = data[at + 8 : at + 38]
            if name not in sizes:
                sizes[name] = _size(name, body)
                kept.append(data[at:end])
                packed[name] = end - at
                if name == b"VP8L":
                    lossless_at.append(at + 8 + _SIZE_BYTES)
                elif name == b"ALPH" and body[0] & _COMPRESSION == _AS_VP8L:
                    lossless_at.append(at + 8 + 1)
            alpha |= _has_alpha(name, body)
        elif name == b"EXIF" and not described:
            described = True
            orientation = exif_orientation(data[at + 8 : end])
        elif name == b"ANMF":
            frames += 1
        at = end
    else:
        raise too_complex(KIND, f"more than {MAX_CHUNKS} chunks")
    if frames:
        raise animated(KIND, str(frames))
    if not sizes.keys() & {b"VP8 ", b"VP8L"}:
        raise bad_header(KIND)
    # the picture must fill the canvas, whose size is that of an animation
    if len({size for name, size in sizes.items() if name != b"ALPH"}) > 1:
        raise bad_header(KIND)
    width, height = next(size for name, size in sizes.items() if name != b"ALPH")
    body = b"WEBP" + b"".join(kept)
    lossless = b"VP8L" in sizes or b"ALPH" in sizes
    pixels = width * height
    tables = sum(vp8l.group_bytes(data, start, width, height) for start in lossless_at)
    return ImageHeader(
        KIND,
        width,
        height,
        b"RIFF" + struct.pack("<I", len(body)) + body,
        orientation,
        # the pixels as they are, with alpha those that OpenCV gives as well
        pixel_bytes=4 * lossless + 4 * alpha or 3,
        buffer_bytes=len(data) + tables,
        work={
            Part.WEBP_LOSSY_BYTE: packed[b"VP8 "],
            Part.WEBP_LOSSY_PIXEL: pixels * (b"VP8 " in sizes),
            Part.WEBP_LOSSLESS_BYTE: packed[b"VP8L"] + packed[b"ALPH"],
            Part.WEBP_LOSSLESS_PIXEL: pixels * lossless,
            Part.WEBP_TABLE_BYTE: tables,
            Part.ALPHA_PIXEL: pixels * alpha,
        },
    )


def _has_alpha(name: bytes, body: bytes) -> bool:
    if name == b"VP8L":
        return bool(body[4] & _ALPHA)
    return name == b"VP8X" and bool(body[0] & _ALPHA)


def _size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        low, high, middle, top = struct.unpack_from("<4xHBHB", body)
        return 1 + low + (high << 16), 1 + middle + (top << 16)
    if name == b"VP8 ":
        if body[3:6] != b"\x9d\x01\x2a":
            raise bad_header(KIND)
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L":
        mark, bits = struct.unpack_from("<BI", body)
        if mark != 0x2F:
            raise bad_header(KIND)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0
