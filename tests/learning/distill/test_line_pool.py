"""More real lines for training: which are taken, and that none is of a held-out part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from needs import PICTURES, TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.arrays import RgbArray
from lipiyana.learning.distill.pictures.line_pool import (
    BOOKS,
    LABELS,
    book_parts,
    book_words,
    collect,
    part_of_book,
    sign_words,
)
from lipiyana.ocr.training.real_crops import RealCrops, load_pool

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"


def lines(*texts: str) -> Iterator[tuple[RgbArray, str]]:
    for number, text in enumerate(texts):
        yield np.full((20, 60, 3), 40 * number, np.uint8), text


def test_collected_lines_are_read_back(tmp_path: Path) -> None:
    assert collect(lines("ROAD", "सड़क"), tmp_path / "signs") == 2
    found = list(load_pool(tmp_path))
    assert [(folder, text) for folder, _, text in found] == [("signs", "ROAD"), ("signs", "सड़क")]
    assert [image.shape for _, image, _ in found] == [(20, 60, 3)] * 2


def test_a_finished_folder_stays(tmp_path: Path) -> None:
    collect(lines("ONE", "TWO"), tmp_path / "latin")
    assert collect(lines("THREE"), tmp_path / "latin") == 2
    assert [text for _, _, text in load_pool(tmp_path)] == ["ONE", "TWO"]


def test_lines_that_the_reader_cannot_spell_are_left_out(tmp_path: Path) -> None:
    assert collect(lines("道路", "", "GATE"), tmp_path / "latin") == 1


def test_the_reader_trains_on_a_pool_beside_its_crops(tmp_path: Path) -> None:
    collect(lines("GATE", "ROAD"), tmp_path / "pool" / "latin")
    crops = RealCrops.load(tmp_path / "crops", tmp_path / "pool")
    assert sorted(text for _, text, _ in crops.lines) == ["GATE", "ROAD"]


def test_each_folder_of_books_has_three_parts() -> None:
    for folder in BOOKS:
        parts = {part for (name, _), part in book_parts().items() if name == folder}
        assert {"selection", "report"} <= parts
    assert part_of_book("mozhi_hi_printed", "mozhi_0033") == "report"
    assert part_of_book("kn_mile_printed", "mile_0348_12") == "report"
    assert part_of_book("kn_mile_printed", "mile_0344_1") == "train"


@pytest.mark.skipif(not DATA.exists(), reason=PICTURES)
def test_held_out_photos_and_books_are_not_taken() -> None:
    for folder in BOOKS:
        labels = (DATA / "text" / folder / LABELS).read_text("utf-8").splitlines()
        pages = [line.split("\t")[2] for line in labels]
        taken = sum(1 for _ in book_words(DATA, folder))
        assert 0 < taken == sum(part_of_book(folder, page) == "train" for page in pages)
        assert taken < len(pages)
    assert 0 < sum(1 for _ in sign_words(DATA)) < 700
