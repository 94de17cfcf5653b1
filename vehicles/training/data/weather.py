"""Augmentation of light, weather, lens and compression; boxes do not change."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray

Light = npt.NDArray[np.float32]
_Rng = np.random.Generator
_LEVELS = np.arange(256, dtype=np.float32)


def weathered(image: RgbArray, rng: _Rng) -> RgbArray:
    """Always change light and colour a little, and sometimes much; (H, W, 3) RGB."""
    image = _light(image, rng)
    for chance, effect in _EFFECTS:
        if rng.random() < chance:
            image = effect(image, rng)
    return image


def repainted(image: RgbArray, rng: _Rng) -> RgbArray:
    """Rotate all hues by one random angle, because a class does not depend on the paint."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    # OpenCV stores hues in units of two degrees
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.integers(180))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def light_of(image: RgbArray) -> Light:
    """Mean and standard deviation (2, 3) of the 8-bit CIE Lab values of (H, W, 3) RGB."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float32)
    return np.stack([lab.mean(0), lab.std(0)])


def relit(image: RgbArray, light: Light, rng: _Rng) -> RgbArray:
    """Give a picture the light of another one, to a random degree, and add shade.

    Reinhard et al., "Color transfer between images", IEEE CG&A 2001: match means and deviations in
    Lab; here only partly.

    Args:
        image: (H, W, 3) RGB.
        light: light of the other picture, from `light_of`.
        rng: random generator.
    """
    own = light_of(image)
    share = float(rng.uniform(0.3, 1.0))
    # a plain picture has almost no deviation, so limit the gains
    gains = (light[1] / own[1].clip(4)).clip(0.4, 2.5) ** share
    means = own[0] + share * (light[0] - own[0])
    tables = (_LEVELS[:, None] - own[0]) * gains + means
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab = np.asarray(cv2.LUT(lab, tables.clip(0, 255).astype(np.uint8)[None]), np.uint8)
    return _shaded(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8), rng)


def _shaded(image: RgbArray, rng: _Rng) -> RgbArray:
    """Vary the brightness over the picture, like trees, bridges and a low sun do."""
    height, width = image.shape[:2]
    logs = rng.normal(0, 0.35, (int(rng.integers(2, 6)), int(rng.integers(2, 6))))
    field = cv2.resize(np.exp(logs).astype(np.float32), (width, height))
    return (image * field[..., None]).clip(0, 255).astype(np.uint8)


def _light(image: RgbArray, rng: _Rng) -> RgbArray:
    """Change brightness, contrast, gamma and tint by table, saturation by mixing with grey."""
    gamma = np.exp(rng.normal(0, 0.2))
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.04, 3))
    curve = 255 * (_LEVELS / 255) ** gamma
    table = (curve[:, None] * gain + rng.normal(0, 8)).clip(0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table[None]), np.uint8)
    saturation = float(rng.uniform(0.5, 1.5))
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(image, saturation, grey, 1 - saturation, 0), np.uint8)


def _night(image: RgbArray, rng: _Rng) -> RgbArray:
    """Night: dark and warm, with glare of a few lamps and noise."""
    dark = np.array([1.0, 0.88, 0.7]) * rng.uniform(0.18, 0.45)
    table = (_LEVELS[:, None] * dark).clip(0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table[None]), np.uint8)
    height, width = image.shape[:2]
    glare = np.zeros((height // 4 + 1, width // 4 + 1, 3), np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        centre = (int(rng.integers(glare.shape[1])), int(rng.integers(glare.shape[0])))
        lamp = (255, int(rng.integers(190, 256)), int(rng.integers(120, 256)))
        cv2.circle(glare, centre, int(rng.integers(1, 4)), lamp, -1)
    glare = np.asarray(cv2.GaussianBlur(glare, (0, 0), float(rng.uniform(1, 4))), np.uint8)
    glare = np.asarray(cv2.resize(glare, (width, height)), np.uint8)
    return _noise(np.asarray(cv2.add(image, glare), np.uint8), rng)


def _haze(image: RgbArray, rng: _Rng) -> RgbArray:
    """Fog that is denser higher up, where objects are further away."""
    height = image.shape[0]
    top, bottom = rng.uniform(0.3, 0.75), rng.uniform(0, 0.3)
    share = np.linspace(top, bottom, height, dtype=np.float32)[:, None, None]
    air = np.array([1, 1, 1.03]) * rng.uniform(150, 225)
    return (image * (1 - share) + air * share).clip(0, 255).astype(np.uint8)


def _rain(image: RgbArray, rng: _Rng) -> RgbArray:
    """Rain: parallel streaks and lower contrast."""
    height, width = image.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    slant, length = rng.normal(0, 4), rng.uniform(6, 22)
    for x, y in rng.uniform((0, 0), (width, height), (int(rng.integers(40, 220)), 2)):
        end = (int(x + slant), int(y + length))
        cv2.line(streaks, (int(x), int(y)), end, int(rng.integers(60, 200)), 1, cv2.LINE_AA)
    streaks = np.asarray(cv2.blur(streaks, (1, 3)), np.uint8)
    dull = cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.65, 0.9)), beta=12)
    return np.asarray(cv2.add(dull, cv2.cvtColor(streaks, cv2.COLOR_GRAY2RGB)), np.uint8)


def _motion_blur(image: RgbArray, rng: _Rng) -> RgbArray:
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.normal(0, 0.35)
    half = (length - 1) / 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    start, end = (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _soft(image: RgbArray, rng: _Rng) -> RgbArray:
    """Lower the resolution."""
    height, width = image.shape[:2]
    share = rng.uniform(0.45, 0.9)
    small = cv2.resize(image, (round(width * share), round(height * share)))
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _noise(image: RgbArray, rng: _Rng) -> RgbArray:
    grain = rng.normal(0, rng.uniform(3, 14), (image.shape[0], image.shape[1])).astype(np.float32)
    return np.asarray((image + grain[..., None]).clip(0, 255), np.uint8)


def _jpeg(image: RgbArray, rng: _Rng) -> RgbArray:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 70))]
    encoded = cv2.imencode(".jpg", image, quality)[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _grey(image: RgbArray, _: _Rng) -> RgbArray:
    one = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(one, cv2.COLOR_GRAY2RGB), np.uint8)


_EFFECTS: tuple[tuple[float, Callable[[RgbArray, _Rng], RgbArray]], ...] = (
    (0.06, _haze),
    (0.06, _night),
    (0.05, _rain),
    (0.07, _motion_blur),
    (0.10, _soft),
    (0.08, _noise),
    (0.12, _jpeg),
    (0.03, _grey),
)
