"""Reads the header of a picture before any decoder sees its bytes.

`read_header` takes encoded bytes and gives an `ImageHeader`: format, size, orientation, what the
decoding will need, and the bytes that a decoder needs without the rest. Every walk over the bytes
is linear and has a bound.
"""

from lipiyana.images.headers.formats import read_header
from lipiyana.images.headers.header import SHRUNK_FROM, STRIP_PIXELS, ImageHeader, damaged

__all__ = ["SHRUNK_FROM", "STRIP_PIXELS", "ImageHeader", "damaged", "read_header"]
