import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training.assignment import TOP, assign, giou, iou
from lipiyana.vehicles.training.network import anchor_points

SIZE = 64


def _predictions(points: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    half = strides[:, None] * 2
    return torch.cat([points - half, points + half], 1)[None]


def test_a_box_goes_to_anchors_within_it_and_quality_is_their_overlap() -> None:
    points, strides = anchor_points(SIZE)
    predicted = _predictions(points, strides)
    boxes, classes = torch.tensor([[[4.0, 4.0, 36.0, 36.0]]]), torch.tensor([[1]])
    scores = torch.full((1, len(points), 3), 0.1)
    assigned = assign(boxes, classes, predicted, scores, points, strides)
    chosen = assigned.box[0] == 0
    assert 0 < chosen.sum() <= TOP
    inside = ((points > 4) & (points < 36)).all(1)
    assert not (chosen & ~inside & (strides > 8)).any()
    best = assigned.quality[0].argmax()
    overlap = iou(boxes[0], predicted[0])
    assert overlap[best] == overlap[chosen].max()
    torch.testing.assert_close(assigned.quality[0, best], overlap[best])
    assert (assigned.quality[0][~chosen] == 0).all()


def test_a_better_score_for_the_boxs_own_class_wins_among_equals() -> None:
    points, strides = anchor_points(SIZE)
    boxes, classes = torch.tensor([[[0.0, 0.0, 64.0, 64.0]]]), torch.tensor([[2]])
    predicted = boxes.expand(1, len(points), 4)
    scores = torch.full((1, len(points), 3), 0.2)
    scores[0, 40, 2] = 0.9
    scores[0, 41, 1] = 0.9
    assigned = assign(boxes, classes, predicted, scores, points, strides)
    assert assigned.quality[0].argmax() == 40
    assert assigned.quality[0, 41] < assigned.quality[0, 40]


def test_two_boxes_share_no_anchor() -> None:
    points, strides = anchor_points(SIZE)
    boxes = torch.tensor([[[4.0, 4.0, 36.0, 36.0], [12.0, 12.0, 44.0, 44.0]]])
    scores = torch.full((1, len(points), 1), 0.5)
    predicted = _predictions(points, strides)
    assigned = assign(
        boxes, torch.zeros(1, 2, dtype=torch.long), predicted, scores, points, strides
    )
    for index in (0, 1):
        mine = assigned.box[0] == index
        assert mine.any()
        overlap = iou(boxes[0][:, None], predicted[0][None])
        assert (overlap[index, mine] >= overlap[1 - index, mine]).all()


def test_a_tiny_box_between_anchors_still_finds_one_and_padding_finds_none() -> None:
    points, strides = anchor_points(SIZE)
    boxes = torch.tensor([[[22.0, 22.0, 24.5, 24.0], [0.0, 0.0, 0.0, 0.0]]])
    scores = torch.full((1, len(points), 1), 0.5)
    assigned = assign(
        boxes, torch.tensor([[0, -1]]), _predictions(points, strides), scores, points, strides
    )
    assert (assigned.box[0] == 0).any()
    assert not (assigned.box[0] == 1).any()
    assert (strides[assigned.box[0] == 0] == 8).all()


def test_giou_falls_with_distance_where_iou_is_zero() -> None:
    box = torch.tensor([0.0, 0.0, 10.0, 10.0])
    near, far = box + 12, box + 40
    assert iou(box, near) == iou(box, far) == 0
    assert giou(box, near) > giou(box, far) > -1
    torch.testing.assert_close(giou(box, box), torch.tensor(1.0))
