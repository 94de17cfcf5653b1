"""Small files that cost a decoder much: each is made here, from nothing, when a test asks."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

Maker = Callable[[], bytes]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Random pixels, the same each time."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8), mode)


# JPEG


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg_with(data: bytes, segments: Sequence[bytes]) -> bytes:
    """Put segments behind the start of a JPEG."""
    return data[:2] + b"".join(segments) + data[2:]


def jpeg_parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """Cut a JPEG before each scan, its tables with it; the end marker is left out."""
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


def jpeg_scans(width: int, height: int, scans: int, mode: str = "RGB") -> bytes:
    """A flat progressive JPEG whose last scan comes again and again."""
    flat = Image.new(mode, (width, height), 128 if mode == "L" else (90, 120, 150))
    head, parts = jpeg_parts(encoded(flat, "JPEG", progressive=True))
    return head + b"".join(parts) + parts[-1] * (scans - len(parts)) + b"\xff\xd9"


def jpeg_first_scans(width: int, height: int, count: int) -> bytes:
    """A progressive JPEG that ends after some scans: the decoder smooths what is missing."""
    head, parts = jpeg_parts(encoded(Image.new("RGB", (width, height)), "JPEG", progressive=True))
    return head + b"".join(parts[:count]) + b"\xff\xd9"


def jpeg_app1(count: int, size: int = 60_000) -> bytes:
    """Many EXIF segments, which a reader may join one by one."""
    whole = encoded(noise(64, 64), "JPEG")
    return jpeg_with(whole, [jpeg_segment(0xE1, b"Exif\0\0" + bytes(size))] * count)


def jpeg_tiny_segments(count: int) -> bytes:
    return jpeg_with(encoded(noise(64, 64), "JPEG"), [jpeg_segment(0xFE, b"")] * count)


def jpeg_icc(count: int) -> bytes:
    body = b"ICC_PROFILE\0" + bytes([1, 255]) + bytes(60_000)
    return jpeg_with(encoded(noise(64, 64), "JPEG"), [jpeg_segment(0xE2, body)] * count)


def jpeg_fill_bytes(count: int) -> bytes:
    whole = encoded(noise(64, 64), "JPEG")
    return whole[:2] + b"\xff" * count + whole[2:]


def jpeg_stuffed(count: int) -> bytes:
    """Entropy-coded data that are nothing but escaped bytes."""
    whole = encoded(noise(640, 480), "JPEG")
    return whole[:-2] + b"\xff\x00" * count + whole[-2:]


def jpeg_restarts(width: int, height: int, count: int) -> bytes:
    """Restart markers after every block, and many that nothing asks for."""
    head, parts = jpeg_parts(encoded(Image.new("RGB", (width, height)), "JPEG"))
    restarts = bytes(b for i in range(count) for b in (0xFF, 0xD0 + i % 8))
    return head + jpeg_segment(0xDD, struct.pack(">H", 1)) + parts[0] + restarts + b"\xff\xd9"


def jpeg_tables(segments: int, tables: int) -> bytes:
    """The first quantization table again and again, before the one that counts."""
    body = (b"\0" + b"\1" * 64) * tables
    return jpeg_with(encoded(noise(64, 64), "JPEG"), [jpeg_segment(0xDB, body)] * segments)


def exif_tags(count: int, orientation: int) -> bytes:
    """EXIF of many tags, the last of which is the orientation."""
    tags = struct.pack("<HHII", 1, 3, 1, 0) * (count - 1)
    last = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + last


def jpeg_frame(whole: bytes, marker: int) -> bytes:
    """Say that a JPEG is of another process, such as 0xC9: arithmetic coding."""
    at = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
    return whole[: at + 1] + bytes([marker]) + whole[at + 2 :]


def jpeg_of_size(whole: bytes, width: int, height: int) -> bytes:
    """Say that a JPEG has another size; its data end far too soon then."""
    at = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
    return whole[: at + 5] + struct.pack(">HH", height, width) + whole[at + 9 :]


def jpeg_without_height(lines: int) -> bytes:
    """Height 0 in the frame, told by a DNL segment behind the scan."""
    whole = bytearray(encoded(noise(64, 64), "JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 7] = b"\0\0"
    return bytes(whole[:-2]) + jpeg_segment(0xDC, struct.pack(">H", lines)) + b"\xff\xd9"


def mpo(frames: int) -> bytes:
    first = noise(64, 64)
    return encoded(first, "MPO", save_all=True, append_images=[first] * (frames - 1))


# PNG


def png_of_size(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG without a pixel."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def png(
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
            png_chunk(b"IHDR", header),
            png_chunk(b"PLTE", bytes(768)) if colour == 3 else b"",
            before,
            *(png_chunk(b"IDAT", piece) for piece in pieces),
            after,
            png_chunk(b"IEND", b""),
        )
    )


def empty_blocks(count: int, body: bytes) -> bytes:
    """A zlib stream that begins with blocks of nothing."""
    deflate = zlib.compressobj(9)
    return (
        zlib.compress(b"")[:2]
        + b"\0\0\0\xff\xff" * count
        + deflate.compress(body)[2:]
        + (deflate.flush())
    )


def png_empty_blocks(count: int) -> bytes:
    whole = png(64, 64, 8, 0)
    at = whole.index(b"IDAT") - 4
    packed = empty_blocks(count, bytes(65 * 64))
    return whole[:at] + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def png_text_bomb(count: int, size: int) -> bytes:
    packed = b"key\0\0" + zlib.compress(bytes(size), 9)
    return png(64, 64, before=png_chunk(b"zTXt", packed) * count)


def png_profile_bomb(size: int) -> bytes:
    return png(64, 64, before=png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(size), 9)))


def png_chunks(count: int, kind: bytes = b"teXt", *, after: bool = False) -> bytes:
    chunks = png_chunk(kind, b"a\0b") * count
    return png(64, 64, after=chunks) if after else png(64, 64, before=chunks)


# TIFF


def tiff_directory(entries: dict[int, tuple[int, int, int]], next_at: int = 0) -> bytes:
    """A directory, little endian, of {tag: (type, count, value or offset)}."""
    out = struct.pack("<H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        packed = (
            struct.pack("<H2x", value) if kind == 3 and count == 1 else struct.pack("<I", value)
        )
        out += struct.pack("<HHI", tag, kind, count) + packed
    return out + struct.pack("<I", next_at)


def tiff_entries(
    width: int, height: int, at: int, size: int, *, compression: int = 1
) -> dict[int, tuple[int, int, int]]:
    """Tags of a grey TIFF of one strip."""
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


def tiff_of(directory: Callable[[int], bytes], body: bytes) -> bytes:
    """A TIFF of a body at 8 and a directory behind it; the directory is told where it is."""
    at = 8 + len(body)
    return b"II*\0" + struct.pack("<I", at) + body + directory(at)


def tiff_directories(count: int) -> bytes:
    entries = tiff_entries(8, 8, 8, 64)
    length = 2 + 12 * len(entries) + 4

    def chain(at: int) -> bytes:
        nexts = [at + length * (i + 1) for i in range(count - 1)] + [0]
        return b"".join(tiff_directory(entries, following) for following in nexts)

    return tiff_of(chain, bytes(64))


def tiff_loop() -> bytes:
    return tiff_of(lambda at: tiff_directory(tiff_entries(8, 8, 8, 64), at), bytes(64))


def tiff_tags(count: int, size: int) -> bytes:
    """Many tags that all have the same large data."""
    entries = tiff_entries(8, 8, 8, 64) | {40000 + i: (1, size, 8) for i in range(count)}
    return tiff_of(lambda _: tiff_directory(entries), bytes(max(64, size)))


def tiff_number_array(count: int) -> bytes:
    """One tag of a huge number of short integers."""
    entries = tiff_entries(8, 8, 8, 64) | {40000: (3, count, 8)}
    return tiff_of(lambda _: tiff_directory(entries), bytes(max(64, 2 * count)))


def tiff_strips(width: int, height: int, compression: int = 1, strip: bytes = b"") -> bytes:
    """A strip a row, all with the same data."""
    strip = strip or bytes(width)
    offsets = struct.pack("<I", 8) * height
    sizes = struct.pack("<I", len(strip)) * height
    base = 8 + len(strip)
    entries = tiff_entries(width, height, 8, len(strip), compression=compression) | {
        273: (4, height, base),
        278: (4, 1, 1),
        279: (4, height, base + len(offsets)),
    }
    return tiff_of(lambda _: tiff_directory(entries), strip + offsets + sizes)


def tiff_jpeg_strips(count: int, segments: int) -> bytes:
    """A strip a row, each of which is a JPEG of its own with many segments."""
    strip = jpeg_with(encoded(noise(8, 1, "L"), "JPEG"), [jpeg_segment(0xFE, b"")] * segments)
    base = 8 + len(strip) * count
    offsets = struct.pack(f"<{count}I", *range(8, base, len(strip)))
    sizes = struct.pack("<I", len(strip)) * count
    entries = tiff_entries(8, count, 8, len(strip), compression=7) | {
        273: (4, count, base),
        278: (4, 1, 1),
        279: (4, count, base + len(offsets)),
    }
    return tiff_of(lambda _: tiff_directory(entries), strip * count + offsets + sizes)


def tiff_tiles(width: int, height: int, side: int = 16) -> bytes:
    count = -(-width // side) * -(-height // side)
    body = bytes(side * side)
    offsets = struct.pack("<I", 8) * count
    sizes = struct.pack("<I", len(body)) * count
    entries = tiff_entries(width, height, 8, len(body))
    for tag in (273, 278, 279):
        del entries[tag]
    base = 8 + len(body)
    entries |= {
        322: (4, 1, side),
        323: (4, 1, side),
        324: (4, count, base),
        325: (4, count, base + len(offsets)),
    }
    return tiff_of(lambda _: tiff_directory(entries), body + offsets + sizes)


def tiff_huge_tile(side: int) -> bytes:
    """A picture of 16x16 in a tile that is said to be far larger."""
    whole = tiff_tiles(16, 16)
    for tag in (322, 323):
        whole = whole.replace(
            struct.pack("<HHII", tag, 4, 1, 16), struct.pack("<HHII", tag, 4, 1, side)
        )
    return whole


def tiff_one_strip(width: int, height: int, compression: int, body: bytes) -> bytes:
    entries = tiff_entries(width, height, 8, len(body), compression=compression)
    return tiff_of(lambda _: tiff_directory(entries), body)


def tiff_flat(width: int, height: int, mode: str, compression: str) -> bytes:
    return encoded(Image.new(mode, (width, height)), "TIFF", compression=compression)


# WebP, BMP


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_flat(width: int, height: int, *, lossless: bool = True, alpha: bool = False) -> bytes:
    mode = "RGBA" if alpha else "RGB"
    return encoded(Image.new(mode, (width, height)), "WEBP", lossless=lossless, method=0)


def webp_of_size(width: int, height: int) -> bytes:
    """A lossless WebP with alpha of 34 bytes, whatever it is said to show."""
    flat = webp_flat(64, 64, alpha=True)
    return flat[:21] + struct.pack("<I", width - 1 | height - 1 << 14 | 1 << 28) + flat[25:]


def webp_chunks(count: int, body: int | bytes = 0, name: bytes = b"junk") -> bytes:
    inner = webp_flat(64, 64)[12:]
    head = b"VP8X", struct.pack("<B3x", 0x08) + b"\x3f\0\0\x3f\0\0"
    chunks = riff(head, *[(name, bytes(body))] * count)[12:]
    data = b"WEBP" + chunks[:18] + inner + chunks[18:]
    return b"RIFF" + struct.pack("<I", len(data)) + data


def webp_animation(frames: int) -> bytes:
    pictures = [Image.new("RGB", (64, 64), (90 * i % 256, i % 250, 9)) for i in range(frames)]
    return encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])


def bmp_rle(width: int, height: int, body: bytes) -> bytes:
    """A BMP of run lengths, 8 bits."""
    at = 14 + 40 + 1024
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return struct.pack("<2sI4xI", b"BM", at + len(body), at) + head + bytes(1024) + body
