"""BMP: size and cost, limited for run-length coding."""

from __future__ import annotations

import struct

from lipiyana.images.headers.costs import Part
from lipiyana.images.headers.header import ImageHeader, bad_header, too_complex

KIND = "BMP"

MAX_RUN_BYTES = 1_000_000
"""Pillow decodes run lengths in Python, about two million bytes a second."""

MAX_RUN_PIXELS = 2_000_000
"""Pillow pads pixels that no run fills in Python, about four million a second."""

_OLD_HEADER = 12
_HEADERS = {40, 52, 56, 64, 108, 124}
_RUN_LENGTHS = {1, 2}


def accepts(start: bytes) -> bool:
    """Say whether bytes may be a BMP. Text that begins with "BM" is accepted too."""
    return start.startswith(b"BM")


def read(data: bytes) -> ImageHeader | None:
    """Read the header of a BMP; None if the bytes are no BMP.

    Raises:
        InvalidImage: it has too many run lengths.
    """
    if len(data) < 26:
        return None
    (start, header) = struct.unpack_from("<II", data, 10)
    if header == _OLD_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    elif header in _HEADERS and len(data) >= 54:
        width, height, _, bits, compression = struct.unpack_from("<IiHHI", data, 18)
    else:
        return None
    if not width or not height:
        raise bad_header(KIND)
    pixels, in_runs = width * abs(height), compression in _RUN_LENGTHS
    if in_runs:
        _check_runs(pixels, len(data) - start)
    return ImageHeader(
        KIND, width, abs(height), data,
        pixel_bytes=1 if bits <= 8 else 4,
        buffer_bytes=len(data) + 2 * pixels * in_runs,
        work={
            Part.BMP_RUN_BYTE: len(data) * in_runs,
            Part.BMP_RUN_PIXEL: pixels * in_runs,
            Part.CONVERTED_PIXEL: pixels * (bits <= 8),
        },
    )  # fmt: skip


def _check_runs(pixels: int, packed: int) -> None:
    if packed > MAX_RUN_BYTES or pixels > MAX_RUN_PIXELS:
        raise too_complex(KIND, f"{packed} bytes of run lengths for {pixels / 1e6:.1f} megapixels")
