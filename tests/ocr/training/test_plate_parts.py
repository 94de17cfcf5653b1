from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from lipiyana.ocr.training.splits import plate_part, validation_numbers

DATA = Path(__file__).parents[4] / "shared" / "data"
CROPS = ("in_plates", "in_plates2", "auto_rickshaw_ka", "ne_plates", "bn_plates")


@pytest.mark.parametrize(
    ("folder", "stem", "part"),
    [
        ("in_plates2", "odisha_000", "train"),
        ("in_plates2", "odisha_020", "selection"),
        ("in_plates2", "traffic7_032", "report"),
        ("in_plates", "0019", "train"),
        ("olx_plate", "olx_plate_0016", "selection"),
        ("riders", "riders_0069", "train"),
        ("no_such_folder", "0000", "train"),
    ],
)
def test_parts_of_plates(folder: str, stem: str, part: str) -> None:
    assert plate_part(folder, stem) == part


@pytest.mark.parametrize("folder", ["in_plates", "ne_plates", "bn_plates", "olx_plate"])
def test_training_crops_are_in_no_other_part(folder: str) -> None:
    held_out = validation_numbers(folder)
    prefix = "olx_plate_" if folder == "olx_plate" else ""
    for number in range(400):
        part = plate_part(folder, f"{prefix}{number:04}")
        assert (part != "train") == (number in held_out)


@pytest.mark.skipif(not DATA.exists(), reason="the real plates are missing")
def test_a_registration_is_in_one_part_of_all_collections() -> None:
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for folder in CROPS:
        for line in (DATA / "text" / folder / "labels.tsv").read_text("utf-8").splitlines():
            file, text = line.split("\t")[:2]
            parts[text.replace("/", "")].add(plate_part(folder, Path(file).stem))
    for name in ("train", "train2"):
        for entry in json.loads((DATA / "vehicles" / name / "meta.json").read_text("utf-8")):
            texts = [text for text in entry.get("plates") or [] if text]
            if len(texts) == 1:  # a photo of several vehicles may show those of several parts
                part = plate_part(entry["source"], Path(entry["image"]).stem)
                parts[texts[0].replace("/", "")].add(part)
    assert [found for found in parts.values() if len(found) > 1] == []
