"""The cost of decoding: units of work and the CPU time of each.

Each format's module counts the units from the header. `benchmarks/serving/picture_memory.py --fit`
fitted the times to flat pictures and to pictures of maximum entropy in every format, so that no
picture took longer than its estimate. Most take less: a photo as PNG half, a phone's JPEG nine
tenths. The times were measured on one core of a busy Xeon server at 2.6 GHz.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class Part(Enum):
    """A kind of work, named by its unit."""

    OUT_PIXEL = auto()  # pixels of the result, in every format
    CONVERTED_PIXEL = auto()  # grey, palette or CMYK to RGB
    ALPHA_PIXEL = auto()  # composited over a ground
    WIDE_PIXEL = auto()  # 16-bit grey
    SCALED_PIXEL = auto()  # floats, wider grey, and CIELAB
    JPEG_BYTE = auto()  # compressed
    JPEG_SAMPLE = auto()
    JPEG_HALVED_SAMPLE = auto()  # of a picture that is decoded at half its size
    JPEG_SCAN_SAMPLE = auto()  # for each scan of a progressive picture
    PNG_SYMBOL = auto()
    PNG_ROW_BYTE = auto()  # decompressed
    PNG_INTERLACED_PIXEL = auto()
    TIFF_BYTE = auto()  # decompressed, or stored uncompressed
    TIFF_LZW_BYTE = auto()  # compressed
    TIFF_LZW_ROW_BYTE = auto()  # decompressed
    TIFF_SYMBOL = auto()  # of Deflate; decompressed twice, see `DecodingBudget.check_streams`
    TIFF_DEFLATED_ROW_BYTE = auto()
    TIFF_FAX_BYTE = auto()  # compressed
    WEBP_LOSSY_BYTE = auto()  # compressed
    WEBP_LOSSY_PIXEL = auto()
    WEBP_LOSSLESS_BYTE = auto()  # compressed
    WEBP_LOSSLESS_PIXEL = auto()
    WEBP_TABLE_BYTE = auto()  # tables of groups of prefix codes
    BMP_RUN_BYTE = auto()  # compressed
    BMP_RUN_PIXEL = auto()


Work = Mapping[Part, float]
"""Number of units of each part."""

NANOSECONDS: Work = {
    Part.OUT_PIXEL: 4.8,
    Part.CONVERTED_PIXEL: 0.32,
    Part.ALPHA_PIXEL: 7.3,
    Part.WIDE_PIXEL: 0.55,
    Part.SCALED_PIXEL: 18,
    Part.JPEG_BYTE: 12,
    Part.JPEG_SAMPLE: 0.25,
    Part.JPEG_HALVED_SAMPLE: 0.23,
    Part.JPEG_SCAN_SAMPLE: 1.4,
    Part.PNG_SYMBOL: 5,
    Part.PNG_ROW_BYTE: 5.5,
    Part.PNG_INTERLACED_PIXEL: 1.6,
    Part.TIFF_BYTE: 1.8,
    Part.TIFF_LZW_BYTE: 1.8,
    Part.TIFF_LZW_ROW_BYTE: 0.92,
    Part.TIFF_SYMBOL: 7.9,
    Part.TIFF_DEFLATED_ROW_BYTE: 0.6,
    Part.TIFF_FAX_BYTE: 19,
    Part.WEBP_LOSSY_BYTE: 52,
    Part.WEBP_LOSSY_PIXEL: 3.6,
    Part.WEBP_LOSSLESS_BYTE: 8,
    Part.WEBP_LOSSLESS_PIXEL: 4.3,
    Part.WEBP_TABLE_BYTE: 0.69,
    Part.BMP_RUN_BYTE: 550,
    Part.BMP_RUN_PIXEL: 1.4,
}


def seconds(work: Work) -> float:
    """Estimate the CPU time of work."""
    return sum(NANOSECONDS[part] * count for part, count in work.items()) / 1e9


def symbols(packed: int, unpacked: int) -> int:
    """Maximum number of Deflate symbols, each of which has at least one bit and yields a byte."""
    return min(8 * packed, unpacked)
