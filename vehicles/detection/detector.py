"""Finds vehicles and plates in a whole picture or in several small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Box
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import Candidates, DetectorNetwork
from lipiyana.vehicles.detection.nms import suppress_and_vote
from lipiyana.vehicles.detection.overview import look_twice
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION, VehicleDetectionSettings
from lipiyana.vehicles.detection.tiles import Tile, cut_off, near_edge, parts, tiles

PLATE = "plate"
"""Label of plates, which are a class of the detector but no vehicles."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that was found, in pixels of the picture, within it."""

    label: str
    confidence: float
    box: Box


class VehicleDetector:
    """Finds the classes that its model was trained on. Safe to share between threads."""

    def __init__(
        self,
        store: ModelStore,
        name: str | None = None,
        settings: VehicleDetectionSettings = VEHICLE_DETECTION,
    ) -> None:
        """Choose the model: `name`, or the store's default. Nothing is loaded yet.

        Raises:
            ModelUnavailable: there is none.
        """
        self._store, self._settings = store, settings
        self.entry: ModelEntry = (
            store.entry(name) if name else store.default_for_task(Task.VEHICLE_DETECTOR)
        )

    def network(self) -> DetectorNetwork:
        """Load the model, the first time.

        Raises:
            ModelUnavailable: it cannot be loaded, or is no detector (see `DetectorNetwork`).
        """
        return DetectorNetwork(self._store.session(self.entry.name), self._settings)

    def detect(
        self, image: RgbArray, least: float = VEHICLE_DETECTION.min_confidence
    ) -> list[Detection]:
        """Find everything in one picture: in two sizes (`overview`) and, if it is large, in tiles.

        Args:
            image: (height, width, 3) RGB.
            least: smallest confidence.

        Returns:
            The surest first.

        Raises:
            ModelUnavailable: as `network`.
        """
        network = self.network()

        def look(picture: RgbArray, shape: InputShape) -> Candidates:
            (found,) = network.run([picture], least, shape)
            return found

        height, width = image.shape[:2]
        views = [
            Tile(0, 0, width, height),
            *tiles(height, width, network.shape.size, settings=self._settings),
        ]
        cuts = (image[tile.y_min : tile.y_max, tile.x_min : tile.x_max] for tile in views[1:])
        looks = [
            look_twice(look, image, network.shape, settings=self._settings),
            *network.run(cuts, least),
        ]
        seen, doubts = [], []
        most = self._settings.most_candidates // len(views)
        for view, local in zip(views, looks, strict=True):
            found = local.moved(view.x_min, view.y_min)
            found = found[
                ~cut_off(found.boxes, view, height, width, settings=self._settings)
            ].surest(most)
            seen.append(found)
            doubts.append(near_edge(found.boxes, view, height, width, settings=self._settings))
        found = Candidates.joined(seen)
        # a plate lies in its vehicle and is no part of it in this sense
        of_vehicle = np.array([label != PLATE for label in network.classes])[found.classes]
        doubtful = np.concatenate(doubts) & of_vehicle
        found = found[~parts(found.boxes, found.confidences, doubtful, settings=self._settings)]
        return _detections(found, network.classes, image, least, self._settings)

    def detect_each(
        self, images: Sequence[RgbArray], least: float = VEHICLE_DETECTION.min_confidence
    ) -> list[list[Detection]]:
        """Find everything in several small pictures, in one batch and without tiles.

        Raises:
            ModelUnavailable: as `network`.
        """
        if not images:
            return []
        network = self.network()
        return [
            _detections(found, network.classes, image, least, self._settings)
            for image, found in zip(images, network.run(images, least), strict=True)
        ]


def _detections(
    found: Candidates,
    classes: tuple[str, ...],
    image: RgbArray,
    least: float,
    settings: VehicleDetectionSettings,
) -> list[Detection]:
    height, width = image.shape[:2]
    far_corner = np.tile([width, height], 2)
    boxes = found.boxes.clip(0, far_corner)
    found = Candidates(boxes, found.confidences, found.classes)
    found = found[np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1))]
    survivors = suppress_and_vote(found.boxes, found.confidences, found.classes, settings=settings)
    return [
        Detection(classes[index], confidence, Box(*box))
        for box, confidence, index in zip(
            survivors.boxes.clip(0, far_corner).tolist(),  # a mean may end a rounding error outside
            survivors.scores.tolist(),
            found.classes[survivors.indices].tolist(),
            strict=True,
        )
        if confidence >= least
    ]
