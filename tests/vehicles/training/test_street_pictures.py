import json
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.ocr.training.splits import validation_numbers
from lipiyana.vehicles.training.build_split import (
    ALIKE_BITS,
    SHARE,
    choose,
    difference_hash,
    groups_alike,
)
from lipiyana.vehicles.training.labels import CLASSES, EXHAUSTIVE
from lipiyana.vehicles.training.street_pictures import (
    UNDECIDED,
    load_pictures,
    validation_names,
)


@pytest.fixture
def real(shared_data: Path) -> Path:
    return shared_data / "vehicles" / "train"


def _names(folder: Path, part: str) -> set[str]:
    return {picture.path.name for picture in load_pictures(folder, part)}


def test_parts_are_disjoint_and_whole(real: Path) -> None:
    train, validation = _names(real, "train"), _names(real, "validation")
    assert not train & validation
    assert train | validation == _names(real, "all")
    assert validation == validation_names()


def test_a_photographer_and_the_readers_registrations_are_held_out(real: Path) -> None:
    groups = defaultdict(set)
    for entry in json.loads((real / "meta.json").read_text()):
        groups[entry["source"], entry["group"]].add(entry["image"])
    held_out = validation_names()
    of_dhaka = [names & held_out for (source, _), names in groups.items() if source == "dhaka"]
    assert sorted(len(names) > 0 for names in of_dhaka) == [False, False, False, True]
    plates = {int(name[-8:-4]) for name in held_out if name.startswith("olx_plate")}
    numbers = {
        int(e[-8:-4])
        for (source, _), names in groups.items()
        if source == "olx_plate"
        for e in names
    }
    assert plates == numbers & validation_numbers("olx_plate")


def test_pictures_that_look_alike_are_in_one_part(real: Path) -> None:
    held_out = validation_names()
    names = [
        entry["image"]
        for entry in json.loads((real / "meta.json").read_text())
        if entry["source"] not in {"dhaka", "olx_plate"}
    ]
    hashes = [difference_hash(cv2.imread(str(real / "images" / name))) for name in names]
    groups = groups_alike(hashes)
    assert any(len(group) > 1 for group in groups)
    for group in groups:
        assert len({names[index] in held_out for index in group}) == 1


def test_the_committed_list_is_what_the_builder_chooses(real: Path) -> None:
    entries = json.loads((real / "meta.json").read_text())
    assert frozenset(choose(entries, real / "images", seed=0)) == validation_names()


def test_groups_join_over_a_third_and_sources_keep_their_share(tmp_path: Path) -> None:
    a = np.zeros(128, bool)
    b, c, d = a.copy(), a.copy(), ~a
    b[:ALIKE_BITS] = True
    c[: 2 * ALIKE_BITS] = True
    assert sorted(map(sorted, groups_alike([a, b, c, d]))) == [[0, 1, 2], [3]]

    rng = np.random.default_rng(0)
    entries = []
    for number in range(40):
        name = f"x_{number:04}.png"
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (9, 9, 3), np.uint8))
        entries.append({"image": name, "source": "kathmandu", "group": "tr"})
    assert len(set(choose(entries, tmp_path, seed=3))) == round(40 * SHARE)


def test_labels_are_read_in_pixels_with_what_their_source_knows(streets) -> None:
    folder = streets("iiith_auto", count=1)
    (picture,) = load_pictures(folder, "train")
    (label,) = (folder / "labels").iterdir()
    with label.open("a") as rows:
        rows.write("12 0.5 0.5 0.1 0.1\n")
    (with_doubt,) = load_pictures(folder, "train")
    pixels = picture.pixels()
    for box, index in zip(picture.boxes.round().astype(int), picture.classes, strict=True):
        inside = pixels[box[1] : box[3], box[0] : box[2]].reshape(-1, 3)
        assert (inside == inside[0]).all(), CLASSES[index]
    assert [CLASSES[i] for i in np.flatnonzero(picture.known)] == ["auto_rickshaw"]
    assert with_doubt.classes[-1] == UNDECIDED


def test_a_source_that_nobody_described_is_refused(streets) -> None:
    folder = streets("dhaka", count=1)
    meta = (folder / "meta.json").read_text().replace("dhaka", "elsewhere")
    (folder / "meta.json").write_text(meta)
    with pytest.raises(ValueError, match="elsewhere"):
        load_pictures(folder, "all")


def test_every_class_is_known_somewhere() -> None:
    assert set().union(*EXHAUSTIVE.values()) == set(CLASSES)
