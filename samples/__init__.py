"""Pictures that this project drew, and what there is to read in each (`truth.jsonl`).

In: nothing. Out: the folder of the pictures, and one typed row a picture.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TypedDict, cast

Polygon = list[list[float]]
"""Four [x, y] in pixels, clockwise from the top left of the text."""


class TruePlate(TypedDict):
    """A plate: `rows` as painted from the top, and the registration that they spell."""

    rows: list[str]
    row_polygons: list[Polygon]
    polygon: Polygon
    canonical: str
    format: str
    country: str
    colour: str
    script: str


class TrueLine(TypedDict):
    """A line of text, normalized."""

    text: str
    script: str
    polygon: Polygon


class TruePicture(TypedDict):
    """A picture, by its path from the folder; `layout` is how it is to be read."""

    path: str
    width: int
    height: int
    layout: str
    condition: str
    plates: list[TruePlate]
    text_lines: list[TrueLine]


def sample_folder() -> Path:
    """Find the folder of the pictures, which is installed with the package."""
    return Path(str(resources.files("lipiyana.samples")))


def read_truth(folder: Path | None = None) -> list[TruePicture]:
    """Read what there is to read in each picture.

    Args:
        folder: with a `truth.jsonl`; None for the installed one.

    Raises:
        OSError: there is none.

    Example:
        >>> from lipiyana.samples import read_truth
        >>> read_truth()[0]["text_lines"][1]["text"]
        'SWEETS & SNACKS'
    """
    text = ((folder or sample_folder()) / "truth.jsonl").read_text("utf-8")
    return [cast("TruePicture", json.loads(line)) for line in text.splitlines()]
