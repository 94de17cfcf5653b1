"""TIFF: one directory; the decoder gets only the tags that it needs, with bounded values."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lipiyana.images.headers import jpeg
from lipiyana.images.headers.costs import Part, symbols
from lipiyana.images.headers.header import (
    ImageHeader,
    animated,
    bad_header,
    check_deflated,
    too_complex,
    unsupported,
)

KIND = "TIFF"

MAX_TAGS = 1_000
MAX_PAGES_COUNTED = 100

MAX_PARTS = 20_000
"""Maximum number of strips or tiles. One strip per row is common; tiny tiles are not."""

MAX_PART_SEGMENTS = 16
"""JPEG segments allowed for each strip or tile, in addition to `jpeg.MAX_SEGMENTS`. A strip or tile
with tables of its own has at most 13."""

MAX_PART_SHARE = 4
"""Maximum ratio of the pixels of a strip or tile, and of all together, to those of the picture."""

_MARKS = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 16: 8, 17: 8, 11: 4, 5: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _COLOURS, _TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_BYTES = 284, 320, 322, 323, 324, 325
_JPEG_TABLES = 347
_SINGLE = {_WIDTH, _LENGTH, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, _ROWS, _PLANAR, 292, 293,
           317, _TILE_WIDTH, _TILE_LENGTH, 332, 531}  # fmt: skip
_LONGEST = dict.fromkeys(_SINGLE, 1) | {
    _BITS: 8, 338: 8, 339: 8,
    _STRIPS: MAX_PARTS, _STRIP_BYTES: MAX_PARTS, _TILES: MAX_PARTS, _TILE_BYTES: MAX_PARTS,
    _COLOURS: 3 << 16, _JPEG_TABLES: 1 << 16, 529: 3, 530: 2, 532: 6,
}  # fmt: skip
"""The tags that a decoder needs, with the maximum number of values of each."""

_WIDE_STRIP_BYTES = 32 << 20  # 64-bit numbers of a strip while it is converted
_INKS, _LAB = 5, 8

_NONE, _LZW, _JPEG = 1, 5, 7
_FAX = {2, 3, 4}
_DEFLATED = {8, 32946}
_ZLIB_BYTES = 64  # allowance per strip for the zlib header and rows that end within a byte
_COMPRESSIONS = {_NONE, 2, 3, 4, 5, _JPEG, 8, 32773, 32946}
"""CCITT, LZW, JPEG, Deflate and PackBits; cameras, scanners and editors write these."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order, and whether this is a BigTIFF, whose offsets have 64 bits."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        return 20 if self.big else 12

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")


@dataclass(frozen=True, slots=True)
class _Tag:
    """One entry of a directory: type, number of values, their offset, and the entry's bytes."""

    kind: int
    count: int
    at: int
    entry: bytes


def accepts(start: bytes) -> bool:
    """Say whether bytes begin like a TIFF."""
    return start[:4] in _MARKS


