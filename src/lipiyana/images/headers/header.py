"""Shared by all formats: the header that is returned, and the errors."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from lipiyana.errors import InvalidImage
from lipiyana.images.headers import costs
from lipiyana.images.headers.costs import Part, Work

SHRUNK_FROM = 25_000_000
"""Number of pixels above which a picture may be decoded at half its size (JPEG only)."""

_RGB = 3  # bytes per pixel of the result

STRIP_PIXELS = 1 << 20
"""Pixels converted at a time. Strips avoid a second copy of a large picture."""

_STRIP_BYTES = 12  # temporary bytes per pixel of a strip
_ORIENTATION_TAG = 0x0112
_MAX_EXIF_TAGS = 1_000
_WORST_DEFLATED = 1.25
_DEFLATED_SLACK = 1 << 16


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Facts about an encoded picture before it is decoded.

    Attributes:
        kind: the format by Pillow's name.
        width: pixels, as stored.
        height: pixels, as stored.
        data: the bytes without the parts that a decoder does not need.
        orientation: EXIF orientation, 1 to 8; 1 if there is none.
        pixel_bytes: bytes per pixel in the decoder.
        buffer_bytes: bytes that the decoder needs in addition to its pixels.
        work: work of decoding, without `Part.OUT_PIXEL`.
        halves: whether it can be decoded at half its size.
        deflated: offset and size in `data` of each zlib stream that the decoder decompresses in
            one call.
    """

    kind: str
    width: int
    height: int
    data: bytes
    orientation: int = 1
    pixel_bytes: int = 4
    buffer_bytes: int = 0
    work: Work = field(default_factory=dict)
    halves: bool = False
    deflated: tuple[tuple[int, int], ...] = ()

    @property
    def large(self) -> bool:
        """Whether it is decoded at half its size if `shrunk` is given."""
        return self.halves and self.width * self.height > SHRUNK_FROM

    @property
    def turned(self) -> bool:
        """Whether its upright width is the stored height."""
        return self.orientation in {5, 6, 7, 8}

    def pixels(self, *, shrunk: bool = False) -> int:
        """Number of decoded pixels."""
        if shrunk and self.large:
            return -(-self.width // 2) * -(-self.height // 2)
        return self.width * self.height

    def whole_work(self, *, shrunk: bool = False) -> Work:
        """The work of decoding to an RGB array."""
        work = dict(self.work)
        if shrunk and self.large:
            work[Part.JPEG_HALVED_SAMPLE] = work.pop(Part.JPEG_SAMPLE, 0)
            if Part.CONVERTED_PIXEL in work:
                work[Part.CONVERTED_PIXEL] = self.pixels(shrunk=True)
        return work | {Part.OUT_PIXEL: self.pixels(shrunk=shrunk)}

    def seconds(self, *, shrunk: bool = False) -> float:
        """Estimate the CPU time of decoding, on the machine on which `costs` was measured."""
        return costs.seconds(self.whole_work(shrunk=shrunk))

    def memory(self, *, shrunk: bool = False) -> int:
        """Estimate the peak memory of decoding in bytes, including the RGB array."""
        pixels = self.pixels(shrunk=shrunk)
        converted = min(pixels, STRIP_PIXELS) * _STRIP_BYTES
        return pixels * (self.pixel_bytes + _RGB) + converted + self.buffer_bytes


def check_deflated(kind: str, packed: int, unpacked: int) -> None:
    """Reject far more compressed bytes than a compressor writes, for example empty blocks.

    Raises:
        InvalidImage: there are more than the worst compressor would write (9 bits for 8).
    """
    if packed > _WORST_DEFLATED * unpacked + _DEFLATED_SLACK:
        raise too_complex(kind, f"{packed} compressed bytes for {unpacked} bytes of pixels")


def damaged(kind: str) -> InvalidImage:
    """Create the error of a picture whose pixels are damaged."""
    return InvalidImage(
        f"the {kind} is cut off or damaged; send the complete file", reason="TRUNCATED_IMAGE"
    )


def bad_header(kind: str) -> InvalidImage:
    """Create the error of a picture with a damaged header."""
    return InvalidImage(
        f"the picture begins like a {kind}, but its header is cut off or damaged",
        reason="TRUNCATED_IMAGE",
    )


def too_complex(kind: str, what: str) -> InvalidImage:
    """Create the error of a picture that costs far more than its size suggests."""
    return InvalidImage(
        f"the {kind} has {what}; save it again as an ordinary JPEG or PNG",
        reason="IMAGE_TOO_COMPLEX",
    )


def unsupported(kind: str, what: str) -> InvalidImage:
    """Create the error of a picture of an unsupported kind."""
    return InvalidImage(
        f"{what} is not supported in a {kind}; save it again as an ordinary JPEG or PNG",
        reason="UNSUPPORTED_FORMAT",
    )


def animated(kind: str, count: str, parts: str = "frames") -> InvalidImage:
    """Create the error of a picture with several frames or pages."""
    return InvalidImage(
        f"the {kind} has {count} {parts}; send them one by one", reason="ANIMATED_IMAGE"
    )


def exif_orientation(exif: bytes) -> int:
    """Read the orientation from EXIF, with or without its prefix; 1 if there is none.

    Only the first 1,000 tags of the directory are searched.
    """
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for index in range(min(count, _MAX_EXIF_TAGS)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * index)
            if tag == _ORIENTATION_TAG:
                return int(value)
    except struct.error:
        return 1
    return 1
