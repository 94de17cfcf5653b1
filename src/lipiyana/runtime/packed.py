"""Model files packed with xz: those that few people load.

    python -m lipiyana.runtime.packed FILE...

takes `X.onnx` away, leaves `X.onnx.xz`, and prints its name and sha256, as a manifest has them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from lipiyana.errors import ModelUnavailable
from lipiyana.files import MAX_MODEL_BYTES, read_file

PACKED = ".xz"
"""What the name of a packed file ends in, behind the suffix that it has unpacked."""

MOST_BYTES = 2**29
"""Of a model, unpacked: several times the largest that are known, and no danger to a host."""

_MOST_MEMORY = 2**27  # bytes to unpack with; the densest presets of xz need half of them


def model_suffix(path: Path) -> str:
    """Give the suffix of the content of a file, such as `.onnx`, without that of packing."""
    return Path(path.name.removesuffix(PACKED)).suffix


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
        ModelUnavailable: it is not whole, no xz, or more than `MOST_BYTES` (MODEL_CORRUPT); or
            this Python has no `lzma` (MODEL_NOT_INSTALLED).
    """
    if path.suffix != PACKED:
        return data
    try:
        import lzma  # here: most processes load no packed model, and some Pythons lack it
    except ImportError:
        raise ModelUnavailable(
            f"{path} is packed, and this Python is built without lzma; run `unxz` on it, and name "
            "the result in the manifest"
        ) from None
    packed = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
    try:
        content = packed.decompress(data, MOST_BYTES + 1)
    except lzma.LZMAError as error:
        raise _corrupt(path, str(error)) from error
    if len(content) > MOST_BYTES:
        raise _corrupt(path, f"it holds more than {MOST_BYTES} bytes")
    if not packed.eof:
        raise _corrupt(path, "its end is missing")
    if packed.unused_data:
        raise _corrupt(path, "something follows its end")
    return content


def pack(path: Path) -> Path:
    """Replace a file by a packed one; one version of liblzma is deterministic.

    Returns:
        The packed file.

    Raises:
        OSError: one cannot be read, or the other not written.
        ModelUnavailable: it is too large to be unpacked again.
        ValueError: it is packed already.
    """
    import lzma

    if path.suffix == PACKED:
        raise ValueError(f"{path} is packed already")
    content = read_file(path, MAX_MODEL_BYTES)
    out = path.with_name(path.name + PACKED)
    data = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    unpacked(out, data)
    out.write_bytes(data)
    path.unlink()
    return out


def _corrupt(path: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"{path} cannot be unpacked ({why}); install the model again", reason="MODEL_CORRUPT"
    )


def main() -> None:
    """Pack the files that the command line names."""
    parser = argparse.ArgumentParser(description="Pack model files with xz, each in its place.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    for path in parser.parse_args().files:
        packed = pack(path)
        digest = hashlib.sha256(packed.read_bytes()).hexdigest()
        sys.stdout.write(f"{packed}\t{digest}\n")


if __name__ == "__main__":
    main()
