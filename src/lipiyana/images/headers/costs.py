"""The cost of decoding: parts of the work, and the CPU time that each part takes.

A reader of headers counts the parts. Their times were fitted to flat pictures of every format and
to ones of as much entropy as can be, by `benchmarks/serving/picture_memory.py --fit`: none of
them took longer than is estimated. Most take less, a photo as PNG half of it, a phone's JPEG nine
tenths. The times are of one core of a server's Xeon at 2.6 GHz, which had other work to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class Part(Enum):
    """A kind of work; its name contains the unit."""

    OUT_PIXEL = auto()  # whatever the format
    CONVERTED_PIXEL = auto()  # grey, of a palette, of four inks
    ALPHA_PIXEL = auto()  # composited on a ground
    WIDE_PIXEL = auto()  # grey of 16 bits
    SCALED_PIXEL = auto()  # floats, wider grey, and CIELAB
    JPEG_BYTE = auto()  # packed
    JPEG_SAMPLE = auto()
    JPEG_HALVED_SAMPLE = auto()  # of a picture that comes at half of its size
    JPEG_SCAN_SAMPLE = auto()  # of a progressive one, in each scan
    PNG_SYMBOL = auto()
    PNG_ROW_BYTE = auto()  # unpacked
    PNG_INTERLACED_PIXEL = auto()
    TIFF_BYTE = auto()  # unpacked, or never packed
    TIFF_LZW_BYTE = auto()  # packed
    TIFF_LZW_ROW_BYTE = auto()  # unpacked
    TIFF_SYMBOL = auto()  # deflated; unpacked twice, see `DecodingBudget.check_streams`
    TIFF_DEFLATED_ROW_BYTE = auto()
    TIFF_FAX_BYTE = auto()  # packed
    WEBP_LOSSY_BYTE = auto()  # packed
    WEBP_LOSSY_PIXEL = auto()
    WEBP_LOSSLESS_BYTE = auto()  # packed
    WEBP_LOSSLESS_PIXEL = auto()
    WEBP_TABLE_BYTE = auto()  # of groups of prefix codes
    BMP_RUN_BYTE = auto()  # packed
    BMP_RUN_PIXEL = auto()


Work = Mapping[Part, float]
"""How much there is of each part."""

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
    """Give the CPU time that work takes."""
    return sum(NANOSECONDS[part] * count for part, count in work.items()) / 1e9


def symbols(packed: int, unpacked: int) -> int:
    """Give the most symbols of Deflate that so many bytes can be made of: one has a bit or more."""
    return min(8 * packed, unpacked)
