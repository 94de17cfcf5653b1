import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from lipiyana.ocr.training.splits import validation_numbers
from lipiyana.vehicles.training.data.build_parts import UNSEEN_PHOTOGRAPHER, deal
from lipiyana.vehicles.training.data.labels import CLASSES, EXHAUSTIVE
from lipiyana.vehicles.training.data.street_pictures import (
    COLLECTIONS,
    UNDECIDED,
    load_part,
    load_pictures,
    load_signs,
    parts,
)

PARTS = ("train", "selection", "report")


def _entries(data: Path) -> list[tuple[str, dict]]:
    return [
        (collection, entry)
        for collection in COLLECTIONS
        for entry in json.loads((data / "vehicles" / collection / "meta.json").read_text())
    ]


def test_every_picture_has_one_part_and_larger_copies_replace_others(
    shared_data: Path,
) -> None:
    entries = _entries(shared_data)
    loaded = [picture.path.name for part in PARTS for picture in load_part(shared_data, part)]
    replaced = {entry.get("replaces") for _, entry in entries}
    assert len(loaded) == len(set(loaded))
    assert set(loaded) == {entry["image"] for _, entry in entries} - replaced
    assert {(collection, entry["image"]) for collection, entry in entries} <= set(parts())


def test_groups_are_whole_and_a_copy_is_where_its_original_is(shared_data: Path) -> None:
    of = defaultdict(set)
    for collection, entry in _entries(shared_data):
        part = parts()[collection, entry["image"]]
        if entry["source"] in {"dhaka", "dhaka640"} or collection != "train":
            of[entry["source"], entry["group"]].add(part)
        if "replaces" in entry:
            assert part == parts()["train", entry["replaces"]]
    for (source, group), found in of.items():
        if group == UNSEEN_PHOTOGRAPHER:
            # his pictures that chose earlier detectors are never in report
            assert found == ({"selection"} if source == "dhaka" else {"selection", "report"})
        else:
            assert len(found) == 1, (source, group)


def test_pictures_that_trained_or_chose_detectors_are_not_in_report(shared_data: Path) -> None:
    of_first = {part for (collection, _), part in parts().items() if collection == "train"}
    assert of_first == {"train", "selection"}
    plates = {
        int(image[-8:-4]): part
        for (_, image), part in parts().items()
        if image.startswith("olx_plate")
    }
    selected = {number for number, part in plates.items() if part == "selection"}
    assert selected == set(plates) & validation_numbers("olx_plate")


def test_the_committed_table_equals_that_of_the_builder(shared_data: Path) -> None:
    dealt = {(collection, image): part for collection, image, part in deal(shared_data, seed=0)}
    assert dealt == parts()


def test_signs_have_parts_and_those_that_may_show_a_vehicle_are_skipped(shared_data: Path) -> None:
    names = [{p.path.name for p in load_signs(shared_data, part)} for part in PARTS]
    assert not names[0] & names[1] | names[1] & names[2] | names[0] & names[2]
    assert "0069.webp" not in set().union(*names)
    assert len(names[2]) > 0.4 * sum(map(len, names))
    (first, *_) = load_signs(shared_data, "train")
    assert not len(first.boxes)
    assert first.known.all()


def test_a_picture_may_state_its_labelled_classes_and_ignored_regions(streets) -> None:
    folder = streets("juvd", count=1)
    (entry,) = json.loads((folder / "meta.json").read_text())
    entry |= {"exhaustive": ["car", "bus"], "ignore": [[0.5, 0.25, 0.2, 0.1]]}
    (folder / "meta.json").write_text(json.dumps([entry]))
    (picture,) = load_pictures(folder, None)
    assert {CLASSES[i] for i in np.flatnonzero(picture.known)} == {"car", "bus"}
    assert picture.classes[-1] == UNDECIDED
    np.testing.assert_allclose(picture.boxes[-1], [128, 48, 192, 72], atol=1e-3)
    assert picture.smallest == 0
    near_ones = folder / "meta.json"
    near_ones.write_text(near_ones.read_text().replace("juvd", "traffic7"))
    assert load_pictures(folder, None)[0].smallest == 24


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


def test_an_unknown_source_is_refused(streets) -> None:
    folder = streets("dhaka", count=1)
    meta = (folder / "meta.json").read_text().replace("dhaka", "elsewhere")
    (folder / "meta.json").write_text(meta)
    with pytest.raises(ValueError, match="elsewhere"):
        load_pictures(folder, None)


def test_every_class_is_known_somewhere() -> None:
    assert set().union(*EXHAUSTIVE.values()) == set(CLASSES)
