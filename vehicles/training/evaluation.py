"""Average precision of a detector on labelled pictures, by class.

A class is scored only on pictures of sources that label it exhaustively: elsewhere correct
detections would count as wrong. Letterboxing and suppression are the same as in serving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.runtime.packed import read_unpacked
from lipiyana.runtime.session import Session, open_session
from lipiyana.vehicles.detection.letterbox import InputShape, letterbox
from lipiyana.vehicles.detection.network import Candidates, candidates
from lipiyana.vehicles.detection.nms import suppress_and_vote
from lipiyana.vehicles.detection.overview import look_twice
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.operating_point import Scored, best_threshold, judged

if TYPE_CHECKING:
    from lipiyana.vehicles.training.network import DetectorNet

_MOST = 300
_RECALLS = 101

Floats = npt.NDArray[np.float32]
PredictFunction = Callable[[Floats], tuple[Floats, Floats]]
"""Inputs (n, 3, rows, columns) to boxes (n, A, 4) in input pixels and scores (n, A, classes)."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Detections in one picture: boxes (n, 4) in its pixels, scores (n,), classes (n,)."""

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    classes: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ClassScore:
    """Scores of one class.

    Attributes:
        ap50: average precision at an IoU of 0.5.
        ap: mean average precision at IoUs of 0.50, 0.55, ... 0.95.
        objects: number of labelled objects.
        precision: (101,) at recalls 0, 0.01, ... 1 and an IoU of 0.5.
        threshold: see `best_threshold`; 1 if no detection is correct.
    """

    ap50: float
    ap: float
    objects: int
    precision: npt.NDArray[np.float64]
    threshold: float


def predict_with_torch(net: DetectorNet) -> PredictFunction:
    """Predict with a network in fp32; it is switched to evaluation mode."""
    import torch  # here, because scoring alone does not need it

    net.eval()

    def predict(pixels: Floats) -> tuple[Floats, Floats]:
        device = next(net.parameters()).device
        with torch.inference_mode():
            boxes, logits = net(torch.from_numpy(pixels).to(device))
        return boxes.cpu().numpy(), logits.sigmoid().cpu().numpy()

    return predict


def predict_with_onnx(path: Path) -> PredictFunction:
    """Predict with an exported model, packed or not, on one thread."""
    session = open_session(read_unpacked(path), threads=1)

    def predict(pixels: Floats) -> tuple[Floats, Floats]:
        boxes, scores = session.run(["boxes", "scores"], {"images": pixels})
        return np.asarray(boxes), np.asarray(scores)

    return predict


def predict_with_session(session: Session) -> PredictFunction:
    """Predict with a loaded detector."""
    boxes, scores = (session.output_names.index(name) for name in ("boxes", "scores"))

    def predict(pixels: Floats) -> tuple[Floats, Floats]:
        outputs = session.run(pixels)
        return outputs[boxes], outputs[scores]

    return predict


