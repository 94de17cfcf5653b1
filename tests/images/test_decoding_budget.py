"""Pictures whose decoding cost cannot be estimated from the header."""

from __future__ import annotations

from collections.abc import Callable

import hostile_deflate
import pytest

from lipiyana.errors import InvalidImage
from lipiyana.images.decoders import decode_pixels
from lipiyana.images.headers import read_header
from lipiyana.images.loading import decode

KINDS: dict[str, Callable[[int, int, int], bytes]] = {
    "PNG": hostile_deflate.png_of_tables,
    "TIFF": hostile_deflate.tiff_of_tables,
}


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_with_their_own_code_tables_are_decoded(kind: str) -> None:
    assert not decode(KINDS[kind](100, 80, 400)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_decompression_over_the_time_limit_is_aborted(kind: str) -> None:
    header = read_header(KINDS[kind](1200, 1000, 100_000))
    with pytest.raises(InvalidImage, match=r"takes more than 0\.001 s of CPU time") as caught:
        decode_pixels(header, seconds=0.001)
    assert caught.value.reason == "IMAGE_TOO_COMPLEX"


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_data_are_reported_by_the_decoder(kind: str) -> None:
    data = bytearray(KINDS[kind](100, 80, 400))
    data[1000:1040] = b"\xff" * 40
    with pytest.raises(InvalidImage) as caught:
        decode(bytes(data))
    assert caught.value.reason == "TRUNCATED_IMAGE"
