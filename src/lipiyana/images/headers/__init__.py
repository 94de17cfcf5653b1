"""Reads the header of a picture before any decoder sees its bytes.

In: encoded bytes. Out: an `ImageHeader` with the format, size, orientation, estimated cost of
decoding, and only those bytes that a decoder needs. Every pass over the bytes is linear and
bounded.
"""

from lipiyana.images.headers.formats import read_header
from lipiyana.images.headers.header import SHRUNK_FROM, STRIP_PIXELS, ImageHeader, damaged

__all__ = ["SHRUNK_FROM", "STRIP_PIXELS", "ImageHeader", "damaged", "read_header"]
