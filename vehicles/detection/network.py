"""The network of a detector: pictures in, candidates out.

A model has:

- the input `images` (n, 3, rows, columns), as `letterbox` makes it: a square if the file gives its
  size, otherwise a rectangle whose sides are multiples of `letterbox.STRIDE` (see `input_of`);
- the outputs `boxes` (n, anchors, 4), x_min, y_min, x_max, y_max in pixels of the input, and
  `scores` (n, anchors, classes) in [0, 1];
- the metadata `classes`, one name a line, and, if the file leaves the size open, `input_size`: the
  longer side in pixels, a multiple of the stride too.

Its entry in the manifest may have these parameters:

- `input_size`, which replaces that of the metadata;
- `calibration`: for each class a list of [score, confidence], both rising. Confidences between two
  pairs are interpolated linearly;
- or `thresholds`: for each class the score that counts as `OPERATING_POINT`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.errors import ModelUnavailable
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.session import Session
from lipiyana.vehicles.boxes import Boxes
from lipiyana.vehicles.detection.letterbox import InputShape, letterbox
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION, VehicleDetectionSettings

OPERATING_POINT = 0.3
"""Confidence of a detection whose score is the threshold of its class. It equals the default of
`min_confidence` in a scene (`lipiyana.types.SCENE_CONFIDENCE`); a test compares them.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes (n, 4), their confidences (n,) and the indices of their classes (n,)."""

    boxes: Boxes
    confidences: npt.NDArray[np.float64]
    classes: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Candidates:
        return Candidates(self.boxes[chosen], self.confidences[chosen], self.classes[chosen])

    def moved(self, x: float, y: float) -> Candidates:
        """Move all boxes to the right and down."""
        return Candidates(self.boxes + np.array([x, y, x, y]), self.confidences, self.classes)

    def surest(self, most: int) -> Candidates:
        """Those with the greatest confidence, in their order; all where there are not more."""
        if len(self) <= most:
            return self
        return self[np.sort(np.argpartition(-self.confidences, most)[:most])]

    @classmethod
    def joined(cls, several: Sequence[Candidates]) -> Candidates:
        """All candidates of several pictures or parts."""
        return cls(
            np.concatenate([candidates.boxes for candidates in several]),
            np.concatenate([candidates.confidences for candidates in several]),
            np.concatenate([candidates.classes for candidates in several]),
        )


class DetectorNetwork:
    """A loaded detector. Safe to share between threads."""

    def __init__(
        self, session: Session, settings: VehicleDetectionSettings = VEHICLE_DETECTION
    ) -> None:
        """Check that the model is a detector.

        Raises:
            ModelUnavailable: it is none.
        """
        entry = session.entry
        names = session.output_names
        if not {"boxes", "scores"} <= set(names):
            raise _unfit(entry, f"its outputs are {', '.join(names)}, not boxes and scores")
        if "classes" not in session.metadata:
            raise _unfit(entry, "its metadata name no classes")
        self.classes = tuple(session.metadata["classes"].split("\n"))
        self.shape = input_of(session)
        self._session, self._settings = session, settings
        self._boxes, self._scores = names.index("boxes"), names.index("scores")
        self._curves = _curves(entry, self.classes)

    def run(
        self,
        images: Iterable[RgbArray],
        least: float,
        shape: InputShape | None = None,
    ) -> list[Candidates]:
        """Look at pictures (height, width, 3) RGB, those of one input shape in one batch.

        Args:
            images: the pictures.
            least: smallest confidence.
            shape: of the inputs; `shape` of the network without.

        Returns:
            For each at most 1000 candidates with a confidence of `least` or more, in pixels of
            the picture, overlapping and unsorted; an anchor gives every class that is sure enough.

        Raises:
            ModelUnavailable: the scores are not of as many classes as the model names.
        """
        inputs = [letterbox(image, shape or self.shape) for image in images]
        shapes: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, (pixels, _) in enumerate(inputs):
            shapes[pixels.shape].append(index)
        found: dict[int, Candidates] = {}
        for indices in shapes.values():
            boxes, scores = self._look(np.stack([inputs[index][0] for index in indices]))
            for row, index in enumerate(indices):
                scale = inputs[index][1]
                found[index] = self._candidates(boxes[row], scores[row], scale, least)
        return [found[index] for index in range(len(inputs))]

    def _look(
        self, batch: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        outputs = self._session.run(batch)
        boxes, scores = outputs[self._boxes], outputs[self._scores]
        if scores.shape[2] != len(self.classes):
            raise _unfit(
                self._session.entry,
                f"it scores {scores.shape[2]} classes and names {len(self.classes)}",
            )
        return boxes, scores

    def _candidates(
        self,
        boxes: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float32],
        scale: npt.NDArray[np.float64],
        least: float,
    ) -> Candidates:
        confidences = scores.astype(np.float64)
        for index, curve in self._curves.items():
            confidences[:, index] = confidence_of(confidences[:, index], curve)
        return candidates(boxes / np.tile(scale, 2), confidences, least, settings=self._settings)


def candidates(
    boxes: Boxes,
    confidences: npt.NDArray[np.float64],
    least: float,
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> Candidates:
    """Choose what may be an object: every class of an anchor that is sure enough.

    Args:
        boxes: (anchors, 4); those that are not finite are left out.
        confidences: (anchors, classes).
        least: confidence.
        settings: tuned constants.

    Returns:
        At most 1000, the surest; overlapping and unsorted.
    """
    possible = np.isfinite(boxes).all(axis=1, keepdims=True)
    anchors, classes = np.nonzero((confidences >= least) & possible)
    best = confidences[anchors, classes]
    if len(best) > settings.most_candidates_a_view:
        chosen = np.argsort(-best, kind="stable")[: settings.most_candidates_a_view]
        anchors, classes, best = anchors[chosen], classes[chosen], best[chosen]
    return Candidates(boxes[anchors], best, classes)


def input_of(session: Session) -> InputShape:
    """Give the shape of a detector's input: squares where the model takes nothing else.

    Raises:
        ModelUnavailable: the model and its entry name no size, several, or one that cannot be.
    """
    entry, axes = session.entry, session.input_shape
    fixed = {side for side in axes[2:] if side is not None}
    given = session.metadata.get("input_size", "")
    asked = entry.parameters.get("input_size", int(given) if given.isdecimal() else None)
    sizes = {*fixed, asked} - {None}
    if len(axes) != 4 or len(sizes) != 1 or not all(isinstance(s, int) for s in sizes):
        raise _unfit(entry, f"its input is {axes} and its input_size {asked}: one size is needed")
    (size,) = sizes
    try:
        return InputShape(size, None) if fixed else InputShape(size)
    except ValueError as error:
        raise _unfit(entry, str(error)) from error


Curve = tuple[tuple[float, float], ...]
"""Pairs of a score and the confidence that it counts as, both rising, within (0, 1)."""


def confidence_of(scores: npt.NDArray[np.float64], curve: Curve) -> npt.NDArray[np.float64]:
    """Confidences of scores in [0, 1], interpolated linearly from 0 over the pairs to 1."""
    known = np.array([(0.0, 0.0), *curve, (1.0, 1.0)])
    return np.asarray(np.interp(scores, known[:, 0], known[:, 1]), np.float64)


def operating_scores(entry: ModelEntry) -> dict[str, float]:
    """Return for each class of the entry the score that counts as `OPERATING_POINT`."""
    found = {str(label): float(score) for label, score in _given(entry, "thresholds").items()}
    for label, curve in _given(entry, "calibration").items():
        known = np.array([(0.0, 0.0), *curve, (1.0, 1.0)])
        found[label] = float(np.interp(OPERATING_POINT, known[:, 1], known[:, 0]))
    return found


def _given(entry: ModelEntry, name: str) -> Mapping[str, Any]:
    given: Mapping[str, Any] = entry.parameters.get(name, {})
    return given


def _curves(entry: ModelEntry, classes: tuple[str, ...]) -> Mapping[int, Curve]:
    curves: dict[int, Curve] = {}
    for label, threshold in _given(entry, "thresholds").items():
        if label not in classes or not _is_inside(threshold):
            raise _unfit(entry, f"its threshold {threshold} of {label!r} is invalid")
        curves[classes.index(label)] = ((float(threshold), OPERATING_POINT),)
    for label, pairs in _given(entry, "calibration").items():
        if label not in classes or not _rises(pairs):
            raise _unfit(entry, f"its calibration {pairs} of {label!r} is invalid")
        curves[classes.index(label)] = tuple((float(x), float(y)) for x, y in pairs)
    return curves


def _is_inside(threshold: object) -> bool:
    return isinstance(threshold, int | float) and 0 < threshold < 1


def _rises(pairs: object) -> bool:
    """Whether these are pairs of numbers of which both rise within (0, 1)."""
    try:
        known = np.array(pairs, np.float64)
    except (TypeError, ValueError):
        return False
    if known.ndim != 2 or known.shape[1] != 2:
        return False
    return bool((np.diff(known, axis=0, prepend=0.0, append=1.0) > 0).all())


def _unfit(entry: ModelEntry, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"{entry.file} is not a detector that can be used for {entry.name}: {why}",
        reason="MODEL_CORRUPT",
    )
