"""Transparent pictures are composited on a ground on which their text shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipiyana.images.loading import decode, load
from lipiyana.pipeline import LocalRecognizer

Encode = Callable[..., bytes]
Draw = Callable[..., np.ndarray]

LOSSLESS = {"WEBP": {"lossless": True}}


def letters(draw: Draw, colour: tuple[int, int, int], text: str = "BAKERY") -> np.ndarray:
    """Make letters of a colour on nothing, (height, width, 4)."""
    alpha = 255 - draw(text)[..., :1]
    ink = np.broadcast_to(np.array(colour, np.uint8), (*alpha.shape[:2], 3))
    return np.concatenate([ink, alpha], axis=2)


def as_mode(rgba: np.ndarray, mode: str) -> Image.Image:
    """Give the picture as another kind of pixels with transparency."""
    image = Image.fromarray(rgba)
    if mode != "P":
        return image.convert(mode)
    flat = Image.fromarray((rgba[..., 3] > 127).astype(np.uint8), "P")
    flat.putpalette([90, 90, 90, *rgba[0, 0, :3].tolist()])
    return flat


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("WEBP", "RGBA"), ("TIFF", "RGBA")],
)
@pytest.mark.parametrize(("shade", "ground"), [(255, 0), (0, 255)])
def test_text_of_any_shade_is_read(
    kind: str,
    mode: str,
    shade: int,
    ground: int,
    draw_text: Draw,
    encode: Encode,
    recognizer: LocalRecognizer,
) -> None:
    image = as_mode(letters(draw_text, (shade, shade, shade)), mode)
    options = LOSSLESS.get(kind, {}) | ({"transparency": 0} if mode == "P" else {})
    data = encode(image, kind, **options)
    assert (decode(data)[0, 0] == ground).all()
    assert [line.text for line in recognizer.recognize(data).text_lines] == ["BAKERY"]


def test_bright_colours_are_laid_on_black_and_dark_ones_on_white(
    draw_text: Draw, encode: Encode
) -> None:
    for colour, ground in (((255, 230, 0), 0), ((220, 40, 60), 255), ((0, 90, 200), 255)):
        assert (decode(encode(letters(draw_text, colour)))[0, 0] == ground).all(), colour


def test_white_and_black_lines_in_one_picture_both_show(
    draw_text: Draw, encode: Encode, recognizer: LocalRecognizer
) -> None:
    white, black = (letters(draw_text, (shade,) * 3) for shade in (255, 0))
    both = np.concatenate([white, black])
    data = encode(both)
    assert (decode(data)[0, 0] == 128).all()
    assert [line.text for line in recognizer.recognize(data).text_lines] == ["BAKERY", "BAKERY"]


def test_opaque_pixels_keep_their_colours(encode: Encode) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 60, 4), np.uint8)
    noise[..., 3] = 255
    assert (decode(encode(noise)) == noise[..., :3]).all()


def test_a_few_bright_pixels_beside_a_transparent_corner_stay_on_white(encode: Encode) -> None:
    photo = np.random.default_rng(4).integers(0, 230, (40, 60, 4), np.uint8)
    photo[..., 3] = 255
    photo[:6, :6, 3] = 0
    assert (decode(encode(photo))[0, 0] == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_large_picture_is_sampled(mode: str, draw_text: Draw, encode: Encode) -> None:
    small = letters(draw_text, (255, 255, 255))
    large = np.tile(small, (1 + 1200 // small.shape[0], 1 + 1800 // small.shape[1], 1))
    data = encode(as_mode(large, mode), **({"transparency": 0} if mode == "P" else {}))
    assert (decode(data)[0, 0] == 0).all()


def test_nothing_visible_is_white(encode: Encode) -> None:
    assert (decode(encode(np.zeros((8, 8, 4), np.uint8))) == 255).all()


def test_a_sign_in_white_letters(shared_data: Path, recognizer: LocalRecognizer) -> None:
    picture = shared_data / "cases" / "H_white_on_transparent.png"
    assert (load(picture)[0, 0] == 0).all()
    (line,) = recognizer.recognize(picture).text_lines
    assert line.text == "नगर निगम कार्यालय"
