from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numbers_drawn import draw_number, write_labelled

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.learning.finetune.common.duplicates import difference_hash, group
from lipiyana.learning.finetune.common.parts import assign_parts, validation_indices
from lipiyana.learning.finetune.reader.checking import CheckedData, check, rows_of
from lipiyana.learning.finetune.reader.examples import ExampleCache, load_crop, load_example
from lipiyana.learning.finetune.reader.labels import Label, read_labels
from lipiyana.ocr.recognition.charset import Charset

DIGITS = Charset("0123456789 /")


def labelled(folder: Path, rows: str) -> list[Label]:
    (folder / "labels.tsv").write_text(rows, "utf-8")
    return read_labels(folder)


def checked(folder: Path, charset: Charset = DIGITS) -> CheckedData:
    return check(read_labels(folder), charset)


def test_rows_headers_parts_and_problems(tmp_path: Path) -> None:
    found = labelled(
        tmp_path,
        "\ufefffile\ttext\tpart\r\na.png\t१२\ttrain\r\n\nb.png\t3\tval\nc.png\nd\te\tdev\n",
    )
    assert [(f.text, f.part) for f in found[:2]] == [("१२", "train"), ("3", "validation")]
    assert [f.where for f in found] == [f"labels.tsv:{n}" for n in (2, 4, 5, 6)]
    assert "columns" in found[2].problem
    assert "dev" in found[3].problem


def test_a_file_names_the_validation_part(tmp_path: Path) -> None:
    (tmp_path / "validation.txt").write_text("b.png\n")
    found = labelled(tmp_path, "a.png\t1\nb.png\t2\n")
    assert [f.part for f in found] == ["train", "validation"]


@pytest.mark.parametrize("content", [b"{}", b"[1]", b'[{"data": {}}]', b"not json"])
def test_other_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(InvalidRequest):
        read_labels(tmp_path)


def test_a_missing_folder_and_missing_labels_are_reported(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_labels(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match=r"labels\.tsv"):
        read_labels(tmp_path)
    (tmp_path / "labels.tsv").write_bytes(b"\xff\xfe1\t2")
    with pytest.raises(InvalidRequest, match="UTF-8"):
        read_labels(tmp_path)


def region(identity: str, text: list[str], **value: Any) -> list[dict[str, Any]]:
    sides = {"original_width": 200, "original_height": 100}
    return [
        {"id": identity, "type": "rectangle", **sides, "value": value},
        {"id": identity, "type": "textarea", **sides, "value": {**value, "text": text}},
    ]


def test_an_export_of_label_studio(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    picture = np.full((100, 200, 3), 255, np.uint8)
    picture[20:60, 20:120] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "pictures" / "street.png"), picture)
    whole = [{"id": "w", "type": "textarea", "value": {"text": ["ABC"]}}]
    tasks = [
        {
            "id": 7,
            "data": {"ocr": "/data/upload/3/0123abcd-street.png"},
            "annotations": [
                {"was_cancelled": True, "result": whole},
                {"result": region("r", ["KA 01", "1234"], x=10, y=20, width=50, height=40)},
            ],
        },
        {"id": 8, "data": {"image": "/data/local-files/?d=pictures/street.png"},
         "annotations": [{"result": whole}]},
        {"id": 9, "data": {"image": "gone.png"}, "annotations": [{"result": whole}]},
        {"id": 10, "data": {"image": "street.png"}, "annotations": []},
    ]  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    plate, line, gone, empty = read_labels(tmp_path)
    assert plate.text == "KA 01\n1234"
    assert plate.picture is not None
    crop = load_crop(plate.picture, plate.corners)
    assert crop.shape == (40, 100, 3)
    assert (crop == (255, 0, 0)).all()
    assert (line.text, line.corners) == ("ABC", None)
    assert "gone.png" in gone.problem
    assert "nobody" in empty.problem


def test_a_rotated_rectangle_rotates_about_its_corner(tmp_path: Path) -> None:
    from lipiyana.review.label_studio_export import read_export

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200, 3), np.uint8))
    value = {"x": 50, "y": 0, "width": 50, "height": 20, "rotation": 90}
    tasks = [{"data": {"image": "a.png"}, "annotations": [{"result": region("r", ["x"], **value)}]}]
    (found,) = read_export(tmp_path / "e.json", json.dumps(tasks))
    assert found.corners is not None
    pixels = np.array(found.corners) * [200, 100]
    np.testing.assert_allclose(pixels, [[100, 0], [100, 100], [80, 100], [80, 0]], atol=1e-9)


