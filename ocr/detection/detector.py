"""Where the lines of text are: a DB text detector (Liao et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.detection.lines import join, line_quads
from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings
from lipiyana.ocr.detection.text_map import Core, cores
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore

_STRIDE = 32


@dataclass(frozen=True, slots=True, eq=False)
class TextRegion:
    """A line of text: (4, 2) corners, clockwise from the text's top left, in pixels."""

    polygon: npt.NDArray[np.float64]
    score: float


class TextDetector:
    """Finds lines of text. Safe to share between threads."""

    def __init__(
        self,
        store: ModelStore,
        settings: DetectionSettings | None = None,
        name: str | None = None,
    ) -> None:
        """Choose the model: `name`, or the store's default detector. Nothing is loaded yet.

        Raises:
            ModelUnavailable: there is none.
        """
        self._store = store
        self._settings = settings or SCENE_DETECTION
        self.entry: ModelEntry = (
            store.entry(name) if name else store.default_for_task(Task.TEXT_DETECTOR)
        )

    def detect(self, image: RgbArray) -> list[TextRegion]:
        """Find the lines in (height, width, 3) RGB, in no particular order."""
        height, width = image.shape[:2]
        session = self._store.session(self.entry.name)
        scaled = scaled_picture(image, self._settings)
        probabilities = session.run(network_input(scaled))[0][0, 0]
        rows, columns = probabilities.shape
        scale = np.array([width / columns, height / rows])
        return [
            TextRegion(_clockwise(quad * scale), score)
            for quad, score in find_lines(probabilities, scaled, self._settings)
        ]


def find_lines(
    probabilities: npt.NDArray[np.float32],
    image: RgbArray,
    settings: DetectionSettings,
) -> list[tuple[npt.NDArray[np.float64], float]]:
    """Make lines of a map (rows, columns) of probabilities and the picture (rows, columns, 3)
    that it was made of: their corners (4, 2) and mean probabilities.
    """
    found = cores(
        probabilities,
        pixel_threshold=settings.pixel_threshold,
        box_threshold=settings.box_threshold,
        settings=settings,
    )
    if settings.unclip_ratio is not None:
        return [(_unclipped(core, settings.unclip_ratio), core.score) for core in found]
    lines = join(found, settings=settings)
    return list(
        zip(
            line_quads(image, lines, settings=settings),
            (line.core.score for line in lines),
            strict=True,
        )
    )


def _unclipped(core: Core, ratio: float) -> npt.NDArray[np.float64]:
    side = ratio * core.width * core.height / (2 * (core.width + core.height))
    return core.quad(side, side, side, side)


def scaled_size(height: int, width: int, settings: DetectionSettings) -> tuple[int, int]:
    """Size (height, width) at which the network sees a picture: multiples of 32."""
    long_side = max(height, width)
    if long_side > settings.max_long_side:
        half = min(long_side / 2, settings.largest_long_side)
        ratio = max(settings.max_long_side, half) / long_side
    else:
        ratio = min(settings.max_enlargement, max(1.0, settings.min_long_side / long_side))
    return _to_stride(height * ratio), _to_stride(width * ratio)


def _to_stride(side: float) -> int:
    return max(_STRIDE, math.floor(side / _STRIDE + 0.5) * _STRIDE)


def scaled_picture(image: RgbArray, settings: DetectionSettings) -> RgbArray:
    """Scale (H, W, 3) as the network sees it; see `scaled_size`."""
    rows, columns = scaled_size(image.shape[0], image.shape[1], settings)
    how = cv2.INTER_AREA if rows < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=how), np.uint8)


def network_input(scaled: RgbArray) -> npt.NDArray[np.float32]:
    """Make (1, 3, H, W) BGR from -1 to 1 of (H, W, 3) RGB."""
    batch = np.empty((1, 3, *scaled.shape[:2]), np.float32)
    np.multiply(scaled[:, :, ::-1].transpose(2, 0, 1), 1 / 127.5, out=batch[0])
    batch -= 1.0
    return batch


def _clockwise(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Order (4, 2) corners clockwise from the top left of text that is tilted by less than 45
    degrees, or, for a tall box, of text that runs downwards.
    """
    centre = corners.mean(axis=0)
    offsets = corners - centre
    ordered = corners[np.argsort(np.arctan2(offsets[:, 1], offsets[:, 0]), kind="stable")]
    start = int(np.argmin(ordered.sum(axis=1)))
    return np.roll(ordered, -start, axis=0)
