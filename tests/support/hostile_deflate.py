"""Deflated pictures of many empty blocks, each with its own code tables."""

from __future__ import annotations

import struct
import zlib

import hostile_png
import hostile_tiff

_LENGTH_CODES = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
"""Order of the code lengths of the code length alphabet (RFC 1951, 3.2.7)."""

_ONE, _ZEROS = (0, 1), (1, 1)  # a length of 1, and a run of lengths of 0
_BLOCKS = 4  # number of blocks whose bits fill whole bytes


def _block() -> str:
    """Return the bits of a block whose only code is the end of the block, first bit first."""

    def number(value: int, bits: int) -> str:
        return f"{value:0{bits}b}"[::-1]

    def run_of_zeros(count: int) -> str:
        code, bits = _ZEROS
        return f"{code:0{bits}b}" + number(count - 11, 7)

    code, bits = _ONE
    one = f"{code:0{bits}b}"
    return "".join(
        (
            number(0, 1),  # not the last block
            number(2, 2),  # dynamic Huffman codes
            number(257 - 257, 5),  # codes of literals and lengths
            number(1 - 1, 5),  # of distances
            number(len(_LENGTH_CODES) - 4, 4),
            *(number(symbol in {1, 18}, 3) for symbol in _LENGTH_CODES),
            run_of_zeros(138),
            run_of_zeros(118),
            one,  # the length of the code of the block's end
            one,  # of the only distance
            "0",  # the block's end
        )
    )


def blocks_with_tables(count: int, body: bytes) -> bytes:
    """Make a zlib stream of `count` such blocks, a multiple of 4, followed by `body`."""
    bits = _block() * _BLOCKS
    four = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    deflate = zlib.compressobj(9)
    packed = deflate.compress(body)[2:] + deflate.flush()
    return zlib.compress(b"")[:2] + four * (count // _BLOCKS) + packed


def png_of_tables(width: int, height: int, count: int) -> bytes:
    """Make a black PNG in RGB."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = blocks_with_tables(count, bytes((3 * width + 1) * height))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            hostile_png.chunk(b"IHDR", header),
            hostile_png.chunk(b"IDAT", packed),
            hostile_png.chunk(b"IEND", b""),
        )
    )


def tiff_of_tables(width: int, height: int, count: int) -> bytes:
    """Make a black TIFF in grey."""
    return hostile_tiff.one_strip(
        width, height, 8, blocks_with_tables(count, bytes(width * height))
    )


def empty_blocks(count: int, body: bytes) -> bytes:
    """Make a zlib stream that begins with empty blocks."""
    deflate = zlib.compressobj(9)
    return (
        zlib.compress(b"")[:2]
        + b"\0\0\0\xff\xff" * count
        + deflate.compress(body)[2:]
        + (deflate.flush())
    )


def png_of_empty_blocks(count: int) -> bytes:
    whole = hostile_png.zeros(64, 64, 8, 0)
    at = whole.index(b"IDAT") - 4
    packed = empty_blocks(count, bytes(65 * 64))
    return whole[:at] + hostile_png.chunk(b"IDAT", packed) + hostile_png.chunk(b"IEND", b"")
