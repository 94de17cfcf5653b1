"""TIFFs that are expensive to decode."""

from __future__ import annotations

import struct
from collections.abc import Callable

import hostile_jpeg
from hostile_pictures import encoded, noise
from PIL import Image


def directory_bytes(entries: dict[int, tuple[int, int, int]], next_at: int = 0) -> bytes:
    """Make a little-endian directory of {tag: (type, count, value or offset)}."""
    out = struct.pack("<H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        packed = (
            struct.pack("<H2x", value) if kind == 3 and count == 1 else struct.pack("<I", value)
        )
        out += struct.pack("<HHI", tag, kind, count) + packed
    return out + struct.pack("<I", next_at)


def grey_entries(
    width: int, height: int, at: int, size: int, *, compression: int = 1
) -> dict[int, tuple[int, int, int]]:
    """Return the tags of a grey TIFF with one strip."""
    return {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, 1, 8),
        259: (3, 1, compression),
        262: (3, 1, 1),
        273: (4, 1, at),
        277: (3, 1, 1),
        278: (4, 1, height),
        279: (4, 1, size),
    }


def of_directory(directory: Callable[[int], bytes], body: bytes) -> bytes:
    """Make a TIFF of a body at offset 8 and a directory after it; `directory` gets its offset."""
    at = 8 + len(body)
    return b"II*\0" + struct.pack("<I", at) + body + directory(at)


def directories(count: int) -> bytes:
    entries = grey_entries(8, 8, 8, 64)
    length = 2 + 12 * len(entries) + 4

    def chain(at: int) -> bytes:
        nexts = [at + length * (i + 1) for i in range(count - 1)] + [0]
        return b"".join(directory_bytes(entries, following) for following in nexts)

    return of_directory(chain, bytes(64))


def loop() -> bytes:
    return of_directory(lambda at: directory_bytes(grey_entries(8, 8, 8, 64), at), bytes(64))


def tags(count: int, size: int) -> bytes:
    """Make many tags that point to the same large data."""
    entries = grey_entries(8, 8, 8, 64) | {40000 + i: (1, size, 8) for i in range(count)}
    return of_directory(lambda _: directory_bytes(entries), bytes(max(64, size)))


def number_array(count: int) -> bytes:
    """Make one tag with a huge number of short integers."""
    entries = grey_entries(8, 8, 8, 64) | {40000: (3, count, 8)}
    return of_directory(lambda _: directory_bytes(entries), bytes(max(64, 2 * count)))


def strips(width: int, height: int, compression: int = 1, strip: bytes = b"") -> bytes:
    """Make one strip per row, all with the same data."""
    strip = strip or bytes(width)
    offsets = struct.pack("<I", 8) * height
    sizes = struct.pack("<I", len(strip)) * height
    base = 8 + len(strip)
    entries = grey_entries(width, height, 8, len(strip), compression=compression) | {
        273: (4, height, base),
        278: (4, 1, 1),
        279: (4, height, base + len(offsets)),
    }
    return of_directory(lambda _: directory_bytes(entries), strip + offsets + sizes)


def jpeg_strips(count: int, segments: int) -> bytes:
    """Make one strip per row, each a separate JPEG with many segments."""
    strip = hostile_jpeg.with_segments(
        encoded(noise(8, 1, "L"), "JPEG"), [hostile_jpeg.segment_bytes(0xFE, b"")] * segments
    )
    base = 8 + len(strip) * count
    offsets = struct.pack(f"<{count}I", *range(8, base, len(strip)))
    sizes = struct.pack("<I", len(strip)) * count
    entries = grey_entries(8, count, 8, len(strip), compression=7) | {
        273: (4, count, base),
        278: (4, 1, 1),
        279: (4, count, base + len(offsets)),
    }
    return of_directory(lambda _: directory_bytes(entries), strip * count + offsets + sizes)


def tiles(width: int, height: int, side: int = 16) -> bytes:
    count = -(-width // side) * -(-height // side)
    body = bytes(side * side)
    offsets = struct.pack("<I", 8) * count
    sizes = struct.pack("<I", len(body)) * count
    entries = grey_entries(width, height, 8, len(body))
    for tag in (273, 278, 279):
        del entries[tag]
    base = 8 + len(body)
    entries |= {
        322: (4, 1, side),
        323: (4, 1, side),
        324: (4, count, base),
        325: (4, count, base + len(offsets)),
    }
    return of_directory(lambda _: directory_bytes(entries), body + offsets + sizes)


def huge_tile(side: int) -> bytes:
    """Make a picture of 16x16 in a tile whose declared size is far larger."""
    whole = tiles(16, 16)
    for tag in (322, 323):
        whole = whole.replace(
            struct.pack("<HHII", tag, 4, 1, 16), struct.pack("<HHII", tag, 4, 1, side)
        )
    return whole


def one_strip(width: int, height: int, compression: int, body: bytes) -> bytes:
    entries = grey_entries(width, height, 8, len(body), compression=compression)
    return of_directory(lambda _: directory_bytes(entries), body)


def plain(width: int, height: int, mode: str, compression: str) -> bytes:
    return encoded(Image.new(mode, (width, height)), "TIFF", compression=compression)
