from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("uharfbuzz", reason="needs the extra render")

import torch

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.label_order import to_labels
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.training.checkpoints import load_weights
from lipiyana.ocr.training.fonts import FontLibrary
from lipiyana.ocr.training.network import LineReaderNet
from lipiyana.ocr.training.plate_lines import as_read, plate_charset, rendered_rows
from lipiyana.ocr.training.plate_texts import random_registration
from lipiyana.ocr.training.train_plate_reader import plate_shape, start_from_reader

FLOAT_TWIN = Path(__file__).parents[3] / "models" / "reader.float.onnx"


def test_the_charset_spells_every_registration() -> None:
    charset, rng = plate_charset(), np.random.default_rng(0)
    for _ in range(300):
        for row in random_registration(rng).rows:
            # the arrow of the military is not part of a registration
            assert charset.covers(to_labels(as_read(row).replace("↑", ""))), row
    assert set(charset.characters) <= set(Charset.load().characters)


@pytest.mark.parametrize(
    ("painted", "read"),
    [
        ("KA 03-AB.1234", "KA03AB1234"),
        ("को. ३५ प", "को.३५प"),
        ("ঢাকা মেট্রো-গ", "ঢাকামেট্রো-গ"),
        ("mh12 ab", "MH12AB"),
    ],
)
def test_rows_keep_what_parts_numbers(painted: str, read: str) -> None:
    assert as_read(painted) == read


def test_rendered_rows_are_pictures_of_what_parses() -> None:
    rng = np.random.default_rng(3)
    library = FontLibrary.load()
    if not library.families("Deva", "all"):
        pytest.skip("the renderer's fonts are not installed")
    for _ in range(10):
        rows = list(rendered_rows(rng, library))
        assert parse([text for _, text in rows]).valid
        for image, _ in rows:
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.dtype == np.uint8


def test_the_plate_reader_begins_with_the_readers_weights() -> None:
    charset = plate_charset()
    net = LineReaderNet(plate_shape(charset))
    start_from_reader(net, FLOAT_TWIN, charset)
    weights = load_weights(FLOAT_TWIN)
    assert torch.equal(net.stem.conv1.weight, weights["stem.conv1.weight"])
    assert torch.equal(net.blocks[9].project.weight, weights["blocks.10.project.weight"])
    row = 1 + charset.characters.index("7")
    old = 1 + Charset.load().characters.index("7")
    assert torch.equal(net.head.weight[row], weights["head.weight"][old])
