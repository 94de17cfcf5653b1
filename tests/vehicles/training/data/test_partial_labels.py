import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training.assignment import assign
from lipiyana.vehicles.training.data.batches import Batch
from lipiyana.vehicles.training.data.labels import CLASSES, EXHAUSTIVE
from lipiyana.vehicles.training.losses import losses
from lipiyana.vehicles.training.network import anchor_points

SIZE = 64
AUTO, CAR, PLATE = (CLASSES.index(name) for name in ("auto_rickshaw", "car", "plate"))


def _batch(source: str, boxes: list[list[float]], classes: list[int]) -> Batch:
    anchors = len(anchor_points(SIZE)[0])
    known = torch.tensor([name in EXHAUSTIVE[source] for name in CLASSES])
    return Batch(
        pixels=torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8),
        boxes=torch.tensor([boxes or [[0.0] * 4]]),
        classes=torch.tensor([classes or [-1]]),
        known=known.expand(1, anchors, -1).clone(),
        smallest=torch.zeros(1, anchors),
    )


def _gradient(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient of the loss by the logits (A, classes), and the assigned boxes (A,)."""
    points, strides = anchor_points(SIZE)
    half = strides[:, None] * 2
    predicted = torch.cat([points - half, points + half], 1)[None]
    logits = torch.zeros(1, len(points), len(CLASSES), requires_grad=True)
    assigned = assign(
        batch.boxes, batch.classes, predicted, logits.detach().sigmoid(), points, strides
    )
    losses(predicted, logits, batch, assigned).total.backward()
    assert logits.grad is not None
    return logits.grad[0], assigned.box[0]


def test_unlabelled_classes_have_no_negatives() -> None:
    gradient, _ = _gradient(_batch("iiith_auto", [], []))
    unlabelled = [i for i in range(len(CLASSES)) if i != AUTO]
    assert (gradient[:, unlabelled] == 0).all()
    assert (gradient[:, AUTO] > 0).all()


def test_a_labelled_vehicle_is_a_negative_for_other_vehicles_but_not_for_plates() -> None:
    gradient, owner = _gradient(_batch("iiith_auto", [[8.0, 8.0, 40.0, 40.0]], [AUTO]))
    positive = owner >= 0
    assert positive.any()
    assert (gradient[positive][:, CAR] > 0).all()
    assert (gradient[~positive][:, CAR] == 0).all()
    assert (gradient[:, PLATE] == 0).all()


def test_a_plate_says_nothing_of_the_car_around_it() -> None:
    gradient, owner = _gradient(_batch("olx_plate", [[20.0, 24.0, 40.0, 34.0]], [PLATE]))
    assert (owner >= 0).any()
    assert (gradient[:, :PLATE] == 0).all()
    assert (gradient[owner < 0][:, PLATE] > 0).all()


def test_a_box_of_an_unlabelled_class_is_only_a_positive() -> None:
    # like a pseudo-label
    gradient, owner = _gradient(_batch("olx_plate", [[8.0, 8.0, 40.0, 40.0]], [CAR]))
    assert (gradient[owner < 0][:, CAR] == 0).all()
    assert np.count_nonzero(gradient[owner >= 0][:, CAR].numpy()) == int((owner >= 0).sum())


def test_unknown_regions_have_no_loss() -> None:
    batch = _batch("dhaka", [], [])
    batch.known[:] = False
    gradient, _ = _gradient(batch)
    assert (gradient == 0).all()


def test_small_predictions_are_no_negatives_in_sources_of_near_objects() -> None:
    batch = _batch("dhaka", [], [])
    points, strides = anchor_points(SIZE)
    # the anchors predict boxes of four strides: 32 pixels at the finest map
    batch.smallest[0, : len(points) // 2] = 40.0
    gradient, _ = _gradient(batch)
    unsure = (strides * 4 < 40) & (torch.arange(len(points)) < len(points) // 2)
    assert unsure.any()
    assert (gradient[unsure] == 0).all()
    assert (gradient[~unsure][:, CAR] > 0).all()
