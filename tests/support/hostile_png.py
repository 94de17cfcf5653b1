"""PNGs that are expensive to decode."""

from __future__ import annotations

import struct
import zlib

import numpy as np


def of_size(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Make a PNG without pixel data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def zeros(
    width: int,
    height: int,
    depth: int = 8,
    colour: int = 2,
    *,
    before: bytes = b"",
    after: bytes = b"",
    idat_size: int = 1 << 20,
    interlaced: bool = False,
    filter_type: int = 0,
) -> bytes:
    """Make a PNG of zeros only, which deflate compresses by a factor of a thousand."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes([filter_type]) + bytes((width * channels * depth + 7) // 8)
    deflate = zlib.compressobj(9)
    body = b"".join(deflate.compress(row * 64) for _ in range(height // 64))
    body += deflate.compress(row * (height % 64 + (8 if interlaced else 0))) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    pieces = [body[at : at + idat_size] for at in range(0, len(body), idat_size)]
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", bytes(768)) if colour == 3 else b"",
            before,
            *(chunk(b"IDAT", piece) for piece in pieces),
            after,
            chunk(b"IEND", b""),
        )
    )


def text_bomb(count: int, size: int) -> bytes:
    packed = b"key\0\0" + zlib.compress(bytes(size), 9)
    return zeros(64, 64, before=chunk(b"zTXt", packed) * count)


def profile_bomb(size: int) -> bytes:
    return zeros(64, 64, before=chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(size), 9)))


def chunks(count: int, kind: bytes = b"teXt", *, after: bool = False) -> bytes:
    chunks = chunk(kind, b"a\0b") * count
    return zeros(64, 64, after=chunks) if after else zeros(64, 64, before=chunks)


_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
           (0, 1, 1, 2))  # fmt: skip
"""Passes of an interlaced picture: first column and row, and the steps."""


def literals(
    width: int,
    height: int,
    depth: int = 8,
    colour: int = 2,
    *,
    interlaced: bool = False,
    transparent: bytes = b"",
    values: int = 3,
    copies: bool = False,
) -> bytes:
    """Make a PNG of random bytes with few values, Paeth-filtered and coded as literals.

    Args:
        width: in pixels.
        height: in pixels.
        depth: bits per channel.
        colour: PNG colour type.
        interlaced: whether the data are in seven passes.
        transparent: body of a tRNS chunk; no chunk if empty.
        values: number of different byte values; fewer values compress better.
        copies: whether all rows are equal, which compresses to very few bytes.
    """
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    random = np.random.default_rng(0)
    strategy = zlib.Z_DEFAULT_STRATEGY if copies else zlib.Z_HUFFMAN_ONLY
    deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
    body = bytearray()
    for x, y, dx, dy in _PASSES if interlaced else ((0, 0, 1, 1),):
        size = (-(-(width - x) // dx) * channels * depth + 7) // 8
        rows = random.integers(0, values, (64, 1 + size), np.uint8)
        rows[:, 0] = 4
        for row in range(-(-(height - y) // dy)):
            body += deflate.compress(rows[0 if copies else row % 64].tobytes())
    body += deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", bytes(768)) if colour == 3 else b"",
            chunk(b"tRNS", transparent) if transparent else b"",
            chunk(b"IDAT", bytes(body)),
            chunk(b"IEND", b""),
        )
    )
