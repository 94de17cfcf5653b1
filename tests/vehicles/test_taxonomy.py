from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lipiyana.vehicles.taxonomy import CLASSES, TAXONOMY, VehicleClass
from lipiyana.vehicles.training.data.labels import COCO_INDICES, coco_mix

UVH_26 = {
    "Cycle", "2-Wheeler", "3-Wheeler", "LCV", "Van", "Tempo-traveller", "Hatchback", "Sedan",
    "SUV", "MUV", "Mini-bus", "Bus", "Truck",
}  # fmt: skip


def test_the_twelve_classes_in_their_order() -> None:
    assert [entry.name for entry in TAXONOMY] == [
        "auto_rickshaw", "e_rickshaw", "cycle_rickshaw", "two_wheeler", "bicycle", "car", "van",
        "tempo", "lcv", "truck", "bus", "cart",
    ]  # fmt: skip
    assert list(CLASSES) == [entry.name for entry in TAXONOMY]


def test_every_class_of_uvh_26_belongs_to_one_class() -> None:
    named = [name for entry in TAXONOMY for name in entry.uvh26]
    assert sorted(named) == sorted(UVH_26)


def test_coco_has_five_of_them() -> None:
    assert {entry.coco for entry in TAXONOMY} - {""} == {
        "bicycle", "bus", "car", "motorcycle", "truck",
    }  # fmt: skip


def test_similar_classes_are_classes_of_coco() -> None:
    for entry in TAXONOMY:
        assert {*entry.resembles, entry.coco} <= COCO_INDICES.keys() | {""}
        assert coco_mix(entry.name)


def test_plates_sit_on_their_vehicles() -> None:
    for entry in TAXONOMY:
        for low, high in (entry.plate.width, entry.plate.x, entry.plate.y) if entry.plate else ():
            assert 0 < low < high < 1
        assert entry.plate or not entry.always_transport  # these are registered


def test_each_class_has_its_colour_in_plots() -> None:
    assert len({entry.colour for entry in TAXONOMY}) == len(TAXONOMY)


def test_words_are_lower_case_and_said_once_a_class() -> None:
    for entry in TAXONOMY:
        assert entry.words
        assert len(set(entry.words)) == len(entry.words)
        assert all(word == word.lower() for word in entry.words)


def test_the_labels_of_the_real_pictures_are_classes(shared_data: Path) -> None:
    folder = shared_data / "vehicles"
    names = next(iter(sorted(folder.rglob("classes.txt")))).read_text("utf-8").split()
    assert set(names) - {"plate", "three_wheeler"} == set(CLASSES)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "Snow Groomer"}, "a name is of a-z"),
        ({"name": "plate"}, "not 'plate'"),
        ({"words": "groomer"}, "words is a tuple; one member has a comma"),
        ({"colour": "grreen"}, "is no colour"),
    ],
)
def test_a_wrong_row_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        VehicleClass(**{"name": "snow_groomer", "meaning": "Levels snow."} | wrong)
