"""Every label of a plate parses: those of samples/, and of the real plates where they are here."""

from __future__ import annotations

import json
from pathlib import Path

from lipiyana.ocr.registrations import parse
from lipiyana.samples import read_truth

ROOT = Path(__file__).parents[3]


def test_crops(shared_data: Path) -> None:
    for folder in ("in_plates", "auto_rickshaw_ka", "ne_plates", "bn_plates"):
        lines = (shared_data / "text" / folder / "labels.tsv").read_text("utf-8").splitlines()
        texts = [line.split("\t")[1] for line in lines]
        painted = ["".join(ch for ch in text if ch not in "/. -") for text in texts]
        assert [parse(text.split("/")).canonical for text in texts] == painted


def test_the_plates_of_the_samples() -> None:
    plates = [plate for picture in read_truth() for plate in picture["plates"]]
    assert len(plates) >= 40
    for plate in plates:
        found = parse(plate["rows"])
        assert found.valid
        assert (found.canonical, found.format) == (plate["canonical"], plate["format"])


def test_whole_cars(shared_data: Path) -> None:
    pictures = json.loads((shared_data / "vehicles" / "train" / "meta.json").read_text("utf-8"))
    labels = [plate for picture in pictures for plate in picture["plates"] or ()]
    assert all(parse(label).valid for label in labels)
    # one label has the district 0B, which is a confusion of 08
    assert sum(parse(label).canonical != label for label in labels) <= 1
