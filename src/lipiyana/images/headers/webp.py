"""WebP: chunks of a RIFF file; the decoder gets only those that it needs for the pixels.

VP8L, the lossless coding of WebP, can declare many groups of prefix codes. A group takes a few
bits in the file, but kilobytes of tables in the decoder. The number of groups is only known from
the entropy image, which follows the images of the transforms. These small images are parsed here
as the decoder does; the pixels of the picture are not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

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

MAX_GROUPS = 10_000
"""libwebp's encoder makes at most 2,600."""

MAX_SMALL_PIXELS = 400_000
"""Maximum number of pixels of all small images together. For large pictures, libwebp's encoder uses
transform blocks of at least 16x16 pixels: 50 megapixels have 390,000 of them in two transforms."""

_GROUP_BYTES = 600  # of libwebp's struct, without the tables
_TABLE_ENTRIES = 2300  # maximum of the four tables whose size does not depend on the colour cache
_GREEN_ENTRIES = (654, 656, 658, 662, 670, 686, 718, 782, 912, 1168, 1680, 2704)
"""Maximum size of the table of green, by the bits of the colour cache."""

_PREDICTOR, _CROSS_COLOUR, _PALETTE = 0, 1, 3
_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40
_MOST_CACHE_BITS = 11
_LONGEST_CODE = 15
_LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}  # extra bits and minimum count

_WINDOW = 12  # bytes: four codes of 15 bits, or a length and a distance with their extra bits

_Code = tuple[int, list[int]]
"""A prefix code: the number of bits to look up, and a table of `symbol << 4 | length`."""


def group_bytes(data: bytes, at: int, width: int, height: int) -> int:
    """Estimate the memory that the decoder needs for the tables of all groups of prefix codes.

    Args:
        data: the file.
        at: offset of the coded image, after its size.
        width: width of the image in pixels.
        height: height of the image in pixels.

    Raises:
        InvalidImage: it is damaged before its pixels begin, or has too many groups or blocks.
    """
    groups, cache_bits = _Reader(data, 8 * at).groups(width, height)
    if groups > MAX_GROUPS:
        raise too_complex(KIND, f"{groups} groups of prefix codes")
    return groups * (_GROUP_BYTES + 4 * (_TABLE_ENTRIES + _GREEN_ENTRIES[cache_bits]))


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int  # bits
    pixels: int = 0
    seen: set[int] = field(default_factory=set)

    def groups(self, width: int, height: int) -> tuple[int, int]:
        """Return the number of groups and the bits of the colour cache."""
        done: set[int] = set()
        while self._bits(1):
            kind = self._bits(2)
            if kind in done:
                raise bad_header(KIND)
            done.add(kind)
            if kind in {_PREDICTOR, _CROSS_COLOUR}:
                self._blocks(width, height)
            elif kind == _PALETTE:
                colours = 1 + self._bits(8)
                self._image(colours)
                packed = next(
                    n for n, most in ((3, 2), (2, 4), (1, 16), (0, 256)) if colours <= most
                )
                width = -(-width >> packed)
        cache_bits = self._cache_bits()
        groups = 1
        if self._bits(1):
            groups = 1 + max(self._blocks(width, height))
        if self.at > 8 * len(self.data):
            raise bad_header(KIND)
        return groups, cache_bits

    def _bits(self, count: int) -> int:
        at = self.at
        self.at += count
        byte = at >> 3
        window = int.from_bytes(self.data[byte : byte + 4], "little")
        return window >> (at & 7) & ((1 << count) - 1)

    def _cache_bits(self) -> int:
        if not self._bits(1):
            return 0
        bits = self._bits(4)
        if not 1 <= bits <= _MOST_CACHE_BITS:
            raise bad_header(KIND)
        return bits

    def _blocks(self, width: int, height: int) -> set[int]:
        """Parse an image that has one pixel for each block."""
        bits = 2 + self._bits(3)
        return self._image((-(-width >> bits)) * (-(-height >> bits)))

    def _image(self, pixels: int) -> set[int]:
        """Parse a small image; return the numbers in the red and green of its literal pixels.

        Copied pixels and those from the colour cache repeat earlier numbers, or are 0.
        """
        self.pixels += pixels
        if self.pixels > MAX_SMALL_PIXELS:
            raise too_complex(
                KIND, f"more than {MAX_SMALL_PIXELS} blocks with settings of their own"
            )
        cache_bits = self._cache_bits()
        sizes = _LITERALS + _LENGTHS + (1 << cache_bits if cache_bits else 0), 256, 256, 256
        green, red, blue, alpha, far = (self._code(size) for size in (*sizes, _DISTANCES))
        data, at, left = self.data, self.at, pixels
        numbers = {0} if cache_bits else set()
        masks = [(1 << code[0]) - 1 for code in (green, red, blue, alpha)]
        green_mask, red_mask, blue_mask, alpha_mask = masks
        greens, reds, blues, alphas = green[1], red[1], blue[1], alpha[1]
        while left > 0:
            byte = at >> 3
            window = int.from_bytes(data[byte : byte + _WINDOW], "little") >> (at & 7)
            found = greens[window & green_mask]
            used, symbol = found & 15, found >> 4
            if symbol < _LITERALS:
                found = reds[window >> used & red_mask]
                numbers.add((found >> 4) << 8 | symbol)
                used += found & 15
                used += blues[window >> used & blue_mask] & 15
                used += alphas[window >> used & alpha_mask] & 15
                if not used:  # codes of zero bits: all remaining pixels are equal
                    break
                left -= 1
            elif symbol < _LITERALS + _LENGTHS:
                extra, length = _prefixed(symbol - _LITERALS)
                left -= length + (window >> used & ((1 << extra) - 1))
                used += extra
                found = far[1][window >> used & ((1 << far[0]) - 1)]
                used += (found & 15) + _prefixed(found >> 4)[0]
            else:
                left -= 1
            at += used
        self.at = at
        return numbers

    def _code(self, size: int) -> _Code:
        lengths = [0] * size
        if self._bits(1):
            several = self._bits(1)
            symbols = [self._bits(8 if self._bits(1) else 1)]
            if several:
                symbols.append(self._bits(8))
            for symbol in symbols:
                if symbol >= size:
                    raise bad_header(KIND)
                lengths[symbol] = 1
            return _table(lengths)
        order = _LENGTH_ORDER[: 4 + self._bits(4)]
        of_lengths = [0] * len(_LENGTH_ORDER)
        for one in order:
            of_lengths[one] = self._bits(3)
        bits, table = _table(of_lengths)
        most = 2 + self._bits(2 + 2 * self._bits(3)) if self._bits(1) else size
        at, before = 0, 8
        while at < size and most:
            most -= 1
            found = table[self._bits(bits)]
            self.at -= bits - (found & 15)
            symbol = found >> 4
            if symbol in _REPEATS:
                extra, least = _REPEATS[symbol]
                count = least + self._bits(extra)
                lengths[at : at + count] = [before if symbol == 16 else 0] * count
                at += count
            else:
                lengths[at] = symbol
                before = symbol or before
                at += 1
        if at > size:
            raise bad_header(KIND)
        return _table(lengths)


