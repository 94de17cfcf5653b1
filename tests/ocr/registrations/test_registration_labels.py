"""Every label of the real plates parses (where those are at hand)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipiyana.ocr.registrations import parse

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="needs the pictures of ../shared")


@pytest.mark.parametrize("folder", ["in_plates", "auto_rickshaw_ka", "ne_plates", "bn_plates"])
def test_crops(folder: str) -> None:
    lines = (SHARED / "text" / folder / "labels.tsv").read_text(encoding="utf-8").splitlines()
    labels = [line.split("\t")[1] for line in lines]
    painted = ["".join(ch for ch in label if ch not in "/. -") for label in labels]
    assert [parse(label.split("/")).canonical for label in labels] == painted


def test_whole_cars() -> None:
    pictures = json.loads((SHARED / "vehicles" / "train" / "meta.json").read_text("utf-8"))
    labels = [plate for picture in pictures for plate in picture["plates"] or ()]
    assert all(parse(label).valid for label in labels)
    # one label has the district 0B, which is a confusion of 08
    assert sum(parse(label).canonical != label for label in labels) <= 1
