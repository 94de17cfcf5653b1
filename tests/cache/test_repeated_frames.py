from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from one_character_pairs import jpeg

from lipiyana.arrays import RgbArray
from lipiyana.cache import RepeatedFrameReader, RepeatedFrames
from lipiyana.errors import InvalidImage
from lipiyana.images.loading import DEFAULT_LIMITS, load
from lipiyana.types import (
    Box,
    CacheOutcome,
    ImageInput,
    Plate,
    Recognition,
    RecognitionConfig,
    TextLine,
    Vehicle,
)

CONFIG = RecognitionConfig()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line(text: str, x0: float, y0: float, x1: float, y1: float) -> TextLine:
    return TextLine(text, "Latn", 0.9, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


@pytest.fixture(scope="module")
def result() -> Recognition:
    """What is in `scene`."""
    sign, plate = line("BAKERY", 70, 56, 260, 100), line("KA 01 AB 1234", 160, 268, 500, 300)
    return Recognition(
        640,
        400,
        vehicles=(Vehicle("car", 0.9, Box(100, 150, 560, 380), plate_indices=(0,)),),
        plates=(Plate("KA 01 AB 1234", 0.9, Box(150, 250, 510, 310), (plate,), vehicle_index=0),),
        text_lines=(sign, plate),
        timings={"read_lines": 0.1},
    )


def taken(
    picture: RgbArray,
    seed: int,
    *,
    noise: float = 3.0,
    gain: float = 1.0,
    offset: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    quality: int = 85,
) -> RgbArray:
    rng = np.random.default_rng(seed)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(
        picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    within = 30 + moved * 0.75  # no light here makes black or white of it
    lit = within * gain + offset + rng.standard_normal(picture.shape) * noise
    return jpeg(np.clip(lit, 0, 255).astype(np.uint8), quality)


@pytest.fixture
def frames(scene: RgbArray, result: Recognition) -> RepeatedFrames:
    made = RepeatedFrames()
    made.remember(taken(scene, 1), result)
    return made


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"noise": 0.0},
        {"noise": 6.0},
        {"quality": 60},
        {"gain": 1.12},
        {"gain": 0.8},
        {"offset": -18.0},
        {"gain": 0.9, "offset": 15.0},
        {"shift": (1.0, 0.0)},
        {"shift": (-1.0, 1.0)},
        {"shift": (0.5, 0.4)},
        {"shift": (0.3, -0.6), "gain": 1.1, "quality": 75},
    ],
)
def test_the_same_again(
    frames: RepeatedFrames, scene: RgbArray, result: Recognition, change: dict[str, float]
) -> None:
    again = frames.lookup(taken(scene, 2, **change))  # type: ignore[arg-type]
    assert again == replace(result, cache_outcome=CacheOutcome.HIT, timings={})


@pytest.mark.parametrize("gain", [0.8, 1.15])
def test_more_light_brings_out_colours(scene: RgbArray, result: Recognition, gain: float) -> None:
    coloured = scene.copy()
    coloured[120:390, 20:90] = (230, 40, 40)
    coloured[120:390, 570:630] = (30, 60, 220)
    frames = RepeatedFrames()
    frames.remember(taken(coloured, 1), result)
    assert frames.lookup(taken(coloured, 2, gain=gain)) is not None
    coloured[120:390, 20:90] = (40, 121, 40)  # as bright as the red was
    assert frames.lookup(taken(coloured, 2, gain=gain)) is None


def test_light_that_falls_from_one_side(
    frames: RepeatedFrames, scene: RgbArray, result: Recognition
) -> None:
    ramp = np.linspace(-10, 10, scene.shape[1])[None, :, None]
    lit = np.clip(scene + ramp, 0, 255).astype(np.uint8)
    assert frames.lookup(taken(lit, 2)) is not None


def written(picture: RgbArray, text: str, at: tuple[int, int], scale: float = 0.6) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 1, cv2.LINE_AA)


def new_word(picture: RgbArray) -> None:
    written(picture, "SALE", (520, 60))


def faint_word(picture: RgbArray) -> None:
    cv2.putText(
        picture, "1234", (520, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (80, 80, 80), 2, cv2.LINE_AA
    )


def word_of_equal_brightness(picture: RgbArray) -> None:
    """Grey 120 and this green differ in colour alone."""
    cv2.putText(
        picture, "1234", (480, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (40, 167, 80), 3, cv2.LINE_AA
    )


def vehicle_comes(picture: RgbArray) -> None:
    cv2.rectangle(picture, (560, 180), (639, 330), (70, 90, 140), -1)


def plate_is_gone(picture: RgbArray) -> None:
    picture[240:330] = 120


def a_digit_is_covered(picture: RgbArray) -> None:
    cv2.line(picture, (300, 262), (300, 306), (255, 255, 255), 6)


def plate_hangs_lower(picture: RgbArray) -> None:
    picture[244:334] = picture[240:330].copy()


@pytest.mark.parametrize(
    "change",
    [
        new_word,
        faint_word,
        word_of_equal_brightness,
        vehicle_comes,
        plate_is_gone,
        a_digit_is_covered,
        plate_hangs_lower,
    ],
)
def test_something_else(
    frames: RepeatedFrames, scene: RgbArray, change: Callable[[RgbArray], None]
) -> None:
    other = scene.copy()
    change(other)
    assert frames.lookup(taken(other, 2)) is None


@pytest.mark.parametrize(("gain", "offset"), [(0.8, 0.0), (1.0, 0.0), (1.3, -40.0)])
def test_a_faint_colour_in_another_light(
    frames: RepeatedFrames, scene: RgbArray, gain: float, offset: float
) -> None:
    """As bright as what is around it, and in the new frame as strong in every light."""
    other = scene.copy()
    faint = np.array([17.2, -9.2, 1.3]) / gain
    other[20:90, 450:620] = (other[20:90, 450:620] + faint).round().astype(np.uint8)
    assert frames.lookup(taken(other, 2, noise=0.0, gain=gain, offset=offset)) is None
    assert frames.lookup(taken(scene, 2, noise=0.0, gain=gain, offset=offset)) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"noise": 40.0},
        {"gain": 0.4},
        {"offset": 60.0},
        {"shift": (4.0, 0.0)},
        {"quality": 5},
    ],
)
def test_too_unlike_to_tell(
    frames: RepeatedFrames, scene: RgbArray, change: dict[str, float]
) -> None:
    assert frames.lookup(taken(scene, 2, **change)) is None  # type: ignore[arg-type]