def read(data: bytes) -> ImageHeader:
    """Read the header of a TIFF of one page; `data` of the result has a new directory.

    Raises:
        InvalidImage: it is damaged, has several pages, too many strips, or a rare compression.
    """
    layout = _Layout(*_MARKS[data[:4]])
    (first,) = struct.unpack_from(layout.offset, data, 8 if layout.big else 4)
    tags, following = _directory(data, layout, first)
    _check_pages(data, layout, first, following)
    directory = _Directory(data, layout, tags)
    width, height = directory.number(_WIDTH), directory.number(_LENGTH)
    samples, bits = directory.number(_SAMPLES, 1), directory.number(_BITS, 1)
    compression = directory.number(_COMPRESSION, _NONE)
    if compression not in _COMPRESSIONS:
        raise unsupported(KIND, f"compression {compression}")
    if samples > 8 or bits > 64:
        raise unsupported(KIND, f"a pixel of {samples} samples of {bits} bits")
    if not width or not height:
        raise bad_header(KIND)
    part = directory.check_parts(width, height, samples)
    work: dict[Part, float] = {}
    if compression == _JPEG:
        work = directory.check_jpegs(width, height)
    elif compression != _NONE:
        directory.check_sizes(-(-part * samples * bits // 8))
    return ImageHeader(
        KIND,
        width,
        height,
        directory.minimal_file(),
        directory.number(_ORIENTATION, 1),
        pixel_bytes=1 if samples == 1 and bits <= 8 else 4,
        # the bytes with the new directory, and one strip or tile
        buffer_bytes=len(data)
        + part * max(4, samples * bits // 8)
        + _WIDE_STRIP_BYTES * (samples == 1 and bits > 16),
        work=work
        | directory.unpacking(directory.decoded_pixels(part, width, height) * samples * bits // 8)
        | _converting(width * height, samples, bits, directory.number(_PHOTOMETRIC)),
        deflated=tuple(directory.parts()) if compression in _DEFLATED else (),
    )


def _converting(pixels: int, samples: int, bits: int, photometric: int) -> dict[Part, float]:
    """The work of converting pixels to RGB."""
    grey = samples == 1
    if (grey and bits > 16) or photometric == _LAB:
        return {Part.SCALED_PIXEL: pixels}
    if grey and bits == 16:
        return {Part.WIDE_PIXEL: pixels}
    if photometric == _INKS or grey:
        return {Part.CONVERTED_PIXEL: pixels}
    return {Part.ALPHA_PIXEL: pixels} if samples in {2, 4} else {}


class _Directory:
    def __init__(self, data: bytes, layout: _Layout, tags: dict[int, _Tag]) -> None:
        self._data, self._layout, self._tags = data, layout, tags

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first value of a tag."""
        return next(self.numbers(tag), default)

    def numbers(self, tag: int) -> Iterator[int]:
        """Iterate over the values of a tag."""
        found = self._tags.get(tag)
        if found is None:
            return iter(())
        if found.kind not in _NUMBERS:
            raise bad_header(KIND)
        form = f"{self._layout.order}{found.count}{_NUMBERS[found.kind]}"
        return iter(struct.unpack_from(form, self._data, found.at))

    def check_parts(self, width: int, height: int, samples: int) -> int:
        """Reject strips and tiles that do not fit the picture; return the pixels of one."""
        tiled = _TILES in self._tags
        if tiled:
            sides = self.number(_TILE_WIDTH), self.number(_TILE_LENGTH)
        else:
            sides = width, min(height, self.number(_ROWS, height) or height)
        one = sides[0] * sides[1]
        count = self._tags[_TILES if tiled else _STRIPS].count if self._offsets() else 0
        if not one or not count:
            raise bad_header(KIND)
        planes = samples if self.number(_PLANAR, 1) == 2 else 1
        # a tile of a narrow picture is mostly empty
        room = MAX_PART_SHARE * max(width * height, 1 << 20)
        if one > room or one * count > room * planes:
            parts = "tiles" if tiled else "strips"
            raise too_complex(KIND, f"{count} {parts} of {sides[0]}x{sides[1]} pixels")
        return one

    def check_sizes(self, part_bytes: int) -> None:
        """Reject compressed strips that overlap, or that Deflate would not make so long.

        `part_bytes` is the decompressed size of one strip or tile.
        """
        sizes = [size for _, size in self.parts()]
        if sum(sizes) > 2 * len(self._data):
            raise too_complex(KIND, "strips that overlap")
        if self.number(_COMPRESSION) in _DEFLATED:
            check_deflated(KIND, sum(sizes), (part_bytes + _ZLIB_BYTES) * len(sizes))

    def decoded_pixels(self, part: int, width: int, height: int) -> int:
        """Number of pixels that are decompressed: tiles at the edge are decompressed as a whole."""
        if _TILES not in self._tags:
            return width * height
        planes = self.number(_SAMPLES, 1) if self.number(_PLANAR, 1) == 2 else 1
        return part * self._tags[_TILES].count // planes

    def unpacking(self, unpacked: int) -> dict[Part, float]:
        """The work of decompressing to `unpacked` bytes of pixels."""
        packed = sum(size for _, size in self.parts())
        compression = self.number(_COMPRESSION, _NONE)
        if compression in _DEFLATED:
            return {
                Part.TIFF_SYMBOL: symbols(packed, unpacked),
                Part.TIFF_DEFLATED_ROW_BYTE: unpacked,
            }
        if compression == _LZW:
            return {Part.TIFF_LZW_BYTE: packed, Part.TIFF_LZW_ROW_BYTE: unpacked}
        if compression in _FAX:
            return {Part.TIFF_FAX_BYTE: packed}
        return {Part.TIFF_BYTE: unpacked}

    def check_jpegs(self, width: int, height: int) -> dict[Part, float]:
        """Reject JPEG strips beyond the limits of a JPEG of this size; return the work of all."""
        parts = list(self.parts())
        if sum(size for _, size in parts) > len(self._data) or len({*parts}) < len(parts):
            raise too_complex(KIND, "strips that overlap")
        work = samples = 0.0
        segments = jpeg.Segments(jpeg.MAX_SEGMENTS + MAX_PART_SEGMENTS * len(parts))
        for at, size in parts:
            frame = jpeg.read_frame(self._data[at : at + size], segments)
            work += frame.total_work()
            samples += frame.samples
            if work > jpeg.MAX_WORK or work > 100 * MAX_PART_SHARE * max(width * height, 1 << 20):
                raise too_complex(KIND, f"JPEG strips of {frame.scans} scans")
        packed = sum(size for _, size in parts)
        return {Part.JPEG_BYTE: packed, Part.JPEG_SAMPLE: samples, Part.JPEG_SCAN_SAMPLE: work}

    def parts(self) -> Iterator[tuple[int, int]]:
        """Iterate over the offset and the size in bytes of each strip or tile."""
        tiled = _TILES in self._tags
        sizes = self.numbers(_TILE_BYTES if tiled else _STRIP_BYTES)
        return zip(self._offsets(), sizes, strict=False)

    def _offsets(self) -> list[int]:
        return list(self.numbers(_TILES if _TILES in self._tags else _STRIPS))

    def minimal_file(self) -> bytes:
        """Return the file with a new directory, at its end, of the tags that a decoder needs."""
        layout = self._layout
        entries = [tag.entry for name, tag in sorted(self._tags.items()) if name != _ORIENTATION]
        start = len(self._data) + len(self._data) % 2
        return b"".join(
            (
                self._data[: 8 if layout.big else 4],
                struct.pack(layout.offset, start),
                memoryview(self._data)[16 if layout.big else 8 :],
                bytes(start - len(self._data)),
                struct.pack(layout.count, len(entries)),
                *entries,
                struct.pack(layout.offset, 0),
            )
        )


def _directory(data: bytes, layout: _Layout, at: int) -> tuple[dict[int, _Tag], int]:
    """Return the orientation and the tags that a decoder needs, and the next directory's offset."""
    (count,) = struct.unpack_from(layout.count, data, at)
    if count > MAX_TAGS:
        raise too_complex(KIND, f"a directory of {count} tags")
    start = at + struct.calcsize(layout.count)
    inline = 8 if layout.big else 4
    tags: dict[int, _Tag] = {}
    for index in range(count):
        place = start + index * layout.entry
        name, kind = struct.unpack_from(layout.order + "HH", data, place)
        (values,) = struct.unpack_from(layout.offset, data, place + 4)
        if name in tags or name not in {*_LONGEST, _ORIENTATION}:
            continue
        most = _LONGEST.get(name, 1)
        if values > most:
            if most == MAX_PARTS:
                raise too_complex(KIND, f"more than {MAX_PARTS} strips or tiles")
            raise bad_header(KIND)
        size = values * _TYPE_BYTES.get(kind, 1 << 40)
        where = place + 4 + inline
        if size > inline:
            (where,) = struct.unpack_from(layout.offset, data, where)
        if not size or where + size > len(data):
            raise bad_header(KIND)
        tags[name] = _Tag(kind, values, where, data[place : place + layout.entry])
    (following,) = struct.unpack_from(layout.offset, data, start + count * layout.entry)
    return tags, following


def _check_pages(data: bytes, layout: _Layout, first: int, following: int) -> None:
    """Reject several pages. The chain of directories may be a cycle, which ends the count."""
    seen = {first}
    while following and following not in seen and len(seen) < MAX_PAGES_COUNTED:
        seen.add(following)
        try:
            (count,) = struct.unpack_from(layout.count, data, following)
            behind = following + struct.calcsize(layout.count) + count * layout.entry
            (following,) = struct.unpack_from(layout.offset, data, behind)
        except struct.error:
            break
    if len(seen) > 1:
        at_least = "at least " if len(seen) == MAX_PAGES_COUNTED else ""
        raise animated(KIND, f"{at_least}{len(seen)}", "pages")
