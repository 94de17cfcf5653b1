from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from lipiyana.ocr.registrations import parse
from lipiyana.ocr.training.plates.crops import AUTOS, CARS, plates_of_cars, real_rows
from lipiyana.ocr.training.splits import validation_numbers


def street(folder: Path, entries: dict[int, tuple[list[str] | None, str]]) -> Path:
    """Write pictures of cars by their numbers, each with its texts and its boxes."""
    pictures = folder / "train"
    (pictures / "images").mkdir(parents=True)
    (pictures / "labels").mkdir()
    (folder / "classes.txt").write_text("car\nplate\n", "utf-8")
    listed = []
    for number, (plates, boxes) in entries.items():
        name = f"{CARS}_{number:04d}"
        image = np.zeros((100, 200, 3), np.uint8)
        image[40:60, 50:150] = (0, 0, 255)
        cv2.imwrite(str(pictures / "images" / f"{name}.png"), image)
        (pictures / "labels" / f"{name}.txt").write_text(boxes, "ascii")
        listed.append({"image": f"{name}.png", "source": CARS, "plates": plates})
    (pictures / "meta.json").write_text(json.dumps(listed), "utf-8")
    return pictures


BOX = "1 0.5 0.5 0.5 0.2\n"


def test_plates_of_cars_are_cut_out_a_little_beyond_their_boxes(tmp_path: Path) -> None:
    pictures = street(tmp_path, {0: (["KA03AB1234"], f"0 0.5 0.5 1 1\n{BOX}")})
    ((image, text),) = plates_of_cars(pictures, "train")
    assert text == "KA03AB1234"
    assert image.shape == (24, 104, 3)
    assert image[12, 52].tolist() == [255, 0, 0]


def test_unusable_cars_are_skipped(tmp_path: Path) -> None:
    pictures = street(
        tmp_path,
        {
            0: (None, BOX),
            1: (["KA03AB1234", "KA03AB1235"], BOX),
            2: (["KA03AB1234"], BOX + BOX),
        },
    )
    assert list(plates_of_cars(pictures, "all")) == []


def test_cars_are_split_as_listed(tmp_path: Path) -> None:
    held_out = min(validation_numbers(CARS))
    pictures = street(
        tmp_path, {held_out: (["KA03AB1234"], BOX), held_out + 1: (["KA03AB1235"], BOX)}
    )
    assert [text for _, text in plates_of_cars(pictures, "validation")] == ["KA03AB1234"]
    assert [text for _, text in plates_of_cars(pictures, "train")] == ["KA03AB1235"]


def test_real_rows_of_both_parts(shared_data: Path) -> None:
    crops, pictures = shared_data / "text", shared_data / "vehicles" / "train"
    train = list(real_rows(crops, pictures, "train"))
    counts = Counter(source for source, _, _ in train)
    assert counts[AUTOS] == 2 * 16
    assert counts[CARS] > 200
    autos = [text for source, _, text in train if source == AUTOS]
    for upper, lower in zip(autos[::2], autos[1::2], strict=True):
        assert parse([upper, lower]).valid
        assert upper[:2] == "KA"
    held_out = {text for _, _, text in real_rows(crops, pictures, "validation")}
    whole = {text for source, _, text in train if source in {CARS, "in_plates"}}
    assert not whole & held_out
