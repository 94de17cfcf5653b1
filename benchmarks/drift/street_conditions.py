"""Street pictures as a camera sees them: by day and night, and with what is injected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText, random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.streets.signs import SignLine, paint_sign
from lipiyana.types import RegistrationFormat
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, load_part

Effect = Callable[[RgbArray, np.random.Generator], RgbArray]
CLEAR = RenderRecipe(
    blur=0, motion=0, low_resolution=0, noise=0, jpeg=0, uneven_light=0, shadow_edge=0, glare=0,
    night=0, stains=0, scratches=0, sharpen=0, cast=0,
)  # fmt: skip
HOME, OTHER_CITY = "WB", "TN"
WORDS = {
    "Beng": ("মিষ্টান্ন", "ঔষধ", "বস্ত্রালয়", "পুস্তক", "হোটেল", "বাজার"),
    "Taml": ("இனிப்பு", "மருந்து", "துணிகள்", "புத்தகம்", "உணவகம்", "சந்தை"),
}
NEW_VEHICLE = 2  # cycle_rickshaw


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture of the camera, with what is on it.

    Attributes:
        index: number of the picture.
        pixels: (H, W, 3) RGB, without plates and sign.
        boxes: (n, 4) of its vehicles, the largest first: x0, y0, x1, y1.
    """

    index: int
    pixels: RgbArray
    boxes: np.ndarray


def scenes(data: Path, count: int) -> list[Scene]:
    """The camera's pictures: Kolkata by day, with a vehicle that is large enough for a plate."""
    found: list[Scene] = []
    for picture in _pictures(data, "juvd"):
        sizes = picture.boxes[:, 2:] - picture.boxes[:, :2]
        if NEW_VEHICLE in picture.classes or not len(sizes) or sizes[:, 0].max() < 100:
            continue
        pixels = picture.pixels()
        if pixels.mean() < 80:
            continue
        order = np.argsort(-sizes.prod(1))
        found.append(Scene(len(found), pixels, picture.boxes[order]))
        if len(found) == count:
            break
    return found


def new_vehicles(data: Path, count: int) -> list[RgbArray]:
    """Crops of cycle-rickshaws, of which the camera's pictures have none."""
    found: list[RgbArray] = []
    for picture in _pictures(data, "dhaka640"):
        for box, kind in zip(picture.boxes, picture.classes, strict=True):
            x0, y0, x1, y1 = (max(0, int(v)) for v in box)
            if kind == NEW_VEHICLE and y1 - y0 >= 110 and x1 - x0 >= 70:
                found.append(picture.pixels()[y0:y1, x0:x1])
                break
        if len(found) == count:
            break
    return found


def dressed(
    scene: Scene, library: FontLibrary, *, city: str = HOME, script: str = "Beng"
) -> RgbArray:
    """Put plates of a city on the two largest vehicles, and a sign of a script on the wall."""
    rng = np.random.default_rng(scene.index)
    pixels = scene.pixels.copy()
    for box in scene.boxes[:2]:
        width = int(np.clip((box[2] - box[0]) * 0.45, 60, 120))
        crop = render_plate(rng, library, _registration(rng, city), height=48, recipe=CLEAR).image
        height = max(14, round(crop.shape[0] * width / crop.shape[1]))
        centre = (box[0] + box[2]) / 2, box[1] + 0.78 * (box[3] - box[1])
        _paste(pixels, cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA), centre)
    rng = np.random.default_rng([scene.index, 1])  # the sign stays if the plates change
    words = WORDS[script]
    word = words[int(rng.integers(len(words)))]
    sign = paint_sign(rng, library, "shop", [SignLine(word, script)], (190, 54)).image
    _paste(pixels, sign, (110 + 20 * (scene.index % 3), 34))
    return pixels


def with_vehicle(pixels: RgbArray, crop: RgbArray, rng: np.random.Generator) -> RgbArray:
    """Put a vehicle in front."""
    height = 150
    width = round(crop.shape[1] * height / crop.shape[0])
    copy = pixels.copy()
    x = float(rng.uniform(width / 2, pixels.shape[1] - width / 2))
    small = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    _paste(copy, small, (x, pixels.shape[0] - height / 2 - 4))
    return copy