def find(
    pictures: Sequence[StreetPicture], predict: PredictFunction, shape: InputShape
) -> list[Found]:
    """Detect in each whole picture, with inputs of `shape` and the settings' `min_confidence`."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    found = []
    for picture in pictures:
        found.append(find_in(picture.pixels(), predict, shape))
    cv2.setNumThreads(threads)
    return found


def find_in(image: RgbArray, predict: PredictFunction, shape: InputShape) -> Found:
    """Detect in one picture, (height, width, 3) RGB, down to the least confidence."""
    seen = look_twice(partial(_predict, predict), image, shape)
    best = suppress_and_vote(seen.boxes, seen.confidences, seen.classes)
    classes = seen.classes[best.indices[:_MOST]]
    return Found(best.boxes[:_MOST], best.scores[:_MOST], classes)


def _predict(predict: PredictFunction, image: RgbArray, shape: InputShape) -> Candidates:
    pixels, scale = letterbox(image, shape)
    boxes, scores = predict(pixels[None])
    return candidates(
        boxes[0] / np.tile(scale, 2), scores[0].astype(np.float64), VEHICLE_DETECTION.min_confidence
    )


def score(
    pictures: Sequence[StreetPicture],
    found: Sequence[Found],
    classes: Sequence[str] = CLASSES,
    names: Sequence[str] = CLASSES,
) -> dict[str, ClassScore]:
    """Score detections against labels.

    pictures: the labelled pictures.
    found: the detections in each, with classes as indices of `names`.
    classes: classes to score; those without objects are left out.
    names: class names in the order of the detector's scores.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    scores = {}
    for label in classes:
        index = names.index(label)
        numbers = [i for i, picture in enumerate(pictures) if picture.known[index]]
        objects = sum(_count(pictures[i], index) for i in numbers)
        if not objects:
            continue
        truth = COCO(_as_coco([pictures[i] for i in numbers], index))
        rows = [
            row
            for image, i in enumerate(numbers)
            for row in _rows(image, found[i], index, pictures[i].smallest)
        ]
        if not rows:
            scores[label] = ClassScore(0.0, 0.0, objects, np.zeros(_RECALLS), 1.0)
            continue
        measured = COCOeval_faster(truth, truth.loadRes(rows), iouType="bbox")
        measured.params.maxDets = [1, 10, _MOST]
        measured.evaluate()
        measured.accumulate()
        precision = np.asarray(measured.eval["precision"])[:, :, 0, 0, -1]
        scores[label] = ClassScore(
            float(precision[0].mean()),
            float(precision.mean()),
            objects,
            precision[0],
            _threshold([pictures[i] for i in numbers], [found[i] for i in numbers], index, objects),
        )
    return scores


def _threshold(
    pictures: Sequence[StreetPicture], found: Sequence[Found], index: int, objects: int
) -> float:
    outcomes: list[Scored] = []
    for picture, detected in zip(pictures, found, strict=True):
        large = _sides(picture.boxes) >= picture.smallest
        mine = (detected.classes == index) & (_sides(detected.boxes) >= picture.smallest)
        labelled = (picture.classes == index) & large
        unclear = (picture.classes == UNDECIDED) | ((picture.classes == index) & ~large)
        boxes = picture.boxes.astype(np.float64)
        outcomes += judged(
            detected.boxes[mine], detected.scores[mine], boxes[labelled], boxes[unclear]
        )
    return best_threshold(outcomes, objects)


def _sides(boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Length of the shorter side of each box."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf))


def mean_ap50(scores: Mapping[str, ClassScore]) -> float:
    """Mean AP50 over the classes with objects."""
    return float(np.mean([entry.ap50 for entry in scores.values()]))


def _count(picture: StreetPicture, index: int) -> int:
    return int(((picture.classes == index) & (_sides(picture.boxes) >= picture.smallest)).sum())


def _as_coco(pictures: Sequence[StreetPicture], index: int) -> dict[str, object]:
    annotations: list[dict[str, object]] = []
    for image, picture in enumerate(pictures):
        for box, of_class in zip(picture.boxes.tolist(), picture.classes.tolist(), strict=True):
            if of_class in {index, UNDECIDED}:
                width, height = box[2] - box[0], box[3] - box[1]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": 1,
                        "bbox": [box[0], box[1], width, height],
                        "area": width * height,
                        # matches with these count neither as right nor as wrong
                        "iscrowd": int(
                            of_class == UNDECIDED or min(width, height) < picture.smallest
                        ),
                    }
                )
    return {
        "info": {},
        "images": [{"id": image} for image in range(len(pictures))],
        "categories": [{"id": 1, "name": "object"}],
        "annotations": annotations,
    }


def _rows(image: int, found: Found, index: int, smallest: float) -> list[dict[str, object]]:
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    # smaller objects are not labelled reliably
    mine = (found.classes == index) & (_sides(found.boxes) >= smallest)
    boxes = np.concatenate([found.boxes[:, :2], sides], axis=1)[mine]
    return [
        {"image_id": image, "category_id": 1, "bbox": box, "score": confidence}
        for box, confidence in zip(boxes.tolist(), found.scores[mine].tolist(), strict=True)
    ]
