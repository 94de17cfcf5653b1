"""Detectors with one interface, this project's and COCO's YOLOX-nano, and their time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.session import open_session
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.detection.detector import VehicleDetector
from lipiyana.vehicles.detection.letterbox import InputShape, letterbox
from lipiyana.vehicles.detection.network import input_of
from lipiyana.vehicles.detection.overview import overview_of
from lipiyana.vehicles.taxonomy import CLASSES as VEHICLE_CLASSES
from lipiyana.vehicles.training.data.labels import CLASSES, COCO_INDICES, IN_COCO
from lipiyana.vehicles.training.evaluation import (
    Floats,
    Found,
    PredictFunction,
    find_in,
    predict_with_session,
)

# classes that COCO has too; the rest has no counterpart of its own
_OF_COCO = {label: VEHICLE_CLASSES[label].coco for label in IN_COCO}
_STRIDES, _COCO_SHAPE = (8, 16, 32), InputShape(416, None)


@dataclass(frozen=True, slots=True)
class Detector:
    """A model, what it is called in tables, the classes that it knows, what it sees pictures as,
    and how it detects as served.
    """

    name: str
    path: Path
    predict: PredictFunction
    classes: tuple[str, ...]
    shape: InputShape
    detect: Callable[[npt.NDArray[np.uint8]], Found]

    def inputs(self, picture: npt.NDArray[np.uint8]) -> list[Floats]:
        """Make its inputs (1, 3, rows, columns) of (height, width, 3) RGB."""
        overview = overview_of(self.shape)
        shapes = [self.shape] if overview is None else [self.shape, overview]
        return [letterbox(picture, shape)[0][None] for shape in shapes]


def own_detector(name: str, store: ModelStore, entry: ModelEntry) -> Detector:
    """One of this project's models, as it is served."""
    session = store.session(entry.name)
    served = VehicleDetector(store, entry.name)

    def detect(image: npt.NDArray[np.uint8]) -> Found:
        detections = served.detect(image)
        boxes = [(d.box.x_min, d.box.y_min, d.box.x_max, d.box.y_max) for d in detections]
        return Found(
            np.array(boxes, np.float64).reshape(-1, 4),
            np.array([d.confidence for d in detections], np.float64),
            np.array([CLASSES.index(d.label) for d in detections], np.intp),
        )

    predict, shape = predict_with_session(session), input_of(session)
    return Detector(name, entry.file, predict, CLASSES, shape, detect)


def coco_detector(name: str, path: Path) -> Detector:
    """YOLOX-nano as published: its output is decoded and its classes are renamed here."""
    session = open_session(path.read_bytes(), threads=1)
    columns = [5 + COCO_INDICES[_OF_COCO[label]] for label in _OF_COCO]
    indices = [CLASSES.index(label) for label in _OF_COCO]

    def predict(pixels: Floats) -> tuple[Floats, Floats]:
        raw = np.asarray(session.run(None, {"images": pixels})[0])
        corners, strides = _grid(pixels.shape[-1])
        centres = (raw[..., :2] + corners) * strides
        halves = np.exp(raw[..., 2:4]) * strides / 2
        scores = np.zeros((*raw.shape[:2], len(CLASSES)), np.float32)
        scores[..., indices] = raw[..., 4:5] * raw[..., columns]
        return np.concatenate([centres - halves, centres + halves], -1), scores

    def detect(image: npt.NDArray[np.uint8]) -> Found:
        return find_in(image, predict, _COCO_SHAPE)

    return Detector(name, path, predict, tuple(_OF_COCO), _COCO_SHAPE, detect)


def _grid(size: int) -> tuple[Floats, Floats]:
    corners, strides = [], []
    for stride in _STRIDES:
        y, x = np.mgrid[: size // stride, : size // stride]
        corners.append(np.stack([x, y], -1).reshape(-1, 2))
        strides.append(np.full((len(corners[-1]), 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def timed(
    detectors: Sequence[Detector], pictures: Sequence[npt.NDArray[np.uint8]], rounds: int
) -> list[float]:
    """Median milliseconds of each detector for one picture on one thread, taken in turns."""
    inputs = [[detector.inputs(picture) for picture in pictures] for detector in detectors]
    times: list[list[float]] = [[] for _ in detectors]
    for number in range(rounds + 2):
        for taken, detector, own in zip(times, detectors, inputs, strict=True):
            begin = time.perf_counter()
            for pixels in own[number % len(own)]:
                detector.predict(pixels)
            if number >= 2:  # the first two warm up
                taken.append(1000 * (time.perf_counter() - begin))
    return [statistics.median(taken) for taken in times]
