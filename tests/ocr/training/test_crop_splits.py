from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from needs import PICTURES

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.splits import Part, folders, folds, load_crops, validation_numbers

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
PARTS: tuple[Part, ...] = ("train", "validation")
CROPS = [folder for folder in folders() if folder != "olx_plate"]
needs_data = pytest.mark.skipif(not DATA.exists(), reason=PICTURES)


def test_an_unknown_folder_or_fold_is_an_error() -> None:
    with pytest.raises(KeyError):
        validation_numbers("somewhere")
    with pytest.raises(KeyError):
        validation_numbers("kn_words", fold=1)


def test_parts_make_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "ne_plates"
    folder.mkdir()
    rows = "".join(f"{i:04d}.jpg\tको.३५प/६२\u200d१३\n" for i in range(22))
    (folder / "labels.tsv").write_text(rows, "utf-8")
    train, validation = list(load_crops(folder, "train")), list(load_crops(folder, "validation"))
    assert sorted(train + validation) == list(load_crops(folder, "all"))
    assert [int(path.stem) for path, _, _ in validation] == list(range(8, 15))
    assert {(text, script) for _, text, script in train} == {("को.३५प/६२१३", "Deva")}


def test_folds_share_no_number() -> None:
    parts = [
        validation_numbers("auto_rickshaw_ka", fold) for fold in range(folds("auto_rickshaw_ka"))
    ]
    assert sum(map(len, parts)) == len(frozenset().union(*parts)) == 25


@needs_data
@pytest.mark.parametrize("folder", CROPS)
def test_a_third_validates(folder: str) -> None:
    everything = list(load_crops(DATA / "text" / folder, "all"))
    validation = list(load_crops(DATA / "text" / folder, "validation"))
    assert 0.3 < len(validation) / len(everything) < 0.37
    charset = Charset.load()
    for path, text, _ in everything:
        assert path.exists()
        assert normalize(text) == text
        assert charset.covers(text)


@needs_data
def test_both_parts_of_the_signs_hold_every_language() -> None:
    for part in PARTS:
        texts = [text for _, text, _ in load_crops(DATA / "text" / "hi_mr_te_signs", part)]
        assert any(re.search("[\u0c00-\u0c7f]", text) for text in texts)
        assert any(re.search("[\u0900-\u0963]", text) for text in texts)
    for part in PARTS:
        texts = [text for _, text, _ in load_crops(DATA / "text" / "beng_signs", part)]
        assert any("ৰ" in text for text in texts)


@needs_data
@pytest.mark.parametrize("fold", range(3))
def test_no_registration_is_in_both_parts(fold: int) -> None:
    parts: dict[bool, set[str]] = {True: set(), False: set()}
    for folder in ("in_plates", "ne_plates", "bn_plates", "auto_rickshaw_ka"):
        number = fold if folds(folder) > 1 else 0
        for part in PARTS:
            crops = load_crops(DATA / "text" / folder, part, number)
            parts[part == "validation"] |= {text for _, text, _ in crops}
    for picture in json.loads((DATA / "vehicles/train/meta.json").read_text()):
        if picture["source"] == "olx_plate":
            number = int(picture["image"].removeprefix("olx_plate_").removesuffix(".jpg"))
            parts[number in validation_numbers("olx_plate")] |= set(picture["plates"] or [])
    assert not parts[True] & parts[False]
    assert 0.3 < len(parts[True]) / len(parts[True] | parts[False]) < 0.4