def test_another_size(frames: RepeatedFrames, scene: RgbArray) -> None:
    assert frames.lookup(scene[:-1]) is None
    assert frames.lookup(np.ascontiguousarray(scene.transpose(1, 0, 2))) is None


@pytest.mark.parametrize("shape", [(4, 4, 3), (5, 300, 3), (17, 17, 3), (40, 200, 3)])
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_pictures_with_nothing_in_them(shape: tuple[int, int, int], shade: int) -> None:
    plain = np.full(shape, shade, np.uint8)
    frames = RepeatedFrames()
    frames.remember(plain, Recognition(shape[1], shape[0]))
    expected = min(shape[:2]) > 16
    assert (frames.lookup(plain) is not None) == expected
    marked = plain.copy()
    marked[shape[0] // 2 :, : shape[1] // 2] = 60
    assert frames.lookup(marked) is None


def test_text_too_small_or_too_faint_to_tell_is_read_each_time(scene: RgbArray) -> None:
    faint = np.full((200, 300, 3), 120, np.uint8)
    cv2.putText(faint, "KA01", (50, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, (128, 128, 128), 2)
    for picture, found in (
        (faint, line("KA01", 50, 75, 130, 102)),
        (scene, line("BAKERY", 70, 60, 100, 69)),
    ):
        frames = RepeatedFrames()
        frames.remember(picture, Recognition(1, 1, text_lines=(found,)))
        assert frames.lookup(picture) is None


def test_places_outside_the_picture_do_no_harm(scene: RgbArray) -> None:
    frames = RepeatedFrames()
    away = (line("A", -50, -50, -20, -30), line("B", 700, 500, 900, 520))
    frames.remember(scene, Recognition(640, 400, text_lines=away))
    assert frames.lookup(scene) is not None


def test_a_frame_grows_old(scene: RgbArray, result: Recognition) -> None:
    clock = Clock()
    frames = RepeatedFrames(10.0, timer=clock)
    frames.remember(scene, result)
    clock.now = 10.0
    assert frames.lookup(scene) is not None
    clock.now = 10.1
    assert frames.lookup(scene) is None


def test_small_changes_do_not_add_up(scene: RgbArray, result: Recognition) -> None:
    """Each frame is a little unlike the one before; the last has another plate."""
    other = scene.copy()
    a_digit_is_covered(other)
    frames = RepeatedFrames()
    frames.remember(scene, result)
    found = []
    for part in np.linspace(0, 1, 21):
        mixed = (scene * (1 - part) + other * part).round().astype(np.uint8)
        found.append(frames.lookup(mixed) is not None)
    assert found[0]
    assert not any(found[10:])


class Reader:
    """Finds `result` in whatever is a picture, and counts."""

    def __init__(self, result: Recognition) -> None:
        self.computed = 0
        self._result = result

    def recognize(
        self, image: ImageInput, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        assert load(image).shape == (400, 640, 3)
        self.computed += 1
        return self._result


class PixelReader(Reader):
    """Takes decoded pictures alone."""

    def __init__(self, result: Recognition) -> None:
        super().__init__(result)
        self.seen: list[RgbArray] = []

    def recognize(
        self, image: ImageInput, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        raise AssertionError("the picture is decoded already")

    def recognize_pixels(
        self, pixels: RgbArray, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        self.seen.append(pixels)
        return self._result


def test_a_recognizer_of_pixels_gets_the_decoded_frame(
    scene: RgbArray, result: Recognition, encode: Callable[..., bytes]
) -> None:
    inner = PixelReader(result)
    data = encode(scene, "PNG")
    found = RepeatedFrameReader(inner, DEFAULT_LIMITS).recognize(data, CONFIG)
    (pixels,) = inner.seen
    assert (pixels == load(data)).all()
    assert found.vehicles == result.vehicles


def test_the_reader_computes_what_is_new(
    scene: RgbArray, result: Recognition, encode: Callable[..., bytes]
) -> None:
    inner = Reader(result)
    reader = RepeatedFrameReader(inner, DEFAULT_LIMITS)
    other = scene.copy()
    new_word(other)
    pictures = [taken(scene, 1), taken(scene, 2), taken(other, 3), taken(other, 4)]
    found = [reader.recognize(encode(picture, "PNG"), CONFIG) for picture in pictures]
    outcomes = [value.cache_outcome for value in found]
    assert outcomes == [CacheOutcome.NONE, CacheOutcome.HIT] * 2
    assert inner.computed == 2
    assert {"decode", "read_lines"} <= set(found[0].timings)
    assert set(found[1].timings) == {"decode", "compare_frames"}
    with pytest.raises(InvalidImage):
        reader.recognize(b"no picture", CONFIG)
