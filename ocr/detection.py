"""Where the lines of text are: a DB text detector (Liao et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.manifest import ModelEntry, Task
from lipiyana.runtime import ModelStore

_STRIDE = 32


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How pictures are scaled and boxes made.

    Attributes:
        min_long_side: a smaller picture is enlarged until its longer side has this many pixels,
            by `max_enlargement` at most: text of six pixels is not found.
        max_long_side: a larger picture is reduced to this.
        max_enlargement: factor.
        pixel_threshold: probability above which a pixel is text.
        box_threshold: mean probability above which a region is a line.
        unclip_ratio: how far a region, which the network is taught to draw shrunk, is widened.
    """

    min_long_side: int = 736
    max_long_side: int = 960
    max_enlargement: float = 2.0
    pixel_threshold: float = 0.2
    box_threshold: float = 0.5
    unclip_ratio: float = 1.6


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
        self._settings = settings or DetectionSettings()
        self.entry: ModelEntry = (
            store.entry(name) if name else store.default_for_task(Task.TEXT_DETECTOR)
        )

    def detect(self, image: npt.NDArray[np.uint8]) -> list[TextRegion]:
        """Find the lines in (height, width, 3) RGB, in no particular order."""
        height, width = image.shape[:2]
        session = self._store.session(self.entry.name)
        probabilities = session.run(_network_input(image, self._settings))[0]
        # asked for in the network's own pixels: it rounds to whole ones
        rows, columns = probabilities.shape[2:]
        boxes, scores = _postprocess(self._settings)(probabilities, (rows, columns))
        scale = np.array([width / columns, height / rows])
        return [
            TextRegion(_clockwise(np.asarray(box, np.float64) * scale), float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]


def scaled_size(height: int, width: int, settings: DetectionSettings) -> tuple[int, int]:
    """Size (height, width) at which the network sees a picture: multiples of 32."""
    long_side = max(height, width)
    if long_side > settings.max_long_side:
        ratio = settings.max_long_side / long_side
    else:
        ratio = min(settings.max_enlargement, max(1.0, settings.min_long_side / long_side))
    return _to_stride(height * ratio), _to_stride(width * ratio)


def _to_stride(side: float) -> int:
    return max(_STRIDE, math.floor(side / _STRIDE + 0.5) * _STRIDE)


def _network_input(
    image: npt.NDArray[np.uint8], settings: DetectionSettings
) -> npt.NDArray[np.float32]:
    rows, columns = scaled_size(image.shape[0], image.shape[1], settings)
    how = cv2.INTER_AREA if rows < image.shape[0] else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (columns, rows), interpolation=how)
    batch = np.empty((1, 3, rows, columns), np.float32)
    np.multiply(scaled[:, :, ::-1].transpose(2, 0, 1), 1 / 127.5, out=batch[0])
    batch -= 1.0
    return batch


@cache
def _postprocess(settings: DetectionSettings) -> Any:
    from rapidocr.ch_ppocr_det.utils import DBPostProcess  # takes half a second to import

    return DBPostProcess(
        thresh=settings.pixel_threshold,
        box_thresh=settings.box_threshold,
        unclip_ratio=settings.unclip_ratio,
        use_dilation=True,
    )


def _clockwise(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Order (4, 2) corners clockwise from the top left of text that is tilted by less than 45
    degrees, or, for a tall box, of text that runs downwards.
    """
    centre = corners.mean(axis=0)
    offsets = corners - centre
    ordered = corners[np.argsort(np.arctan2(offsets[:, 1], offsets[:, 0]), kind="stable")]
    start = int(np.argmin(ordered.sum(axis=1)))
    return np.roll(ordered, -start, axis=0)
