"""Degradations by camera, light and weather, as pure functions.

Each takes a picture, (H, W, 3) RGB uint8, a random generator and a strength from 0 (no effect) to
1 (barely legible), and returns a new picture of the same shape. Lengths scale with the height of
the picture, which is assumed to be slightly more than one line of text.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray

Field = npt.NDArray[np.float32]


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, cell: float, *, octaves: int = 1
) -> Field:
    """Draw value noise: (height, width) float32, mean about 0, within about [-1, 1].

    Args:
        rng: random generator.
        height: in pixels.
        width: in pixels.
        cell: size of a blob in pixels.
        octaves: number of noise layers, each half as coarse and half as strong as the one before.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(1.0, cell / 2**octave)
        grid = (int(height / step) + 2, int(width / step) + 2)
        values = rng.uniform(-1, 1, grid).astype(np.float32)
        how = cv2.INTER_CUBIC if octave == 0 else cv2.INTER_LINEAR
        total += cv2.resize(values, (width, height), interpolation=how) / 2**octave
    return total / (2 - 0.5 ** (octaves - 1))


def to_three_channels(field: npt.ArrayLike) -> Field:
    """Repeat one channel three times: (H, W) to (H, W, 3) float32."""
    plane = np.asarray(field, np.float32)
    return np.asarray(cv2.merge((plane, plane, plane)), np.float32)


