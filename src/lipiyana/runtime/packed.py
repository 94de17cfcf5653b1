"""Packed model files: `.gz`, which unpacks in milliseconds, and `.xz`, which is a little smaller.

    python -m lipiyana.runtime.packed [--gzip] FILE...

takes `X.onnx` away, leaves `X.onnx.xz` or `X.onnx.gz`, and prints its name and sha256, as a
manifest has them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zlib
from pathlib import Path
from typing import Protocol

from lipiyana.errors import ModelUnavailable
from lipiyana.files import MAX_MODEL_BYTES, read_file

GZIP, XZ = ".gz", ".xz"
PACKED = (GZIP, XZ)
"""What the names of packed files end in, behind the suffix that they have unpacked."""

MOST_BYTES = 2**29
"""Of a model, unpacked: several times the largest that are known, and no danger to a host."""

_MOST_MEMORY = 2**27  # bytes to unpack with; the densest presets of xz need half of them
_GZIP_FORMAT = 16 + zlib.MAX_WBITS


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def model_suffix(path: Path) -> str:
    """Give the suffix of the content of a file, such as `.onnx`, without that of packing."""
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def read_unpacked(path: Path) -> bytes:
    """Read a file, and unpack it if its name says that it is packed.

    Raises:
        OSError: it cannot be read.
        ModelUnavailable: it cannot be unpacked; see `unpacked`.
    """
    return unpacked(path, read_file(path, MAX_MODEL_BYTES))


def unpacked(path: Path, data: bytes) -> bytes:
    """Unpack the bytes of a file if its name says that it is packed.

    Raises:
        ModelUnavailable: it is not whole, packed otherwise, or more than `MOST_BYTES`
            (MODEL_CORRUPT); or this Python has no `lzma` (MODEL_NOT_INSTALLED).
    """
    if path.suffix == GZIP:
        return _unpacked(path, data, zlib.decompressobj(_GZIP_FORMAT), zlib.error)
    if path.suffix != XZ:
        return data
    try:
        import lzma  # here: most processes load no such model, and some Pythons lack it
    except ImportError:
        raise ModelUnavailable(
            f"{path} is packed, and this Python is built without lzma; run `unxz` on it, and name "
            "the result in the manifest"
        ) from None
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
    return _unpacked(path, data, unpacker, lzma.LZMAError)


def _unpacked(path: Path, data: bytes, unpacker: _Unpacker, failure: type[Exception]) -> bytes:
    try:
        content = unpacker.decompress(data, MOST_BYTES + 1)
    except failure as error:
        raise _corrupt(path, str(error)) from error
    if len(content) > MOST_BYTES:
        raise _corrupt(path, f"it holds more than {MOST_BYTES} bytes")
    if not unpacker.eof:
        raise _corrupt(path, "its end is missing")
    if unpacker.unused_data:
        raise _corrupt(path, "something follows its end")
    return content


def pack(path: Path, kind: str = XZ) -> Path:
    """Replace a file by a packed one; one version of zlib or liblzma is deterministic.

    Args:
        path: of the file.
        kind: one of `PACKED`.

    Returns:
        The packed file.

    Raises:
        OSError: one cannot be read, or the other not written.
        ModelUnavailable: it is too large to be unpacked again.
        ValueError: it is packed already.
    """
    if path.suffix in PACKED:
        raise ValueError(f"{path} is packed already")
    content = read_file(path, MAX_MODEL_BYTES)
    out = path.with_name(path.name + kind)
    data = packed(content, kind)
    unpacked(out, data)
    out.write_bytes(data)
    path.unlink()
    return out


def packed(content: bytes, kind: str) -> bytes:
    """Pack bytes; see `pack`."""
    if kind == GZIP:
        import gzip

        return gzip.compress(content, 9, mtime=0)
    import lzma

    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


def _corrupt(path: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"{path} cannot be unpacked ({why}); install the model again", reason="MODEL_CORRUPT"
    )


def main() -> None:
    """Pack the files that the command line names."""
    parser = argparse.ArgumentParser(description="Pack model files, each in its place.")
    parser.add_argument("--gzip", action="store_true", help="for models that every process loads")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    for path in arguments.files:
        out = pack(path, GZIP if arguments.gzip else XZ)
        digest = hashlib.sha256(out.read_bytes()).hexdigest()
        sys.stdout.write(f"{out}\t{digest}\n")


if __name__ == "__main__":
    main()
