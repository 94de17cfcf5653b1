from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from PIL import Image

from lipiyana.ocr.registrations import parse
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import SCRIPTS, script_of
from lipiyana.samples import read_truth
from lipiyana.types import PlateColour, RegistrationFormat

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "lipiyana"
SAMPLES = ROOT / "samples"
ROWS = read_truth(SAMPLES)
PLATES = [plate for row in ROWS for plate in row["plates"]]
LINES = [line for row in ROWS for line in row["text_lines"]]
MAX_BYTES, MAX_TOTAL = 60_000, 1_500_000


def inside(polygon, row, slack: float = 0.0) -> bool:
    return len(polygon) == 4 and all(
        -slack <= x <= row["width"] + slack and -slack <= y <= row["height"] + slack
        for x, y in polygon
    )


def clockwise(polygon) -> bool:
    edges = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges) > 0


def test_truth_names_every_picture_once():
    paths = [row["path"] for row in ROWS]
    assert sorted(paths) == sorted(
        path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.jpg")
    )


def test_pictures_are_small():
    sizes = [path.stat().st_size for path in SAMPLES.rglob("*.jpg")]
    assert max(sizes) <= MAX_BYTES
    assert sum(sizes) <= MAX_TOTAL


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["path"])
def test_truth_fits_its_picture(row):
    with Image.open(SAMPLES / row["path"]) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (row["width"], row["height"])
    # a crop of a plate may cut its edge
    slack = 0.1 * row["height"] if row["layout"] == "plate" else 0.0
    for plate in row["plates"]:
        assert inside(plate["polygon"], row, slack)
        assert len(plate["row_polygons"]) == len(plate["rows"])
        for polygon in (plate["polygon"], *plate["row_polygons"]):
            assert clockwise(polygon)
        assert all(inside(polygon, row) for polygon in plate["row_polygons"])
    for line in row["text_lines"]:
        assert inside(line["polygon"], row)
        assert clockwise(line["polygon"])


@pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate["canonical"])
def test_rows_of_a_plate_parse_to_its_registration(plate):
    found = parse(plate["rows"])
    assert found.valid
    assert found.canonical == plate["canonical"]
    assert found.format == plate["format"]
    assert found.country == plate["country"]


def test_every_format_colour_and_script_is_there():
    assert {plate["format"] for plate in PLATES} == set(RegistrationFormat)
    assert {plate["colour"] for plate in PLATES} == set(PlateColour)
    assert {line["script"] for line in LINES} == set(SCRIPTS)
    assert {len(plate["rows"]) for plate in PLATES} == {1, 2}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["text"])
def test_lines_are_normalized_and_of_their_script(line):
    assert normalize(line["text"]) == line["text"]
    assert script_of(line["text"]) in (line["script"], "Zyyy")


def test_plan_and_truth_name_the_same_scenes():
    plan = tomllib.loads((PACKAGE / "rendering" / "samples.toml").read_text("utf-8"))
    drawn = [row["path"] for row in ROWS if row["layout"] == "scene"]
    names = [entry["name"] for entry in plan["scene"]]
    assert [Path(path).stem.split("_", 1)[1] for path in drawn] == names
    texts = [
        text
        for scene in plan["scene"]
        for holder in (*scene["signs"], *scene["vehicles"])
        for text, _, _ in holder.get("lines", holder.get("words", []))
    ]
    assert sorted(texts) == sorted(line["text"] for line in LINES)
