"""Lossless WebPs with nearly as many groups of prefix codes as blocks of 4x4 pixels."""

from __future__ import annotations

import struct

from hostile_pictures import encoded
from PIL import Image


class Bits:
    """Writes bits, lowest bit of each byte first."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, value: int, count: int) -> None:
        self._parts.append(f"{value:0{count}b}"[::-1])

    def code(self, value: int, count: int) -> None:
        """Write a prefix code, highest bit first."""
        self._parts.append(f"{value:0{count}b}")

    def bytes(self) -> bytes:
        text = "".join(self._parts)
        text += "0" * (-len(text) % 16)
        return bytes(int(text[at : at + 8][::-1], 2) for at in range(0, len(text), 8))


def single(bits: Bits, symbol: int = 0) -> None:
    """Write a code with one symbol, which takes no bits per pixel."""
    bits.put(0b001, 3)  # a simple code, of one symbol, of one bit
    bits.put(symbol, 1)


def every_byte(bits: Bits, size: int) -> None:
    """Write a code with 8 bits for each of 256 symbols; further symbols have no code."""
    bits.put(0, 1)
    lengths = {8: 1, 18: 1} if size > 256 else {8: 1, 7: 1}  # 7 is not used
    order = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)
    bits.put(len(order) - 4, 4)
    for one in order:
        bits.put(lengths.get(one, 0), 3)
    bits.put(0, 1)  # lengths of the whole alphabet follow
    for _ in range(256):
        bits.put(int(size == 256), 1)  # 8 is after 7 and before 18
    if size > 256:
        bits.put(1, 1)
        bits.put(size - 256 - 11, 7)


def vp8l_image(side: int) -> bytes:
    """Make a black picture in which each block of 4x4 pixels has its own group."""
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


def groups(side: int, *, in_alpha: bool = False) -> bytes:
    """Make a WebP of such a picture, or one whose alpha channel is coded so."""
    image = vp8l_image(side)
    if not in_alpha:
        size = side - 1 | side - 1 << 14
        return riff((b"VP8L", b"\x2f" + struct.pack("<I", size) + image))
    lossy = plain(side, side, lossless=False)
    (length,) = struct.unpack_from("<I", lossy, 16)
    canvas = struct.pack("<I", side - 1)[:3] * 2
    return riff(
        (b"VP8X", b"\x10\0\0\0" + canvas),
        (b"ALPH", b"\1" + image),
        (b"VP8 ", lossy[20 : 20 + length]),
    )


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def plain(width: int, height: int, *, lossless: bool = True, alpha: bool = False) -> bytes:
    mode = "RGBA" if alpha else "RGB"
    return encoded(Image.new(mode, (width, height)), "WEBP", lossless=lossless, method=0)


def of_size(width: int, height: int) -> bytes:
    """Make a lossless WebP with alpha of 34 bytes, whatever its declared size."""
    flat = plain(64, 64, alpha=True)
    return flat[:21] + struct.pack("<I", width - 1 | height - 1 << 14 | 1 << 28) + flat[25:]


def chunks(count: int, body: int | bytes = 0, name: bytes = b"junk") -> bytes:
    inner = plain(64, 64)[12:]
    head = b"VP8X", struct.pack("<B3x", 0x08) + b"\x3f\0\0\x3f\0\0"
    chunks = riff(head, *[(name, bytes(body))] * count)[12:]
    data = b"WEBP" + chunks[:18] + inner + chunks[18:]
    return b"RIFF" + struct.pack("<I", len(data)) + data


def animation(frames: int) -> bytes:
    pictures = [Image.new("RGB", (64, 64), (90 * i % 256, i % 250, 9)) for i in range(frames)]
    return encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])
