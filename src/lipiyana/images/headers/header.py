"""What all formats share: the header that is returned, and the errors."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from lipiyana.errors import InvalidImage
from lipiyana.images.headers import costs
from lipiyana.images.headers.costs import Part, Work

SHRUNK_FROM = 25_000_000
"""Pixels above which a format that can be decoded at half of its size is, where that is wanted."""

_RGB = 3  # bytes of a pixel as it is given

STRIP_PIXELS = 1 << 20
"""Pixels that are converted at a time, so that no second copy of a large picture is made."""

_STRIP_BYTES = 12  # of each of them, meanwhile
_ORIENTATION_TAG = 0x0112
_MAX_EXIF_TAGS = 1_000
_WORST_DEFLATED = 1.25
_DEFLATED_SLACK = 1 << 16


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What is known of an encoded picture before it is decoded.

    Attributes:
        kind: the format by Pillow's name.
        width: pixels, as stored.
        height: pixels, as stored.
        data: what a decoder needs of the bytes.
        orientation: of EXIF, 1 to 8; 1 where there is none.
        pixel_bytes: of one decoded pixel in the decoder.
        buffer_bytes: that the decoder holds beside its pixels.
        work: that decoding is, without what the pixels that come out cost in any format.
        halves: whether it can be decoded at half of its size.
        deflated: offset and size in `data` of each zlib stream that a decoder unpacks in one go.
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
        """Whether it is decoded at half of its size where that is wanted."""
        return self.halves and self.width * self.height > SHRUNK_FROM

    @property
    def turned(self) -> bool:
        """Whether its upright width is the stored height."""
        return self.orientation in {5, 6, 7, 8}

    def pixels(self, *, shrunk: bool = False) -> int:
        """Give the number of pixels that come out."""
        if shrunk and self.large:
            return -(-self.width // 2) * -(-self.height // 2)
        return self.width * self.height

    def whole_work(self, *, shrunk: bool = False) -> Work:
        """Give the work of decoding to an RGB array."""
        work = dict(self.work)
        if shrunk and self.large:
            work[Part.JPEG_HALVED_SAMPLE] = work.pop(Part.JPEG_SAMPLE, 0)
            if Part.CONVERTED_PIXEL in work:
                work[Part.CONVERTED_PIXEL] = self.pixels(shrunk=True)
        return work | {Part.OUT_PIXEL: self.pixels(shrunk=shrunk)}

    def seconds(self, *, shrunk: bool = False) -> float:
        """Estimate the CPU time of decoding, on the machine of `costs`."""
        return costs.seconds(self.whole_work(shrunk=shrunk))

    def memory(self, *, shrunk: bool = False) -> int:
        """Estimate the bytes that decoding to an RGB array takes, the array among them."""
        pixels = self.pixels(shrunk=shrunk)
        converted = min(pixels, STRIP_PIXELS) * _STRIP_BYTES
        return pixels * (self.pixel_bytes + _RGB) + converted + self.buffer_bytes


def check_deflated(kind: str, packed: int, unpacked: int) -> None:
    """Refuse far more deflated bytes than a packer makes, such as empty blocks.

    Raises:
        InvalidImage: there are more than the worst packers, with 9 bits for 8, would leave.
    """
    if packed > _WORST_DEFLATED * unpacked + _DEFLATED_SLACK:
        raise too_complex(kind, f"{packed} packed bytes for {unpacked} of pixels")


def damaged(kind: str) -> InvalidImage:
    """Make the error of a picture whose pixels are damaged."""
    return InvalidImage(
        f"the {kind} is cut off or damaged; send it again whole", reason="TRUNCATED_IMAGE"
    )


def bad_header(kind: str) -> InvalidImage:
    """Make the error of a picture with a damaged header."""
    return InvalidImage(
        f"the picture begins like a {kind}, but its header is cut off or damaged",
        reason="TRUNCATED_IMAGE",
    )


def too_complex(kind: str, what: str) -> InvalidImage:
    """Make the error of a picture that costs far more than its size suggests."""
    return InvalidImage(
        f"the {kind} has {what}; save it again as an ordinary JPEG or PNG",
        reason="IMAGE_TOO_COMPLEX",
    )


def unsupported(kind: str, what: str) -> InvalidImage:
    """Make the error of a picture of an unsupported kind."""
    return InvalidImage(
        f"{what} is not supported in a {kind}; save it again as an ordinary JPEG or PNG",
        reason="UNSUPPORTED_FORMAT",
    )


def animated(kind: str, count: str, parts: str = "frames") -> InvalidImage:
    """Make the error of an animated picture."""
    return InvalidImage(
        f"the {kind} has {count} {parts}; send them one by one", reason="ANIMATED_IMAGE"
    )


def exif_orientation(exif: bytes) -> int:
    """Read the orientation out of EXIF, whatever its form: 1 where there is none.

    Of a directory of more than 1,000 tags the first 1,000 are looked at.
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
