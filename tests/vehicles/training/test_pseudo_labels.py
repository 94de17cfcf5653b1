import numpy as np
import pytest

from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training import pseudo_labels
from lipiyana.vehicles.training.labels import CLASSES, IN_COCO, VEHICLES
from lipiyana.vehicles.training.network import DetectorNet
from lipiyana.vehicles.training.pseudo_labels import (
    completed,
    with_pseudo_labels,
    without_forgotten,
)
from lipiyana.vehicles.training.street_pictures import UNDECIDED, load_pictures

SIZE = 320
CAR, BUS, AUTO, PLATE = (CLASSES.index(name) for name in ("car", "bus", "auto_rickshaw", "plate"))
RED, GREEN, YELLOW = (220, 30, 30), (30, 200, 40), (240, 220, 20)


class _FindsPaint:
    """Finds flat boxes of a colour as a class, with a score for the picture and its mirror."""

    def __init__(self, colour, label: int, first: float = 0.9, mirrored: float = 0.9) -> None:
        self.colour, self.label, self.scores = colour, label, [first, mirrored]
        self.calls = 0

    def __call__(self, pixels):
        here = (np.abs(pixels[0, ::-1] - np.array(self.colour)[:, None, None]) < 20).all(0)
        rows, columns = np.nonzero(here)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        scores = np.zeros((1, 1, len(CLASSES)), np.float32)
        scores[0, 0, self.label] = self.scores[self.calls % 2]
        self.calls += 1
        return np.array([[box]], np.float32), scores


def _labelled(folder, predict, believed=VEHICLES, sure=0.5):
    (before,) = load_pictures(folder, "train")
    (after,) = with_pseudo_labels([before], predict, SIZE, believed, sure)
    return before, after


def _auto_alone(folder):
    # drawn streets list the car first, and this source labels autos alone
    (label,) = (folder / "labels").iterdir()
    label.write_text(label.read_text().splitlines()[2] + "\n")
    return folder


def test_what_both_views_show_becomes_a_box_in_place(streets) -> None:
    folder = streets("iiith_auto", count=1)
    (drawn,) = load_pictures(folder, "train")
    car = drawn.boxes[drawn.classes == CAR][0]
    before, after = _labelled(_auto_alone(folder), _FindsPaint(RED, CAR))
    assert after.classes.tolist() == [*before.classes.tolist(), CAR]
    assert np.abs(after.boxes[-1] - car).max() < 2
    assert (after.known == before.known).all()


@pytest.mark.parametrize(
    ("predict", "believed"),
    [
        (_FindsPaint(RED, CAR, first=0.9, mirrored=0.05), VEHICLES),
        (_FindsPaint(RED, CAR, first=0.4, mirrored=0.4), VEHICLES),
        (_FindsPaint(RED, CAR), ("bus",)),
        (_FindsPaint(RED, AUTO), VEHICLES),
        (_FindsPaint(YELLOW, BUS), VEHICLES),
        (_FindsPaint(RED, PLATE), CLASSES),
    ],
    ids=["one view", "unsure", "not believed", "class labelled", "labelled box", "plate"],
)
def test_nothing_else_becomes_a_box(streets, predict, believed) -> None:
    before, after = _labelled(_auto_alone(streets("iiith_auto", count=1)), predict, believed)
    assert after.classes.tolist() == before.classes.tolist()


def test_pictures_with_all_vehicles_known_are_not_looked_at(streets) -> None:
    predict = _FindsPaint(RED, CAR)
    before, after = _labelled(_auto_alone(streets("dhaka", count=1)), predict)
    assert after is before
    assert predict.calls == 0


@pytest.mark.parametrize(
    ("kept", "colour", "label", "undecided"),
    [
        ([1, 2], RED, CAR, 1),
        ([0, 1, 2], RED, CAR, 0),
        ([0, 1, 2], RED, BUS, 0),
    ],
    ids=["forgotten", "labelled", "labelled otherwise"],
)
def test_what_labels_forgot_is_undecided(
    streets, monkeypatch, tmp_path, kept, colour, label, undecided
) -> None:
    folder = streets("dhaka", count=1)
    (labels,) = (folder / "labels").iterdir()
    lines = labels.read_text().splitlines()
    labels.write_text("".join(f"{lines[number]}\n" for number in kept))
    (before,) = load_pictures(folder, "train")
    twin = tmp_path / "twin.pt"
    torch.save({"average": DetectorNet(len(CLASSES)).state_dict()}, twin)
    predict = _FindsPaint(colour, label)
    monkeypatch.setattr(pseudo_labels, "predict_with_torch", lambda _: predict)
    (after,) = without_forgotten([before], twin, SIZE)
    assert after.classes.tolist() == [*before.classes.tolist(), *[UNDECIDED] * undecided]
    assert without_forgotten([before], None, SIZE) == (before,)


def test_coco_has_five_of_the_vehicles() -> None:
    assert set(IN_COCO) == {"two_wheeler", "bicycle", "car", "truck", "bus"}


def test_without_a_teacher_nothing_is_added_and_yolox_nano_adds_cars(
    yolox_nano, shared_data
) -> None:
    pictures = load_pictures(shared_data / "vehicles" / "train", "train")
    cars_for_sale = [picture for picture in pictures if picture.source == "olx_plate"][:12]
    assert completed(cars_for_sale, None, 416) == tuple(cars_for_sale)
    labels = [picture.classes for picture in completed(cars_for_sale, yolox_nano, 416)]
    assert sum(CAR in classes for classes in labels) >= 6
