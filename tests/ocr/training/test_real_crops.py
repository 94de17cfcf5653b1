from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.ocr.training.real_crops import RealCrops, vary


def write_folder(root: Path, name: str, text: str, files: range) -> None:
    folder = root / name
    folder.mkdir()
    rows = "".join(f"{number:04d}.png\t{text}\n" for number in files)
    (folder / "labels.tsv").write_text(rows, "utf-8")
    for number in files:
        cv2.imwrite(str(folder / f"{number:04d}.png"), np.full((30, 60, 3), number, np.uint8))


def test_signs_weigh_more_than_scanned_print(tmp_path: Path) -> None:
    write_folder(tmp_path, "beng_signs", "শাখা", range(20))
    write_folder(tmp_path, "kn_words", "ಹಾದಿ", range(100))
    crops = RealCrops.load(tmp_path)
    shares = {
        text: sum(w for (_, t, _), w in zip(crops.lines, crops.weights, strict=True) if t == text)
        for text in ("শাখা", "ಹಾದಿ")
    }
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["শাখা"] > shares["ಹಾದಿ"] > 0.2
    assert crops.draw(np.random.default_rng(0))[2] == "real"


@pytest.mark.parametrize("shape", [(28, 19), (44, 120), (210, 160)])
def test_a_varied_crop_keeps_its_height_and_its_letters(shape: tuple[int, int]) -> None:
    height, width = shape
    image = np.full((height, width, 3), 230, np.uint8)
    # a letter that stands a tenth of the height from each border
    inset = round(height * 0.12)
    image[inset : height - inset, inset : width - inset] = 30
    before = image.copy()
    for seed in range(40):
        out = vary(image, np.random.default_rng(seed))
        assert out.shape[0] == height
        assert out.dtype == np.uint8
        assert out.shape[2] == 3
        assert 0.3 * width < out.shape[1] < 2 * width
        grey = out.mean(axis=2)
        # the middle differs from both sides: neither of them was cut off
        middle = grey[height // 2, out.shape[1] // 3 : -(out.shape[1] // 3)].mean()
        assert abs(middle - grey[height // 2, 0]) > 20
        assert abs(middle - grey[height // 2, -1]) > 20
    assert np.array_equal(image, before)