def _prefixed(symbol: int) -> tuple[int, int]:
    """Return the number of extra bits of a length or distance, and its minimum."""
    if symbol < 4:
        return 0, symbol + 1
    extra = (symbol - 2) >> 1
    return extra, ((2 + (symbol & 1)) << extra) + 1


def _table(lengths: list[int]) -> _Code:
    """Build the table of a canonical prefix code, which must be complete.

    Codes are stored from their highest bit on, so they are reversed for the look-up.
    """
    used = [(length, symbol) for symbol, length in enumerate(lengths) if length]
    if not used:
        raise bad_header(KIND)
    if len(used) == 1:
        return 0, [used[0][1] << 4]
    longest = max(used)[0]
    if sum(1 << (_LONGEST_CODE - length) for length, _ in used) != 1 << _LONGEST_CODE:
        raise bad_header(KIND)
    table = [0] * (1 << longest)
    code, before = 0, 0
    for length, symbol in sorted(used):
        code <<= length - before
        before = length
        turned = int(f"{code:0{length}b}"[::-1], 2)
        table[turned :: 1 << length] = [symbol << 4 | length] * (1 << (longest - length))
        code += 1
    return longest, table


_NEEDED = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH"}
_ALPHA = 0x10
_SIZE_BYTES = 5  # signature and size of a VP8L chunk
_COMPRESSION, _AS_VP8L = 3, 1  # of an ALPH chunk


def accepts(start: bytes) -> bool:
    """Say whether bytes begin like a WebP."""
    return start.startswith(b"RIFF") and start[8:12] == b"WEBP"


def read(data: bytes) -> ImageHeader:
    """Read the header of a WebP; `data` of the result has no profiles and other metadata.

    Raises:
        InvalidImage: it is truncated, animated, or has too many chunks or groups of prefix codes.
    """
    chunks: list[bytes] = []
    sizes: dict[bytes, tuple[int, int]] = {}
    lossless_at: list[int] = []
    packed = {b"VP8 ": 0, b"VP8L": 0, b"ALPH": 0}
    orientation, has_exif, frames, alpha = 1, False, 0, False
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
                chunks.append(data[at:end])
                packed[name] = end - at
                if name == b"VP8L":
                    lossless_at.append(at + 8 + _SIZE_BYTES)
                elif name == b"ALPH" and body[0] & _COMPRESSION == _AS_VP8L:
                    lossless_at.append(at + 8 + 1)
            alpha |= _has_alpha(name, body)
        elif name == b"EXIF" and not has_exif:
            has_exif = True
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
    # without animation, the picture must have the size of the canvas
    if len({size for name, size in sizes.items() if name != b"ALPH"}) > 1:
        raise bad_header(KIND)
    width, height = next(size for name, size in sizes.items() if name != b"ALPH")
    body = b"WEBP" + b"".join(chunks)
    lossless = b"VP8L" in sizes or b"ALPH" in sizes
    pixels = width * height
    tables = sum(group_bytes(data, start, width, height) for start in lossless_at)
    return ImageHeader(
        KIND,
        width,
        height,
        b"RIFF" + struct.pack("<I", len(body)) + body,
        orientation,
        # libwebp's pixels, and OpenCV's RGBA copy if there is alpha
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
