"""Which characters a font has: the `cmap` table of OpenType, read without a font library.

Only what labels need: the best Unicode subtable, of format 4 or 12, of a file's first face.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path

# (platform, encoding) of subtables that map Unicode, the largest repertoire first
_UNICODE = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))
_MAX_GLYPHS = 0x10000  # a font has no more: bounds what a damaged table may claim


@lru_cache(maxsize=64)
def characters_of(path: Path) -> frozenset[int]:
    """Give the code points that a font file maps to glyphs; none if it cannot be read."""
    try:
        return characters(path.read_bytes())
    except OSError:
        return frozenset()


def characters(data: bytes) -> frozenset[int]:
    """Give the code points that a font maps to glyphs; none where the data is damaged."""
    try:
        start = _cmap(data)
        _, count = struct.unpack_from(">HH", data, start)
        found = {}
        for index in range(count):
            platform, encoding, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * index)
            found[platform, encoding] = start + offset
        for key in _UNICODE:
            if key in found and (points := _subtable(data, found[key])):
                return frozenset(points)
    except (struct.error, LookupError):
        pass
    return frozenset()


def _cmap(data: bytes) -> int:
    """Find the table in the directory of the first face."""
    directory = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
    (tables,) = struct.unpack_from(">H", data, directory + 4)
    for index in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, directory + 12 + 16 * index)
        if tag == b"cmap":
            return int(offset)
    raise LookupError("no cmap")


def _subtable(data: bytes, start: int) -> set[int]:
    (kind,) = struct.unpack_from(">H", data, start)
    if kind == 4:
        return _segments(data, start)
    if kind == 12:
        return _groups(data, start)
    return set()


def _groups(data: bytes, start: int) -> set[int]:
    """Format 12: groups of (first, last, glyph of the first)."""
    (count,) = struct.unpack_from(">I", data, start + 12)
    points: set[int] = set()
    for index in range(min(count, _MAX_GLYPHS)):
        first, last, glyph = struct.unpack_from(">III", data, start + 16 + 12 * index)
        points.update(range(first + (glyph == 0), min(last, first + _MAX_GLYPHS) + 1))
        if len(points) > _MAX_GLYPHS:
            break
    return points


def _segments(data: bytes, start: int) -> set[int]:
    """Format 4: segments whose glyphs are the code point plus a delta, or stand in a list."""
    (twice,) = struct.unpack_from(">H", data, start + 6)
    lasts = struct.unpack_from(f">{twice // 2}H", data, start + 14)
    firsts = struct.unpack_from(f">{twice // 2}H", data, start + 16 + twice)
    deltas = struct.unpack_from(f">{twice // 2}H", data, start + 16 + 2 * twice)
    offsets_at = start + 16 + 3 * twice
    offsets = struct.unpack_from(f">{twice // 2}H", data, offsets_at)
    points: set[int] = set()
    before = -1
    for index, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        if first <= before:  # they ascend, or the table is damaged and could take for ever
            break
        before = last
        for point in range(first, last + 1):
            glyph = point
            if offsets[index]:
                at = offsets_at + 2 * index + offsets[index] + 2 * (point - first)
                (glyph,) = struct.unpack_from(">H", data, at)
            if point != 0xFFFF and (glyph if offsets[index] else (point + deltas[index]) & 0xFFFF):
                points.add(point)
    return points
