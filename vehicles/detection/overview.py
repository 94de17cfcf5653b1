"""A second look at a picture in a smaller input, for objects that fill much of it.

A detector works best on objects as large as those it was trained on. A vehicle that fills an input
of 704 pixels is larger than that; in an input of 288 it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.vehicles.detection.letterbox import STRIDE, InputShape
from lipiyana.vehicles.detection.network import Candidates
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION, VehicleDetectionSettings


def overview_of(
    shape: InputShape, *, settings: VehicleDetectionSettings = VEHICLE_DETECTION
) -> InputShape | None:
    """Give the shape of the second input; None if the model takes squares of one size."""
    if shape.stride is None:
        return None
    return InputShape(STRIDE * max(1, round(settings.overview_scale * shape.size / STRIDE)))


Look = Callable[[RgbArray, InputShape], Candidates]
"""Runs a detector on a picture in an input of a shape; the candidates are in its pixels."""


def look_twice(
    look: Look,
    image: RgbArray,
    shape: InputShape,
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> Candidates:
    """Look at a picture (height, width, 3) in an input of a shape, and in the smaller one of
    `overview_of` where there is one.
    """
    first, overview = look(image, shape), overview_of(shape, settings=settings)
    if overview is None:
        return first
    height, width = image.shape[:2]
    return with_overview(first, look(image, overview), height, width, settings=settings)


def with_overview(
    first: Candidates,
    second: Candidates,
    height: int,
    width: int,
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> Candidates:
    """Join what two looks at one picture of a height and width give, all in its pixels."""
    longer = max(height, width)
    return Candidates.joined(
        [
            first[_sides(first) < settings.overview_alone_from * longer],
            second[_sides(second) >= settings.overview_from * longer],
        ]
    )


def _sides(found: Candidates) -> npt.NDArray[np.float64]:
    sides: npt.NDArray[np.float64] = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)
    return sides