def _registration(rng: np.random.Generator, city: str) -> PlateText:
    while True:
        text = random_registration(rng, RegistrationFormat.STANDARD, rows=1)
        if text.canonical.startswith(city):
            return text


def _paste(pixels: RgbArray, crop: np.ndarray, centre: tuple[float, float]) -> None:
    height, width = crop.shape[:2]
    y = int(np.clip(centre[1] - height / 2, 0, pixels.shape[0] - height))
    x = int(np.clip(centre[0] - width / 2, 0, pixels.shape[1] - width))
    pixels[y : y + height, x : x + width] = crop


def _pictures(data: Path, source: str) -> Iterator[StreetPicture]:
    # what no detector was trained on
    found: Sequence[StreetPicture] = load_part(data, "selection") + load_part(data, "report")
    order = np.random.default_rng(7).permutation(len(found))
    return (found[i] for i in order if found[i].source == source)


def _u8(values: np.ndarray) -> RgbArray:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def night(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:
    """A street under lamps, with the noise of a sensor at its limit."""
    dark = pixels * np.array([0.34, 0.3, 0.27])
    return _u8(dark + rng.normal(0, 5, pixels.shape))


def fog(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:
    """Whiter with the distance, which grows towards the top."""
    depth = np.linspace(1, 0.45, pixels.shape[0])[:, None, None] * rng.uniform(0.55, 0.8)
    return _u8(pixels * (1 - depth) + min(210.0, 2.2 * pixels.mean()) * depth)


def rain(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:
    """Streaks, a grey veil and drops on the glass."""
    height, width = pixels.shape[:2]
    streaks = np.zeros((height, width), np.float32)
    for _ in range(350):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        end = (x + 3, y + int(rng.integers(12, 30)))
        cv2.line(streaks, (x, y), end, float(rng.uniform(0.2, 0.6)), 1)
    soft = cv2.GaussianBlur(pixels, (0, 0), 1.1).astype(np.float32)
    grey = float(pixels.mean())
    return _u8(soft * 0.75 + 0.22 * grey + cv2.GaussianBlur(streaks, (0, 0), 0.7)[..., None] * 150)


def dusk(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:
    """The last light: warm, dim, and long exposures."""
    warm = pixels * np.array([0.62, 0.48, 0.36])
    soft = cv2.GaussianBlur(warm, (0, 0), 0.8)
    return _u8(soft + rng.normal(0, 3, pixels.shape))


def dirty_lens(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:  # noqa: ARG001
    """Smears that stay where they are."""
    height, width = pixels.shape[:2]
    where = np.random.default_rng(3)
    mask = np.zeros((height, width), np.float32)
    for _ in range(7):
        centre = int(where.integers(width)), int(where.integers(height))
        axes = int(where.integers(30, 90)), int(where.integers(20, 60))
        cv2.ellipse(mask, centre, axes, float(where.uniform(0, 180)), 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 14)[..., None] * 0.9
    smeared = cv2.GaussianBlur(pixels, (0, 0), 7) * 0.8 + 0.12 * pixels.mean()
    return _u8(pixels * (1 - mask) + smeared * mask)


def askew(pixels: RgbArray, rng: np.random.Generator) -> RgbArray:  # noqa: ARG001
    """A camera that was knocked: turned by 9 degrees, and looking higher."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 9, 1.2)
    matrix[1, 2] += 0.1 * height
    return _u8(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))


EFFECTS: dict[str, Effect] = {
    "fog": fog, "rain": rain, "dusk": dusk, "dirty lens": dirty_lens, "camera askew": askew,
}  # fmt: skip


def as_bright_as(pixels: RgbArray, like: RgbArray) -> RgbArray:
    """Give a picture the mean brightness of another."""
    wanted, found = float(like.mean()), pixels.astype(np.float32)
    for _ in range(6):
        found = np.clip(found * (wanted / max(1.0, float(found.mean()))), 0, 255)
    return _u8(found)