def blur(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Defocus: blur with a Gaussian, or with the disc of an open aperture."""
    radius = strength * image.shape[0] * rng.uniform(0.008, 0.055)
    if radius < 0.3:
        return image
    if rng.random() < 0.75:
        return _u8(cv2.GaussianBlur(image, (0, 0), radius))
    size = 2 * int(np.ceil(radius)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)
    return _u8(cv2.filter2D(image, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE))


def motion_blur(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Blur by motion of the camera or vehicle, mostly along the line."""
    length = int(3 + strength * image.shape[0] * rng.uniform(0.03, 0.14))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.normal(0, 0.35) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    half = (length - 1) / 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    ends = [(round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return _u8(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def low_resolution(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Downscale (to 12 pixels of height at the lowest) and upscale again."""
    height, width = image.shape[:2]
    small = height * (1 - strength * rng.uniform(0.1, 0.8))
    small_height = max(12, round(small))
    if small_height >= height:
        return image
    size = (max(4, round(width * small_height / height)), small_height)
    down = rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR], p=[0.8, 0.2])
    shrunk = cv2.resize(image, size, interpolation=int(down))
    if rng.random() < 0.3:
        shrunk = jpeg(_u8(shrunk), rng, strength)
    up = rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.55, 0.4, 0.05])
    return _u8(cv2.resize(shrunk, (width, height), interpolation=int(up)))


def far_away(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Imitate a small part of a large picture: blurred, coarse, compressed, sometimes sharpened."""
    height, width = image.shape[:2]
    low = min(height, round(34 - strength * rng.uniform(4, 18)))
    size = (max(4, round(width * low / height)), low)
    small = _u8(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    small = _u8(cv2.GaussianBlur(small, (0, 0), 0.4 + strength * rng.uniform(0.2, 1.4)))
    small = jpeg(small, rng, strength * 0.7)
    if rng.random() < 0.4:
        small = sharpen(small, rng, 0.6)
    return _u8(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def sensor_noise(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Add sensor noise: grey or coloured, per pixel or in grains of two pixels."""
    height, width = image.shape[:2]
    grain = 1 if rng.random() < 0.6 else 2
    channels = 3 if rng.random() < 0.5 else 1
    shape = (-(-height // grain), -(-width // grain), channels)
    amount = np.float32(strength * rng.uniform(2, 20))
    grains = rng.standard_normal(shape, np.float32) * amount
    noise = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
    return _clip(image + (noise if channels == 3 else to_three_channels(noise)))


def jpeg(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Compress as JPEG of low quality, which adds blocks and ringing."""
    quality = int(np.clip(92 - strength * rng.uniform(10, 80), 8, 95))
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def uneven_light(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Brighten one side or some areas and darken the others."""
    height, width = image.shape[:2]
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        x = np.linspace(-1, 1, width, dtype=np.float32) * np.cos(angle)
        y = np.linspace(-1, 1, height, dtype=np.float32) * np.sin(angle)
        light = np.float32(1) + np.float32(strength * 0.45) * (x[None, :] + y[:, None])
    else:
        light = 1 + strength * 0.4 * smooth_noise(rng, height, width, max(height, width) / 2)
    return _clip(image * to_three_channels(light))


def shadow_edge(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Cast the shadow of a roof, pole or wire across the text."""
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        x0, x1 = rng.uniform(-0.2, 1.2, 2) * width
        points = [(x0, 0), (x1, height), (width * 1.5, height), (width * 1.5, 0)]
        cv2.fillPoly(mask, [np.array(points, np.int32)], 255)
    else:
        ends = (rng.uniform(-0.2, 1.2, (2, 2)) * (width, height)).astype(int)
        thick = max(1, int(height * rng.uniform(0.02, 0.25)))
        cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, thick)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, height * rng.uniform(0.005, 0.05)))
    dark = 1 - strength * rng.uniform(0.2, 0.6) * (soft.astype(np.float32) / 255)
    return _clip(image * to_three_channels(dark))


def glare(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Add a white spot: the reflection of a lamp or the sun."""
    height, width = image.shape[:2]
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    rx, ry = height * rng.uniform(0.3, 1.5), height * rng.uniform(0.15, 0.6)
    x = ((np.arange(width, dtype=np.float32) - np.float32(cx)) / np.float32(rx)) ** 2
    y = ((np.arange(height, dtype=np.float32) - np.float32(cy)) / np.float32(ry)) ** 2
    spot = np.exp(-(x[None, :] + y[:, None])) * np.float32(strength * rng.uniform(60, 190))
    return _clip(image + to_three_channels(spot))


def night(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Darken, tint with the colour of street lamps, and add noise."""
    gain = 1 - strength * rng.uniform(0.3, 0.75)
    tint = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.0)], np.float32)
    return sensor_noise(_clip(image * (tint * np.float32(gain))), rng, 0.5 * strength)


def stains(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Add patches of dirt, rust or fading."""
    height, width = image.shape[:2]
    field = smooth_noise(rng, height, width, height * rng.uniform(0.15, 0.6), octaves=2)
    patch = np.clip((field - rng.uniform(0.15, 0.45)) * 4, 0, 1) * np.float32(strength * 0.6)
    colour = np.array([[110, 80, 50], [200, 195, 185], [70, 65, 60]], np.float32)[rng.integers(3)]
    return _clip(image + (colour - image) * to_three_channels(patch))


def scratches(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Draw thin lines: scratches, cracks, wires in front of the sign."""
    height, width = image.shape[:2]
    out = image.copy()
    for _ in range(int(rng.integers(1, 2 + int(6 * strength)))):
        start = rng.uniform(0, 1, 2) * (width, height)
        ends = start + rng.normal(0, 0.7, 2) * height
        shade = int(rng.choice([rng.integers(0, 80), rng.integers(150, 256)]))
        line = [start.astype(int).tolist(), ends.astype(int).tolist()]
        cv2.line(out, line[0], line[1], (shade, shade, shade), 1, cv2.LINE_AA)
    return out


def wires(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Draw a wire, pole or crack that covers part of the sign."""
    height, width = image.shape[:2]
    out = image.copy()
    for _ in range(1 if rng.random() < 0.7 else 2):
        if rng.random() < 0.65:
            level = rng.uniform(0.1, 0.9) * height
            rise = np.tan(rng.normal(0, 0.2)) * width / 2
            ends = [(-1, level + rise), (width, level - rise)]
        else:
            place, lean = rng.uniform(0, width), rng.normal(0, 0.1) * height
            ends = [(place - lean, -1), (place + lean, height)]
        shade = rng.choice([rng.uniform(10, 80), rng.uniform(80, 230)], p=[0.7, 0.3])
        colour = np.clip(shade + rng.normal(0, 8, 3), 0, 255).tolist()
        thick = max(1, round(height * strength * rng.uniform(0.02, 0.14)))
        points = [[round(float(x)), round(float(y))] for x, y in ends]
        cv2.line(out, points[0], points[1], colour, thick, cv2.LINE_AA)
    return out


def sharpen(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Sharpen with halos around edges, as phone cameras do."""
    soft = cv2.GaussianBlur(image, (0, 0), max(0.8, image.shape[0] * rng.uniform(0.01, 0.03)))
    amount = strength * rng.uniform(0.4, 2.0)
    return _u8(cv2.addWeighted(image, 1 + amount, soft, -amount, 0))


def cast(image: RgbArray, rng: np.random.Generator, strength: float) -> RgbArray:
    """Change white balance and exposure, fade the colours and add haze."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    faded = strength * rng.uniform(0, 1.1)
    if faded > 0.05:
        part = min(float(faded), 1.0)
        image = _u8(cv2.addWeighted(image, 1 - part, cv2.merge((grey, grey, grey)), part, 0))
    gain = 1 + strength * rng.normal(0, 0.12, 3).astype(np.float32)
    gain *= np.float32(np.exp(strength * rng.normal(0, 0.2)))
    veil = np.float32(strength * rng.uniform(0, 0.35) if rng.random() < 0.4 else 0.0)
    haze = np.float32(rng.uniform(90, 230))
    return _clip(image * (gain * (1 - veil)) + haze * veil)


def _u8(image: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> RgbArray:
    return np.asarray(image, np.uint8)


def _clip(image: npt.NDArray[np.floating]) -> RgbArray:
    # converts and clips at 255 in one pass
    return np.asarray(cv2.convertScaleAbs(np.maximum(image, 0)), np.uint8)
