"""PNG: chunks; the decoder gets only those that it needs for the pixels."""

from __future__ import annotations

import struct

from lipiyana.images.headers.costs import Part, symbols
from lipiyana.images.headers.header import (
    ImageHeader,
    animated,
    bad_header,
    check_deflated,
    exif_orientation,
    too_complex,
)

KIND = "PNG"

MAX_CHUNKS = 30_000
"""At 4 KiB each, they exceed the maximum size of a picture."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WITH_ALPHA = {4, 6}


def accepts(start: bytes) -> bool:
    """Say whether bytes begin like a PNG."""
    return start.startswith(_SIGNATURE)


def read(data: bytes) -> ImageHeader:
    """Read the header of a PNG; `data` of the result has no texts, profiles and other metadata.

    Raises:
        InvalidImage: it is truncated before its size, animated, or has too many chunks or
            compressed bytes.
    """
    if data[12:16] != b"IHDR" or len(data) < 29:
        raise bad_header(KIND)
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    interlaced = data[28] > 0
    if colour not in _CHANNELS:
        raise bad_header(KIND)
    needed, orientation, transparent = _walk(data)
    row = (width * _CHANNELS[colour] * depth + 7) // 8 + 1
    # the seven passes of interlacing have twice the rows, each padded to whole bytes
    check_deflated(KIND, len(needed), (1 + interlaced) * (row + interlaced) * height)
    pixels = width * height
    wide = colour == 0 and depth == 16
    return ImageHeader(
        KIND,
        width,
        height,
        needed,
        orientation,
        pixel_bytes=_pixel_bytes(depth, colour),
        buffer_bytes=len(needed),
        work={
            Part.PNG_SYMBOL: symbols(len(needed), row * height),
            Part.PNG_ROW_BYTE: row * height,
            Part.PNG_INTERLACED_PIXEL: pixels * interlaced,
            Part.ALPHA_PIXEL: pixels * (transparent or colour in _WITH_ALPHA),
            Part.WIDE_PIXEL: pixels * wide,
            Part.CONVERTED_PIXEL: pixels * (colour in {0, 3} and not wide),
        },
    )


def _pixel_bytes(depth: int, colour: int) -> int:
    if colour == 0 and depth == 16:
        return 2
    return 1 if colour in {0, 3} else 4


def _walk(data: bytes) -> tuple[bytes, int, bool]:
    """Return the needed chunks, the orientation, and whether there is a tRNS chunk."""
    runs: list[tuple[int, int]] = [(0, len(_SIGNATURE))]
    orientation, has_exif, transparent = 1, False, False
    at = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            break
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = min(len(data), at + 12 + length)
        transparent |= kind == b"tRNS"
        if kind in _NEEDED:
            if runs[-1][1] == at:
                runs[-1] = runs[-1][0], end
            else:
                runs.append((at, end))
        elif kind == b"eXIf" and not has_exif:
            has_exif = True
            orientation = exif_orientation(data[at + 8 : end - 4])
        elif kind == b"acTL" and length >= 4:
            (frames,) = struct.unpack_from(">I", data.ljust(at + 12, b"\0"), at + 8)
            if frames > 1:
                raise animated(KIND, str(frames))
        at = end
        if kind == b"IEND":
            break
    else:
        raise too_complex(KIND, f"more than {MAX_CHUNKS} chunks")
    if runs == [(0, len(data))]:
        return data, orientation, transparent
    return b"".join(data[start:end] for start, end in runs), orientation, transparent
