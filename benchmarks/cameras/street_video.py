"""Draws a video: three vehicles of samples/ pass one after the other, and nothing moves between.

    python benchmarks/cameras/street_video.py street.mp4

The vehicles are cut out of pictures that this project drew; the plates are invented.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.samples import sample_folder

Pixels = npt.NDArray[np.uint8]

PLATES = ("DL10CB6366", "DL10R9956", "22BH0091H")
"""What the three vehicles show, in the order in which they pass."""

WAYS = ("right", "left", "away")
"""Where they go."""

_BACKGROUND = "scenes/16_welcome_ranchi_imphal.jpg"
_WIDTH, _HEIGHT = 1280, 720
_GRAIN_MARGIN = 64
_ROAD = 420
"""Row at which the road begins."""


@dataclass(frozen=True)
class _Cutout:
    picture: str
    box: tuple[int, int, int, int]
    height: int
    """In a frame of 720 rows, at its nearest."""


_VEHICLES = (
    _Cutout("scenes/01_sweet_shop_delhi.jpg", (95, 380, 568, 757), 300),
    _Cutout("scenes/01_sweet_shop_delhi.jpg", (712, 330, 1028, 760), 340),
    _Cutout("scenes/02_highway_bengaluru.jpg", (636, 500, 1025, 812), 300),
)


def frames(
    rate: float,
    seconds_each: float = 2.0,
    pause: float = 1.0,
    size: tuple[int, int] = (1280, 720),
    scale: float = 1.0,
) -> Iterator[Pixels]:
    """Draw the frames, (height, width, 3) RGB.

    Args:
        rate: frames a second.
        seconds_each: that a vehicle takes.
        pause: seconds without one before, between and after them.
        size: width and height.
        scale: factor of the size of the vehicles; smaller ones are farther away.
    """
    street = _street()
    noise = np.random.default_rng(7)
    for way, vehicle in zip(WAYS, _VEHICLES, strict=True):
        for _ in range(round(pause * rate)):
            yield _taken(street, noise, size)
        steps = round(seconds_each * rate)
        for step in range(steps):
            yield _taken(
                _placed(street, vehicle, way, step / max(1, steps - 1), scale), noise, size
            )
    for _ in range(round(pause * rate)):
        yield _taken(street, noise, size)


def write_video(
    path: Path,
    rate: int = 10,
    *,
    codec: str = "libx264",
    seconds_each: float = 2.0,
    pause: float = 1.0,
    size: tuple[int, int] = (1280, 720),
    scale: float = 1.0,
    repeat: int = 1,
) -> None:
    """Write the frames of `frames` as a video, `repeat` times one after the other."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 4_000_000
        stream.codec_context.gop_size = rate
        if codec in {"libx264", "libx265"}:  # as cameras do: no frame waits for a later one
            stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
        drawn = frames(rate, seconds_each, pause, size, scale)
        for number, pixels in enumerate(drawn if repeat == 1 else [*drawn] * repeat):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _street() -> Pixels:
    """Shops and road of a sample, without its vehicles and signs."""
    picture = _sample(_BACKGROUND)
    houses = picture[60:400, 575:600]
    road = picture[420:700, 575:600]
    tile = np.concatenate([houses, houses[:, ::-1]], axis=1)
    top = np.tile(tile, (1, _WIDTH // tile.shape[1] + 1, 1))[:, :_WIDTH]
    ground = np.broadcast_to(road.mean(axis=1, keepdims=True), (road.shape[0], _WIDTH, 3))
    street = np.concatenate(
        [
            cv2.resize(top, (_WIDTH, _ROAD), interpolation=cv2.INTER_AREA),
            cv2.resize(ground.astype(np.uint8), (_WIDTH, _HEIGHT - _ROAD)),
        ]
    )
    return np.asarray(cv2.GaussianBlur(street, (0, 0), 3), np.uint8)


def _placed(street: Pixels, vehicle: _Cutout, way: str, share: float, scale: float) -> Pixels:
    centre, bottom = _WIDTH // 2, _HEIGHT - 40
    cutout, alpha = _cut_out(vehicle)
    width = scale * cutout.shape[1] * vehicle.height / cutout.shape[0]
    if way == "away":
        nearness = 1.1 - 0.5 * share
        scale, width = scale * nearness, width * nearness
        bottom = round(_HEIGHT - 20 - 130 * share)
    else:
        travelled = -width / 2 + share * (_WIDTH + width)
        centre = round(travelled if way == "right" else _WIDTH - travelled)
    height = round(vehicle.height * scale)
    size = (round(width), height)
    small = cv2.resize(cutout, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mask = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[:, :, None]
    picture = street.copy()
    left, top = centre - size[0] // 2, bottom - height
    x0, x1 = max(0, left), min(_WIDTH, left + size[0])
    if x0 < x1:
        part = slice(x0 - left, x1 - left)
        place = picture[top : top + height, x0:x1]
        place[:] = place * (1 - mask[:, part]) + small[:, part] * mask[:, part]
    return picture


@lru_cache(maxsize=len(_VEHICLES))
def _cut_out(vehicle: _Cutout) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """A vehicle and how much of each pixel it covers."""
    picture = _sample(vehicle.picture)
    x0, y0, x1, y1 = vehicle.box
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.setRNGSeed(7)
    cv2.grabCut(
        picture, mask, (x0, y0, x1 - x0, y1 - y0), np.zeros((1, 65)), np.zeros((1, 65)), 4,
        cv2.GC_INIT_WITH_RECT,
    )  # fmt: skip
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    # plates and windows are parts of it, whatever their colours
    outline, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(solid)
    cv2.drawContours(filled, [max(outline, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    soft = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1)
    return picture[y0:y1, x0:x1], np.asarray(soft[y0:y1, x0:x1], np.float32)


def _taken(street: Pixels, noise: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """What a camera makes of it: another size and the noise of its sensor."""
    picture = street
    if size != (_WIDTH, _HEIGHT):
        picture = np.asarray(cv2.resize(street, size, interpolation=cv2.INTER_AREA), np.uint8)
    x, y = noise.integers(0, _GRAIN_MARGIN, 2)
    grain = _grain(*size)[y : y + size[1], x : x + size[0]]
    return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=2)
def _grain(width: int, height: int) -> npt.NDArray[np.int16]:
    shape = (height + _GRAIN_MARGIN, width + _GRAIN_MARGIN, 1)
    grain = np.random.default_rng(8).normal(0, 2, shape).round().astype(np.int16)
    return np.repeat(grain, 3, axis=2)


def _sample(name: str) -> Pixels:
    bgr = cv2.imread(str(sample_folder() / name))
    assert bgr is not None, name
    return np.asarray(bgr[:, :, ::-1].copy(), np.uint8)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rate", type=int, default=10, help="frames a second")
    arguments = parser.parse_args()
    write_video(arguments.output, arguments.rate)


if __name__ == "__main__":
    _main()
