"""Boxed pictures as users give them: read, matched with known classes, checked."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from boxes_drawn import HEIGHT, WIDTH, write_coco, write_yolo

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.learning.finetune.detector.box_files import read_boxes
from lipiyana.learning.finetune.detector.checking import CheckedBoxes, check_boxes, match_classes
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import (
    MAX_SIDE,
    UNDECIDED,
    StreetPicture,
    cache_downscaled,
)


def checked(data: Path) -> CheckedBoxes:
    return check_boxes(read_boxes(data), CLASSES)


def by_name(data: CheckedBoxes) -> dict[str, StreetPicture]:
    return {picture.path.name: picture for picture in (*data.train, *data.validation)}


def test_yolo_and_coco_give_the_same_boxes(tmp_path: Path) -> None:
    yolo = by_name(checked(write_yolo(tmp_path / "yolo", 12)))
    coco = by_name(checked(write_coco(tmp_path / "coco", 12)))
    folder = by_name(checked(tmp_path / "coco"))
    assert yolo.keys() == coco.keys() == folder.keys()
    for name, picture in yolo.items():
        np.testing.assert_allclose(picture.boxes, coco[name].boxes, atol=1e-3)
        assert picture.classes.tolist() == coco[name].classes.tolist()
        assert picture.classes.tolist() == [CLASSES.index("car"), len(CLASSES)]


def test_class_names_match_by_synonyms() -> None:
    matched = match_classes(["Truck", "bike", "Number Plate", "goat", "tuk-tuk"], CLASSES)
    labels = [matched.classes[index] for index in matched.indices]
    assert labels == ["truck", "two_wheeler", "plate", "goat", "auto_rickshaw"]
    assert matched.classes[: len(CLASSES)] == CLASSES
    assert matched.added == ("goat",)
    assert matched.renamed[0] == ("bike", "two_wheeler")


def test_only_labelled_classes_are_known(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 12)
    (folder / "classes.txt").write_text("Car\ntractor\nbus\n")
    data = checked(folder)
    known = {data.classes[index] for index in np.flatnonzero(data.train[0].known)}
    assert known == {"car", "tractor"} == set(data.taught)
    assert any("no box has the class bus" in note for note in data.notes)
    assert any("tractor is new" in note for note in data.notes)


def test_dropped_labels_are_listed_with_reasons(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 16)
    labels = folder / "labels"
    (folder / "images" / "0000.png").write_bytes(b"no picture")
    (labels / "0001.txt").unlink()
    (labels / "0002.txt").write_text("0 0.5 0.5 0.2 0.2\n5 0.2 0.2 0.1 0.1\n")
    (labels / "0003.txt").write_text("0 1.5 0.5 0.2 0.2\n1 0.5 0.5 0 0.2\n")
    (labels / "0004.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\nnothing\n")
    (labels / "0005.txt").write_text("0 0.95 0.5 0.2 0.2\n")
    (labels / "0006.txt").write_text("")
    data = checked(folder)
    problems = {d.where: d.problem for d in data.dropped}
    assert "images/0000.png" in problems
    assert "labels/0001.txt" in problems["images/0001.png"]
    assert "not among the class names" in problems["labels/0002.txt:2"]
    assert "outside" in problems["labels/0003.txt:1"]
    assert "no area" in problems["labels/0003.txt:2"]
    assert "duplicate" in problems["labels/0004.txt:2"]
    assert "other than numbers" in problems["labels/0004.txt:3"]
    pictures = by_name(data)
    car = CLASSES.index("car")
    assert pictures["0002.png"].classes.tolist() == [car, UNDECIDED]
    assert not pictures["0003.png"].known.any()  # a car and a tractor exist at unknown places
    assert not pictures["0004.png"].known.any()
    assert pictures["0005.png"].boxes[0, 2] == WIDTH
    assert pictures["0006.png"].known[car]
    assert len(pictures["0006.png"].boxes) == 0
    assert any("1 boxes extend beyond" in note for note in data.notes)


def test_parts_come_from_folders_or_in_blocks(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 12)
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        for part in ("train", "val"):
            (folder / kind / part).mkdir()
        for number in range(12):
            part = "val" if number in {3, 4} else "train"
            path = folder / kind / f"{number:04d}.{suffix}"
            path.rename(folder / kind / part / path.name)
    data = checked(folder)
    assert [picture.path.name for picture in data.validation] == ["0003.png", "0004.png"]


def test_near_duplicates_are_in_one_part(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 14)
    blurred = cv2.GaussianBlur(cv2.imread(str(folder / "images" / "0000.png")), (3, 3), 0)
    cv2.imwrite(str(folder / "images" / "0007.png"), blurred)
    (folder / "labels" / "0007.txt").write_bytes((folder / "labels" / "0000.txt").read_bytes())
    data = checked(folder)
    assert {"0000.png", "0007.png"} <= {picture.path.name for picture in data.train}
    assert any("near-duplicates" in note for note in data.notes)


def test_names_come_from_yaml_and_from_notes_too(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 10)
    (folder / "classes.txt").unlink()
    (folder / "data.yaml").write_text("names:\n  0: Car\n  1: tractor\n")
    assert read_boxes(folder).classes == ("Car", "tractor")
    (folder / "data.yaml").write_text("names: {1: Car}\n")
    with pytest.raises(InvalidRequest, match="0, 1, 2"):
        read_boxes(folder)
    (folder / "data.yaml").unlink()
    categories = [{"id": 0, "name": "Car"}, {"id": 1, "name": "tractor"}]
    (folder / "notes.json").write_text(json.dumps({"categories": categories}))
    assert read_boxes(folder).classes == ("Car", "tractor")


def test_unusable_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_boxes(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match=r"classes\.txt"):
        read_boxes(tmp_path)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(InvalidRequest, match="not COCO"):
        read_boxes(tmp_path)
    with pytest.raises(InvalidRequest, match="10 labelled pictures") as caught:
        checked(write_yolo(tmp_path / "few", 3))
    assert caught.value.reason == "TOO_LITTLE_DATA"
    empty = write_yolo(tmp_path / "empty", 12)
    for path in (empty / "labels").iterdir():
        path.write_text("")
    with pytest.raises(InvalidRequest, match="no usable box"):
        checked(empty)


def test_large_pictures_are_copied_smaller(tmp_path: Path) -> None:
    picture = np.zeros((2 * MAX_SIDE, MAX_SIDE, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "large.png"), picture)
    boxes = np.array([[100, 200, 300, 600]], np.float32)
    large = StreetPicture(
        tmp_path / "large.png", "user", boxes, np.zeros(1, np.int64), np.ones(3, np.bool_)
    )
    (small,) = cache_downscaled([large], tmp_path / "work")
    assert small.pixels().shape == (MAX_SIDE, MAX_SIDE // 2, 3)
    np.testing.assert_allclose(small.boxes, boxes / 2)
    assert cache_downscaled([small], tmp_path / "again") == (small,)
    assert HEIGHT < MAX_SIDE


@pytest.mark.parametrize(
    ("name", "content"),
    [("classes.txt", b"caf\xe9\n"), ("notes.json", b'{"categories": [{"id": 0}]}')],
)
def test_a_list_of_classes_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes
) -> None:
    folder = write_yolo(tmp_path, 2)
    (folder / "classes.txt").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidRequest, match=name):
        read_boxes(folder)


def test_classes_are_named_in_any_script() -> None:
    names = ["ठेला", "ठेली", "बैलगाड़ी", "கார்", "Mixer-truck", "mixer truck"]
    matched = match_classes(names, CLASSES)
    own = unicodedata.normalize("NFC", "बैलगाड़ी")
    assert matched.added == ("ठेला", "ठेली", own, "கார்", "mixer_truck")
    assert matched.renamed == (("mixer truck", "mixer_truck"),)


def test_each_coco_entry_has_its_own_file(tmp_path: Path) -> None:
    file = write_coco(tmp_path, 14)
    found = json.loads(file.read_text())
    rows = found["images"]
    for number, name in ((0, "cam2/0001.png"), (1, "images/0001.png"), (2, "images/0001.png")):
        rows[number]["file_name"] = name
    (tmp_path / "images" / "0003.png").rename(tmp_path / "images" / "a#3:%20.png")
    rows[3]["file_name"] = "images/a#3:%20.png"
    (tmp_path / "images" / "val").mkdir()
    (tmp_path / "images" / "0004.png").rename(tmp_path / "images" / "val" / "0004.png")
    rows[4]["file_name"] = "images/val/0004.png"
    rows[5]["width"], rows[5]["height"] = HEIGHT, WIDTH
    del rows[6]["width"]
    file.write_text(json.dumps(found))
    pictures = read_boxes(file).pictures
    assert [pictures[n].problem for n in (0, 1, 2, 3)] == [
        "its file was not found beside the JSON", "", "another entry has the same file", "",
    ]  # fmt: skip
    assert pictures[4].part == "validation"
    assert "missing" in pictures[6].problem
    dropped = {drop.where: drop.problem for drop in checked(file).dropped}
    assert "another orientation" in dropped["images/0005.png"]


def test_a_bad_coco_annotation_is_dropped_alone(tmp_path: Path) -> None:
    file = write_coco(tmp_path, 14)
    found = json.loads(file.read_text())
    crowd, outlined, broken, empty = found["annotations"][:4]
    crowd["iscrowd"] = 1
    x, y, w, h = outlined.pop("bbox")
    outlined["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    broken["bbox"] = "wide"
    empty["bbox"] = []
    file.write_text(json.dumps(found))
    first, second = read_boxes(file).pictures[:2]
    assert "crowd" in first.boxes[0].problem
    assert first.boxes[1].corners == pytest.approx(
        (x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT)
    )
    assert all(box.problem for box in second.boxes)
    # an object without a usable box makes its class unknown in that picture
    street = by_name(checked(file))["0000.png"]
    assert not street.known[CLASSES.index("car")]
    assert street.known[len(CLASSES)]


def test_a_class_number_that_is_not_an_integer(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path, 2)
    (folder / "labels" / "0000.txt").write_text("nan 0.5 0.5 0.2 0.2\n")
    assert read_boxes(folder).pictures[0].boxes[0].number == -1


@pytest.mark.parametrize("names", ["data.yaml", "notes.json", "classes.txt"])
def test_files_that_are_pipes_or_nested_too_deeply(tmp_path: Path, names: str) -> None:
    os.mkfifo(tmp_path / "coco.json")
    with pytest.raises((InvalidRequest, NotFound)):
        read_boxes(tmp_path / "coco.json")
    folder = write_yolo(tmp_path / "yolo", 1)
    (folder / "classes.txt").unlink()
    os.mkfifo(folder / names)
    with pytest.raises(InvalidRequest):
        read_boxes(folder)
    (folder / names).unlink()
    (folder / "data.yaml").write_text("names: " + "[" * 5000)
    with pytest.raises(InvalidRequest):
        read_boxes(folder)
