from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vehicles_parts import LEAST_SIDES, scores_by_country, scores_by_size
from vehicles_report import Parts, Result, table, write_markdown

from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import StreetPicture
from lipiyana.vehicles.training.evaluation import Found

CAR = CLASSES.index("car")
LARGE, SPECK = (100, 100, 160, 150), (10, 10, 19, 17)


def _picture(*boxes: tuple[int, int, int, int], source: str = "dhaka") -> StreetPicture:
    return StreetPicture(
        Path("drawn.png"),
        source,
        np.array(boxes, np.float32),
        np.full(len(boxes), CAR),
        np.ones(len(CLASSES), bool),
    )


def _found(*boxes: tuple[int, int, int, int]) -> Found:
    scores = np.linspace(0.9, 0.5, len(boxes))
    return Found(np.array(boxes, float).reshape(-1, 4), scores, np.full(len(boxes), CAR))


def test_a_missed_small_object_counts_only_without_a_least_size() -> None:
    scores = scores_by_size([_picture(LARGE, SPECK)], [_found(LARGE)], ["car"])
    assert tuple(scores) == LEAST_SIDES
    assert [scores[side]["car"].objects for side in LEAST_SIDES] == [2, 1, 1, 1, 1]
    assert scores[0]["car"].ap50 == pytest.approx(0.5, abs=0.01)
    assert scores[12]["car"].ap50 == pytest.approx(1)


def test_a_found_small_object_is_no_error_with_a_least_size() -> None:
    scores = scores_by_size([_picture(LARGE, SPECK)], [_found(SPECK, LARGE)], ["car"])
    assert scores[32]["car"].ap50 == pytest.approx(1)


def test_a_large_false_detection_stays_an_error() -> None:
    elsewhere = (200, 10, 260, 60)
    scores = scores_by_size([_picture(LARGE, SPECK)], [_found(elsewhere, LARGE)], ["car"])
    assert scores[32]["car"].ap50 < 0.6


def test_each_country_is_scored_on_its_own_pictures() -> None:
    pictures = [_picture(LARGE), _picture(LARGE, SPECK, source="iiith_auto")]
    scores = scores_by_country(pictures, [_found(), _found(LARGE, SPECK)], ["car"])
    assert {country: own["car"].objects for country, own in scores.items()} == {
        "Bangladesh": 1,
        "India": 2,
    }
    assert scores["Bangladesh"]["car"].ap50 == 0
    assert scores["India"]["car"].ap50 == pytest.approx(1)


def test_the_page_has_all_tables_and_keeps_its_own_text(tmp_path: Path) -> None:
    pictures = [_picture(LARGE), _picture(SPECK, source="kathmandu")]
    found = [_found(LARGE), _found()]
    scores = scores_by_size(pictures, found, ["car"])[0]
    results = [
        Result("first", scores, 20.0, 40.0, 10**6, 0.1),
        Result("second", scores, 10.0, 30.0, 10**6, 0.1),
    ]
    parts = Parts("by country", scores_by_country(pictures, found, ["car"]))
    page = tmp_path / "scores.md"
    page.write_text(
        "# Own\n<!-- scores: written by benchmarks/vehicles/vehicles.py -->old"
        "<!-- end of scores -->\nlast\n"
    )
    write_markdown(page, results, {}, [parts])
    text = page.read_text()
    assert text.startswith("# Own\n")
    assert text.endswith("last\n")
    assert "old" not in text
    assert "| car | 100.0 of 1 | 0.0 of 1 |" in text
    assert "ratio 0.50" in text
    assert table(results).row_count == 7  # car, two means, two times, size, calibration
