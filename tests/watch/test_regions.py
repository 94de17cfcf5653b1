from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.watch.regions import RegionMap, Regions, read_regions

LEFT = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]"


def written(folder: Path, text: str) -> Path:
    path = folder / "regions.yaml"
    path.write_text(text, "utf-8")
    return path


def test_regions_of_all_sources_and_of_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"regions:\n  left: {LEFT}\n"
        f"sources:\n  gate:\n    masks: [{LEFT}]\n    regions: {{lane: {LEFT}}}\n",
    )
    file = read_regions(path, ["gate", "yard"])
    assert set(file.of("gate").regions) == {"left", "lane"}
    assert len(file.of("gate").masks) == 1
    assert set(file.of("yard").regions) == {"left"}
    assert not file.of("yard").masks


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read_regions(written(tmp_path, ""), ["gate"]).of("gate") == Regions()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "regions: {left: [[0, 0], [1, 1]]}",
            "regions.left (line 1): it must be a list of at least 3",
        ),
        (
            "regions: {left: [[0, 0], [1, 1], [0, 2]]}",
            "regions.left[2][1] (line 1): it must be at most 1, not 2",
        ),
        ("regions: {left: [[0, 0], [1, .nan], [0, 1]]}", "regions.left[1][1] (line 1): it must be"),
        (f"regions: {{'a b': {LEFT}}}", "regions.a b (line 1)"),
        (
            f"region: {{left: {LEFT}}}",
            "region (line 1): there is no such setting. Did you mean 'regions'?",
        ),
        (f"sources: {{yard: {{masks: [{LEFT}]}}}}", "there is no source yard; there is gate"),
        ("- 1", "the file (line 1): it must be names with values"),
        ("a: [", "it is not YAML: line 1: "),
        ("regions: {}\nmasks: []\nregions: {}", "line 3: regions is there already, in line 1"),
        ("[" * 20_000, "is nested too deeply"),
        ("!!python/object/apply:os.getcwd []", "is not YAML: "),
    ],
)
def test_mistakes_are_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_regions(written(tmp_path, text), ["gate"])
    assert said in caught.value.message
    assert "regions.yaml" in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none.yaml cannot be read"):
        read_regions(tmp_path / "none.yaml", ["gate"])


def test_points_are_in_regions() -> None:
    regions = RegionMap(
        Regions.model_validate(
            {
                "regions": {
                    "left": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]],
                    "corner": [[0, 0], [0.3, 0], [0, 0.3]],
                }
            }
        )
    )
    assert regions.at(0.1, 0.1) == ["left", "corner"]
    assert regions.at(0.4, 0.9) == ["left"]
    assert regions.at(0.5, 0.5) == ["left"]  # its edge
    assert regions.at(0.9, 0.1) == []


def test_masks_hide_and_interest_hides_the_rest() -> None:
    square = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]
    half = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)]
    regions = RegionMap(Regions(interest=[half], masks=[square]))
    picture = np.full((101, 101, 3), 200, np.uint8)
    hidden = regions.hide(picture)
    assert (picture == 200).all()  # the given one stays
    seen = (hidden == 200).all(axis=2)
    assert seen[:50, 52:].all()
    assert not seen[:50, :50].any()
    assert not seen[52:].any()
    assert (regions.hide(picture[:, :, 0]) == hidden[:, :, 0]).all()


def test_without_masks_nothing_is_copied() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    assert RegionMap().hide(picture) is picture
