from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hostile_tiff
import hostile_webp
import pytest

DECODE = """
import sys
from pathlib import Path
from lipiyana.errors import InvalidImage
from lipiyana.images.loading import decode
from lipiyana.images.decoders import quiet_decoders
if sys.argv[2] == "quiet":
    quiet_decoders()
try:
    decode(Path(sys.argv[1]).read_bytes())
except InvalidImage as error:
    print(error.reason)
"""

DAMAGED = {
    "Deflate": hostile_tiff.one_strip(64, 64, 8, b"x\x9c\x01\x02"),
    "LZW": hostile_tiff.one_strip(64, 64, 5, b"\xff" * 64),
    "fax": hostile_tiff.one_strip(64, 64, 4, b"\x01\x02" * 64),
    "JPEG": hostile_tiff.one_strip(64, 64, 7, b"\xff\xd8\xff"),
    "WebP": hostile_webp.plain(64, 64, lossless=False)[:-20],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_decoders_write_nothing_besides_the_error(kind: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(DAMAGED[kind])
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(tmp_path / "picture"), "quiet"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("TRUNCATED_IMAGE", "")


def test_libtiff_writes_without_quiet_decoders(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(DAMAGED["Deflate"])
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(tmp_path / "picture"), "as it is"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert "ZIPDecode" in done.stderr
