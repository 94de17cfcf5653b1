"""What labels leave out, found by a detector that is already trained.

Of vehicles that a source does not label only what is found surely, in the picture and in its mirror
image, becomes a box. The class stays unknown elsewhere in the picture: what is found less surely is
neither taught nor background. Where a source should have labelled what is found, and did not, the
place is undecided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.training.checkpoints import load_weights
from lipiyana.vehicles.boxes import inside, iou
from lipiyana.vehicles.detection import PLATE
from lipiyana.vehicles.letterbox import InputShape
from lipiyana.vehicles.training.evaluation import (
    Found,
    PredictFunction,
    find_in,
    predict_with_torch,
)
from lipiyana.vehicles.training.labels import CLASSES, IN_COCO, coco_mix
from lipiyana.vehicles.training.network import DetectorNet, is_coco, load_coco
from lipiyana.vehicles.training.street_pictures import UNDECIDED, StreetPicture

# scores from which on a teacher is believed; those of YOLOX-nano's rows added up are far higher
_SURE, _SURE_OF_COCO = 0.5, 0.95
_SAME_PLACE = 0.6
_LABELLED = 0.4
# of what a source is thought to have forgotten: mean score of both views, IoU with any label, and
# the share of it that lies in a label of its class
_FORGOTTEN, _ELSEWHERE, _PART = 0.25, 0.3, 0.7
_PLATE = CLASSES.index(PLATE)


def completed(
    pictures: Sequence[StreetPicture], teacher: Path | None, size: int
) -> tuple[StreetPicture, ...]:
    """Add boxes of what a teacher finds, if there is one.

    Args:
        pictures: to be labelled.
        teacher: YOLOX-nano, of which only the classes that COCO has are believed; or a float twin
            or a checkpoint of this detector. It has seen no cars close by but those that it was
            taught no class of, and takes them for auto-rickshaws: YOLOX-nano is the better one.
        size: side of its inputs in pixels, squares as YOLOX-nano knows them.
    """
    if teacher is None:
        return tuple(pictures)
    net = DetectorNet(len(CLASSES))
    believed, sure = CLASSES, _SURE
    if is_coco(teacher):
        load_coco(net, teacher, [coco_mix(label) for label in CLASSES])
        net.fade_silu(1.0)
        believed, sure = IN_COCO, _SURE_OF_COCO
    else:
        net.load_state_dict(load_weights(teacher))
    return tuple(with_pseudo_labels(pictures, predict_with_torch(net), size, believed, sure))


def with_pseudo_labels(
    pictures: Sequence[StreetPicture],
    predict: PredictFunction,
    size: int,
    believed: Sequence[str],
    sure: float,
) -> Iterator[StreetPicture]:
    """Add boxes of the vehicles that the source of a picture does not label.

    Args:
        pictures: to be labelled; where all vehicles are known they stay as they are.
        predict: the detector.
        size: side of its inputs, which are squares, in pixels.
        believed: classes that the detector knows well enough; never the plate.
        sure: mean score of both views from which on a vehicle is believed.
    """
    indices = [CLASSES.index(label) for label in believed if label != PLATE]
    for picture in pictures:
        if np.delete(picture.known, _PLATE).all():
            yield picture
            continue
        yield _completed(picture, _found_twice(picture, predict, size), indices, sure)


def without_forgotten(
    pictures: Sequence[StreetPicture], teacher: Path | None, size: int
) -> tuple[StreetPicture, ...]:
    """Add undecided boxes where a teacher finds, in both views, what labels seem to have forgotten.

    Args:
        pictures: to be doubted.
        teacher: a float twin or a checkpoint of this detector.
        size: side of its inputs in pixels.
    """
    if teacher is None:
        return tuple(pictures)
    net = DetectorNet(len(CLASSES))
    net.load_state_dict(load_weights(teacher))
    predict = predict_with_torch(net)
    return tuple(_doubted(picture, _found_twice(picture, predict, size)) for picture in pictures)


def _found_twice(picture: StreetPicture, predict: PredictFunction, size: int) -> Found:
    """What is found in the picture and at the same place in its mirror image, with mean scores."""
    pixels, square = picture.pixels(), InputShape(size, None)
    found = find_in(pixels, predict, square)
    again = _mirrored(
        find_in(np.ascontiguousarray(pixels[:, ::-1]), predict, square), pixels.shape[1]
    )
    same = (iou(found.boxes, again.boxes) >= _SAME_PLACE) & (
        found.classes[:, None] == again.classes[None, :]
    )
    scores = (found.scores + np.where(same, again.scores[None, :], 0).max(1, initial=0)) / 2
    twice = same.any(1)
    return Found(found.boxes[twice], scores[twice], found.classes[twice])


def _mirrored(found: Found, width: int) -> Found:
    boxes = found.boxes.copy()
    boxes[:, [0, 2]] = width - found.boxes[:, [2, 0]]
    return replace(found, boxes=boxes)


def _completed(
    picture: StreetPicture, found: Found, believed: Sequence[int], sure: float
) -> StreetPicture:
    labelled = iou(found.boxes, picture.boxes.astype(np.float64)).max(1, initial=0) > _LABELLED
    new = (found.scores >= sure) & ~labelled & ~picture.known[found.classes]
    new &= np.isin(found.classes, believed)
    return _with_boxes(picture, found.boxes[new], found.classes[new])


def _doubted(picture: StreetPicture, found: Found) -> StreetPicture:
    labels = picture.boxes.astype(np.float64)
    labelled = iou(found.boxes, labels).max(1, initial=0) > _ELSEWHERE
    own = found.classes[:, None] == picture.classes[None, :]
    labelled |= (own & (inside(found.boxes, labels) > _PART)).any(1)
    new = (found.scores >= _FORGOTTEN) & ~labelled & picture.known[found.classes]
    return _with_boxes(picture, found.boxes[new], np.full(int(new.sum()), UNDECIDED))


def _with_boxes(
    picture: StreetPicture, boxes: npt.NDArray[np.floating], classes: npt.NDArray[np.integer]
) -> StreetPicture:
    return replace(
        picture,
        boxes=np.concatenate([picture.boxes, boxes.astype(np.float32)]),
        classes=np.concatenate([picture.classes, classes.astype(np.int64)]),
    )
