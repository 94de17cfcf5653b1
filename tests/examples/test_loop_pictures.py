"""The pictures that examples/loop makes for whoever has none of their own."""

from __future__ import annotations

import runpy
from pathlib import Path

import cv2
import pytest

from lipiyana.drift.settings import DRIFT

LOOP = Path(__file__).parents[2] / "examples" / "loop" / "loop.py"


def test_the_pictures_are_enough_for_the_watch_and_are_labelled(tmp_path: Path) -> None:
    new_kind, usual = runpy.run_path(str(LOOP))["sample_pictures"](tmp_path / "pictures")
    labels = dict(
        line.split("\t") for line in (new_kind / "labels.tsv").read_text("utf-8").splitlines()
    )
    pictures = sorted(new_kind.glob("*.png"))
    assert {one.name for one in pictures} == set(labels)
    assert len({one.read_bytes() for one in pictures}) == len(pictures) >= 2 * DRIFT.window_step
    assert len(list(usual.glob("*.png"))) >= DRIFT.least_pictures
    assert labels["01.png"] == "SWEETS & SNACKS"
    before, after = (cv2.imread(str(folder / "01.png")) for folder in (usual, new_kind))
    assert before.shape == after.shape
    assert before.shape[1] > 4 * before.shape[0]  # it is the line, level
    assert after.mean() < before.mean() / 2


def test_pictures_of_ones_own_need_usual_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(LOOP))["main"]
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--work", str(tmp_path / "work")])
    assert "PICTURES and --usual belong together" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
