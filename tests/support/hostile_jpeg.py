"""JPEGs that are expensive to decode, generated on demand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hostile_pictures import encoded, noise
from PIL import Image


def segment_bytes(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segments(data: bytes, segments: Sequence[bytes]) -> bytes:
    """Insert segments after the start marker of a JPEG."""
    return data[:2] + b"".join(segments) + data[2:]


def cut_at_scans(data: bytes) -> tuple[bytes, list[bytes]]:
    """Split a JPEG before each scan and its tables; drop the end marker."""
    starts, at = [], 2
    tables = 0
    while data[at + 1] != 0xD9:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0xDA:
            starts.append(tables or at)
            at += 2 + length
            while data[at] != 0xFF or data[at + 1] in {0, *range(0xD0, 0xD8)}:
                at += 1
            tables = at
        else:
            at += 2 + length
    parts = [data[a:b] for a, b in zip(starts, [*starts[1:], at], strict=True)]
    return data[: starts[0]], parts


def scans(width: int, height: int, scans: int, mode: str = "RGB") -> bytes:
    """Make a flat progressive JPEG whose last scan is repeated."""
    flat = Image.new(mode, (width, height), 128 if mode == "L" else (90, 120, 150))
    head, parts = cut_at_scans(encoded(flat, "JPEG", progressive=True))
    return head + b"".join(parts) + parts[-1] * (scans - len(parts)) + b"\xff\xd9"


def first_scans(width: int, height: int, count: int) -> bytes:
    """Make a progressive JPEG that ends after `count` scans: the decoder smooths the rest."""
    head, parts = cut_at_scans(encoded(Image.new("RGB", (width, height)), "JPEG", progressive=True))
    return head + b"".join(parts[:count]) + b"\xff\xd9"


def app1(count: int, size: int = 60_000) -> bytes:
    """Make many EXIF segments, which a reader may join one by one."""
    whole = encoded(noise(64, 64), "JPEG")
    return with_segments(whole, [segment_bytes(0xE1, b"Exif\0\0" + bytes(size))] * count)


def tiny_segments(count: int) -> bytes:
    return with_segments(encoded(noise(64, 64), "JPEG"), [segment_bytes(0xFE, b"")] * count)


def icc(count: int) -> bytes:
    body = b"ICC_PROFILE\0" + bytes([1, 255]) + bytes(60_000)
    return with_segments(encoded(noise(64, 64), "JPEG"), [segment_bytes(0xE2, body)] * count)


def fill_bytes(count: int) -> bytes:
    whole = encoded(noise(64, 64), "JPEG")
    return whole[:2] + b"\xff" * count + whole[2:]


def stuffed(count: int) -> bytes:
    """Make entropy-coded data of escaped bytes only."""
    whole = encoded(noise(640, 480), "JPEG")
    return whole[:-2] + b"\xff\x00" * count + whole[-2:]


def restarts(width: int, height: int, count: int) -> bytes:
    """Make a JPEG with restart markers after every block, and many superfluous ones."""
    head, parts = cut_at_scans(encoded(Image.new("RGB", (width, height)), "JPEG"))
    restarts = bytes(b for i in range(count) for b in (0xFF, 0xD0 + i % 8))
    return head + segment_bytes(0xDD, struct.pack(">H", 1)) + parts[0] + restarts + b"\xff\xd9"


def tables(segments: int, tables: int) -> bytes:
    """Repeat the first quantization table many times before the valid one."""
    body = (b"\0" + b"\1" * 64) * tables
    return with_segments(encoded(noise(64, 64), "JPEG"), [segment_bytes(0xDB, body)] * segments)


def frame(whole: bytes, marker: int) -> bytes:
    """Change the coding process of a JPEG, for example to 0xC9: arithmetic coding."""
    at = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
    return whole[: at + 1] + bytes([marker]) + whole[at + 2 :]


def of_size(whole: bytes, width: int, height: int) -> bytes:
    """Change the size in the header of a JPEG; its data end too early then."""
    at = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
    return whole[: at + 5] + struct.pack(">HH", height, width) + whole[at + 9 :]


def without_height(lines: int) -> bytes:
    """Make a JPEG with height 0 in the frame header and a DNL segment after the scan."""
    whole = bytearray(encoded(noise(64, 64), "JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 7] = b"\0\0"
    return bytes(whole[:-2]) + segment_bytes(0xDC, struct.pack(">H", lines)) + b"\xff\xd9"


def mpo(frames: int) -> bytes:
    first = noise(64, 64)
    return encoded(first, "MPO", save_all=True, append_images=[first] * (frames - 1))
