"""A lossless WebP of nearly as many groups of prefix codes as it has blocks of 4x4 pixels."""

from __future__ import annotations

import struct

import hostile_pictures as hostile


class Bits:
    """Bits from the lowest of each byte on."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, value: int, count: int) -> None:
        self._parts.append(f"{value:0{count}b}"[::-1])

    def code(self, value: int, count: int) -> None:
        """Put a prefix code, whose bits come from the highest on."""
        self._parts.append(f"{value:0{count}b}")

    def bytes(self) -> bytes:
        text = "".join(self._parts)
        text += "0" * (-len(text) % 16)
        return bytes(int(text[at : at + 8][::-1], 2) for at in range(0, len(text), 8))


def single(bits: Bits, symbol: int = 0) -> None:
    """A code of one symbol, which takes no bits of a pixel."""
    bits.put(0b001, 3)  # a simple code, of one symbol, of one bit
    bits.put(symbol, 1)


def every_byte(bits: Bits, size: int) -> None:
    """A code in which each of 256 symbols has 8 bits; of a larger alphabet the others have none."""
    bits.put(0, 1)
    lengths = {8: 1, 18: 1} if size > 256 else {8: 1, 7: 1}  # 7 is not used
    order = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)
    bits.put(len(order) - 4, 4)
    for one in order:
        bits.put(lengths.get(one, 0), 3)
    bits.put(0, 1)  # lengths of the whole alphabet follow
    for _ in range(256):
        bits.put(int(size == 256), 1)  # 8 stands behind 7 and before 18
    if size > 256:
        bits.put(1, 1)
        bits.put(size - 256 - 11, 7)


def vp8l_image(side: int) -> bytes:
    """A black picture whose blocks of 4x4 pixels each have a group of their own."""
    bits = Bits()
    bits.put(0, 1)  # no transform
    bits.put(0, 1)  # no colour cache
    bits.put(1, 1)
    bits.put(0, 3)  # blocks of 4x4
    bits.put(0, 1)
    every_byte(bits, 280)
    every_byte(bits, 256)
    for _ in range(3):
        single(bits)
    groups = (side // 4) ** 2
    for group in range(groups):
        bits.code(group & 255, 8)
        bits.code(group >> 8, 8)
    for _ in range(groups):
        for _ in range(5):
            single(bits)
    return bits.bytes()


def webp_groups(side: int, *, in_alpha: bool = False) -> bytes:
    """Such a picture, or one whose alpha is coded so."""
    image = vp8l_image(side)
    if not in_alpha:
        size = side - 1 | side - 1 << 14
        return hostile.riff((b"VP8L", b"\x2f" + struct.pack("<I", size) + image))
    lossy = hostile.webp_flat(side, side, lossless=False)
    (length,) = struct.unpack_from("<I", lossy, 16)
    canvas = struct.pack("<I", side - 1)[:3] * 2
    return hostile.riff(
        (b"VP8X", b"\x10\0\0\0" + canvas),
        (b"ALPH", b"\1" + image),
        (b"VP8 ", lossy[20 : 20 + length]),
    )
