"""A format of registrations and a class of vehicles are added with one record each.

The diffs of docs/architecture.md are applied to a copy of the package; nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from detector_models import GREEN, INK, RED, install, rectangle_detector

import lipiyana
from lipiyana.ocr.registrations import parse
from lipiyana.vehicles.taxonomy import CLASSES

PACKAGE = Path(lipiyana.__file__).parent
DATA = ("models", "samples")

FORMATS, TAXONOMY = "ocr/registrations/formats/india.py", "vehicles/taxonomy.py"
EXAMPLES = "tests/ocr/registrations/examples.tsv"
PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
DIFFS: dict[str, str] = dict(
    re.findall(
        r"^```diff\n\+\+\+ (\S+)\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
)
"""The lines of each diff, with their marks, by the file that it is for."""

PROGRAM = """
import json, sys
from pathlib import Path
import lipiyana
from lipiyana.ocr.registrations import find, parse
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Layout, RecognitionConfig

folder, rows = Path(sys.argv[1]), sys.argv[2].split("|")
recognizer = LocalRecognizer(ModelStore(folder, threads=1))

def said(registration):
    return [registration.canonical, registration.valid, registration.country]

def plates(name, layout):
    found = recognizer.recognize(folder / name, RecognitionConfig(layout=layout))
    return [shown(plate) for plate in found.plates]

def shown(plate):
    return [*said(plate.registration), plate.colour, plate.category_conflict]

read = parse(rows)
street = recognizer.recognize(folder / "street.png")
print(json.dumps({
    "package": lipiyana.__file__,
    "text": [str(getattr(read, field) or "") for field in
             ("canonical", "format", "country", "region_name", "category")],
    "unlikely": [said(parse("WPT 471839")), find("WPT 471839")],
    "line": said(find("WPK 47 H 2839")),
    "plate": plates("plate.png", Layout.PLATE),
    "wall": plates("wall.png", Layout.SCENE),
    "vehicles": [vehicle.label for vehicle in street.vehicles],
    "mounted": [[*shown(plate), plate.vehicle_index] for plate in street.plates],
}))
"""


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the package with one more record in each table; the folder that it is in."""
    copy = tmp_path / "copy" / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", *DATA))
    for name in DATA:
        (copy / name).symlink_to((PACKAGE / name).resolve())
    apply(DIFFS[FORMATS], copy / FORMATS)
    apply(DIFFS[TAXONOMY], copy / TAXONOMY)
    return copy.parent


def apply(diff: str, path: Path) -> None:
    """Add the lines with + beside the others, which the file must have once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line.startswith(" "))
    after = "".join(line[1:] for line in lines)
    text = path.read_text("utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), "utf-8")


def board(*rows: str) -> np.ndarray:
    """Dark letters on white, (height, width, 3)."""
    font, scale, thick, tall, margin = cv2.FONT_HERSHEY_DUPLEX, 1.4, 3, 48, 12
    widths = [cv2.getTextSize(row, font, scale, thick)[0][0] for row in rows]
    picture = np.full((len(rows) * tall + margin, max(widths) + 2 * margin, 3), 240, np.uint8)
    for index, row in enumerate(rows, start=1):
        at = (margin, index * tall - 2)
        cv2.putText(picture, row, at, font, scale, (20, 20, 20), thick, cv2.LINE_AA)
    return picture


def draw(folder: Path) -> None:
    wall = np.full((240, 480, 3), 110, np.uint8)
    sign = board("WPK 47 H 2839")
    wall[90 : 90 + sign.shape[0], 40 : 40 + sign.shape[1]] = sign
    street = np.full((400, 640, 3), 128, np.uint8)
    street[60:380, 60:460], street[290:360, 110:410] = RED, GREEN
    cv2.putText(
        street, "WPK47H2839", (122, 338), cv2.FONT_HERSHEY_SIMPLEX, 1.2, INK, 4, cv2.LINE_AA
    )
    pictures = {"plate": board("WPK 47 H", "2839"), "wall": wall, "street": street}
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture[:, :, ::-1])


def test_one_record_is_all_that_a_format_and_a_class_need(extended: Path, tmp_path: Path) -> None:
    rows, *fields, _ = DIFFS[EXAMPLES].removeprefix("+").split("\t")
    assert not parse(rows.split("|")).valid
    assert "snow_groomer" not in CLASSES
    install(tmp_path, rectangle_detector(160, classes=("snow_groomer", "bus", "plate")))
    draw(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), rows],
        env=os.environ | {"PYTHONPATH": str(extended)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    toy = ["WPK47H2839", True, "XT"]
    assert Path(found.pop("package")).is_relative_to(extended)
    assert found == {
        "text": fields,
        "unlikely": [["WPT471839", True, "XT"], None],
        "line": toy,
        # plates of the record are black on green
        "plate": [[*toy, "black_on_white", True]],
        "wall": [[*toy, "black_on_white", True]],
        "vehicles": ["snow_groomer"],
        # private, as the class H says, and no vehicle for transport may be that in its country
        "mounted": [[*toy, "black_on_green", True, 0]],
    }