def test_dropped_labels_are_listed_with_reasons(tmp_path: Path) -> None:
    folder = write_labelled(tmp_path, [str(n) for n in range(10, 26)])
    (folder / "broken.png").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "long.png"), np.full((20, 900, 3), 255, np.uint8))
    with (folder / "labels.tsv").open("a", encoding="utf-8") as file:
        file.write("missing.png\t1\nbroken.png\t2\n0000.png\t \n0001.png\t11\nlong.png\t5\n")
        shutil.copy(folder / "0002.png", folder / "narrow.png")
        file.write("narrow.png\t" + "1234567890" * 5 + "\n")
    data = checked(folder)
    problems = {d.where.split(":")[1]: d.problem for d in data.dropped}
    assert "no file" in problems["17"]
    assert data.dropped[1].picture.endswith("broken.png")
    assert "two labels" in problems["20"]
    assert "too long" in problems["21"]
    assert "narrow" in problems["22"]
    assert len(data.train) + len(data.validation) == 16
    assert {e.where for e in data.train}.isdisjoint(e.where for e in data.validation)


def test_new_characters_are_appended(tmp_path: Path) -> None:
    folder = write_labelled(tmp_path, [f"{n}A" for n in range(10, 30)])
    (folder / "labels.tsv").write_text(
        "".join(f"{n:04d}.png\t{n + 10}{'é' if n < 9 else 'b'}\n" for n in range(20)), "utf-8"
    )
    data = checked(folder)
    assert data.charset.characters == (*DIGITS.characters, "b", "é")
    assert any("2 characters are new" in note for note in data.notes)


def test_a_plate_of_two_rows_is_two_lines(tmp_path: Path) -> None:
    wide, square = np.zeros((40, 160, 3), np.uint8), np.zeros((40, 60, 3), np.uint8)
    assert rows_of("को.३५प/६२१३", square) == ("को.३५प", "६२१३")
    assert rows_of("को.३५प/६२१३", wide) == ("को.३५प/६२१३",)
    assert rows_of("24/7", square) == ("24/7",)
    assert rows_of("AB\nCD", wide) == ("AB", "CD")
    folder = tmp_path
    rows = []
    for number in range(12):
        top, bottom = draw_number("12"), draw_number(f"{number + 10}", number)
        cv2.imwrite(str(folder / f"{number}.png"), np.vstack([top, bottom]))
        rows.append(f"{number}.png\t12/{number + 10}\n")
    (folder / "labels.tsv").write_text("".join(rows))
    data = checked(folder)
    assert {e.row for e in data.train} == {0, 1}
    whole = load_crop(data.train[0].picture, None)
    assert load_example(data.train[0]).shape[0] < whole.shape[0]


@pytest.mark.parametrize(
    ("texts", "message"),
    [(["1"], "one usable picture"), (["7"] * 12, "have the same text"), ([], "no labels")],
)
def test_too_little_to_learn_from(tmp_path: Path, texts: list[str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        checked(write_labelled(tmp_path, texts))
    assert caught.value.reason in {"TOO_LITTLE_DATA", "ONE_LABEL"}


def test_near_duplicates_are_in_one_group() -> None:
    one, other = draw_number("1234", 1), draw_number("9075", 2)
    blurred = np.asarray(cv2.GaussianBlur(one, (3, 3), 0), np.uint8)
    hashes = [difference_hash(p) for p in (one, other, blurred)]
    assert group(hashes, ["1234", "9075", "1234"]) == [0, 1, 0]


def test_duplicates_follow_the_first_of_them() -> None:
    parts, moved = assign_parts(["train", None, "validation"], [0, 1, 0])
    assert (parts, moved) == (["train", "train", "train"], 1)


@pytest.mark.parametrize("count", [10, 22, 50, 703])
def test_validation_comes_in_blocks(count: int) -> None:
    chosen = validation_indices(count)
    assert len(chosen) == max(3, round(count * 0.2))
    gaps = sum(b - a > 1 for a, b in pairwise(chosen))
    assert gaps == 2


def test_the_cache_keeps_within_its_bound(tmp_path: Path) -> None:
    data = checked(write_labelled(tmp_path, [str(n) for n in range(10, 30)]))
    cache = ExampleCache(limit=60_000)
    for example in data.train * 2:
        assert (cache.get(example) == load_example(example)).all()
    assert cache._bytes <= 60_000


def test_rows_as_spreadsheets_write_them(tmp_path: Path) -> None:
    text = 'a.png\t"Shop, ""City"""\r\n"b.png"\tab\u2028cd\r\nc.png\t"\r\n'
    (tmp_path / "labels.tsv").write_bytes(text.encode("utf-8-sig"))
    labels = read_labels(tmp_path)
    assert [(label.picture.name, label.text) for label in labels if label.picture] == [
        ("a.png", 'Shop, "City"'),
        ("b.png", "ab\u2028cd"),
        ("c.png", '"'),
    ]


def test_files_of_the_validation_list_are_found_or_reported(tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text("./a.png\tone\nb.png\ttwo\n")
    (tmp_path / "validation.txt").write_text("a.png\nb.jpg\n")
    labels = read_labels(tmp_path)
    assert [label.part for label in labels[:2]] == ["validation", "train"]
    assert (labels[2].where, labels[2].problem) == (
        "validation.txt:2", "labels.tsv has no row for b.jpg",
    )  # fmt: skip
