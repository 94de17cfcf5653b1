"""PNGs that cost a decoder much."""

from __future__ import annotations

import struct
import zlib


def of_size(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG without a pixel."""
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
    """A PNG of nothing but zeros, which deflates to a thousandth."""
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
