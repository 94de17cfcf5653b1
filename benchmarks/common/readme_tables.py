"""The tables of scores in README.md, taken from the tables in docs/results/."""

from __future__ import annotations

from pathlib import Path

from common.report_tables import Marks, markdown_table, write_between

READER: Marks = (
    "<!-- reader: written by benchmarks/common/readme_tables.py -->",
    "<!-- end of reader -->",
)
VEHICLES: Marks = (
    "<!-- vehicles: written by benchmarks/common/readme_tables.py -->",
    "<!-- end of vehicles -->",
)
_SCORES = "<!-- scores:"  # begins the tables of a page of docs/results/

_PICTURES = {
    "hi_mr_te_signs in all": "words on signs: Hindi, Marathi, Telugu",
    "beng_signs Bengali-Assamese": "words on signs: Bengali",
    "kn_words Kannada": "words of degraded print: Kannada",
    "in_plates Latin": "plates of India, one row",
    "bn_plates Bengali-Assamese": "rows of plates of Bangladesh",
    "ne_plates Devanagari": "rows of plates of Nepal",
}
_READERS = {"lipiyana as used": "Lipiyana", "Tesseract 5": "Tesseract 5", "RapidOCR": "RapidOCR"}
_CLASSES = {
    "mean of 5 in COCO": "mean of 5 classes of COCO",
    "mean of all 13": "mean of 13 classes",
    "auto_rickshaw": "auto-rickshaw",
    "plate": "plate",
}
_DETECTORS = {"INT8": "Lipiyana, INT8", "YOLOX-nano, COCO": "YOLOX-nano as trained on COCO"}
_TIME = "one picture, one thread"

Row = dict[str, str]


def scores_of(page: str) -> list[Row]:
    """Parse the first table of scores of a page; each row by its headings."""
    lines = iter(page.partition(_SCORES)[2].splitlines()[1:])
    table: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            break
    headings, _, *rows = table
    return [dict(zip(headings, row, strict=True)) for row in rows]


def reader_table(page: str) -> str:
    """Exact lines and milliseconds of each reader, from docs/results/reader.md."""
    cells = {(row["pictures"], row["reader"]): row for row in scores_of(page)}
    headings = ["pictures", "lines"]
    for name in _READERS.values():
        headings += [f"{name}: exact %", "CER %", "ms"]
    rows = []
    for pictures, title in _PICTURES.items():
        found = [title, cells[pictures, "lipiyana as used"]["lines"]]
        for reader in _READERS:
            row = cells.get((pictures, reader), {})
            found += [row.get(heading, "") for heading in ("exact %", "CER %", "ms")]
        rows.append(tuple(found))
    return markdown_table(headings, rows, {"pictures"})


def vehicles_table(page: str) -> str:
    """AP50 and milliseconds of the detector, from docs/results/vehicles.md."""
    cells = {row["class"]: row for row in scores_of(page)}
    headings = ("AP50 in %", *_CLASSES.values(), "ms a picture")
    rows = [
        (
            name,
            *(cells[label][f"{detector} AP50"] for label in _CLASSES),
            cells[_TIME][f"{detector} AP50"].removesuffix(" ms"),
        )
        for detector, name in _DETECTORS.items()
    ]
    return markdown_table(headings, rows, {"AP50 in %"})


def write_readme(root: Path) -> None:
    """Bring the tables of README.md up to date with docs/results/."""
    results = root / "docs" / "results"
    for name, marks, table in (
        ("reader.md", READER, reader_table),
        ("vehicles.md", VEHICLES, vehicles_table),
    ):
        page = (results / name).read_text("utf-8")
        write_between(root / "README.md", marks, [table(page)])
