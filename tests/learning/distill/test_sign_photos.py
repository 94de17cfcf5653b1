"""Photos of signs with labelled words, and scores of detectors on them."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.distill.crops import CropMix, batches
from lipiyana.learning.distill.finishing import export_student
from lipiyana.learning.distill.network import TextStudent
from lipiyana.learning.distill.pictures.pool import Pool, PoolPicture, fill_pool
from lipiyana.learning.distill.pictures.sign_photos import load_sign_photos, score_words
from lipiyana.learning.distill.text_cores import CORE, UNKNOWN, LabelledPicture
from lipiyana.learning.distill.train_text_detector import detect_with, mix_of, new_trainer
from lipiyana.vehicles.training.data.street_pictures import SIGNS, parts

WORDS = [[40, 40, 140, 70], [160, 40, 260, 70]]
IGNORED = [40, 120, 140, 150]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a folder with one photo of the selection part and one of the train part."""
    folder = tmp_path / "signs" / SIGNS
    folder.mkdir(parents=True)
    rows = []
    for part in ("selection", "train"):
        name = next(image for (where, image), of in parts().items() if (where, of) == (SIGNS, part))
        picture = np.full((200, 300, 3), 220, np.uint8)
        for x0, y0, x1, y1 in [*WORDS, IGNORED]:
            picture[y0:y1, x0:x1] = 30
        cv2.imwrite(str(folder / name), picture)
        lines = [
            {"text": text, "quad": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}
            for text, (x0, y0, x1, y1) in zip(("नमक", "दाल"), WORDS, strict=True)
        ]
        rows.append(json.dumps({"image": name, "lines": lines, "ignore": [{"box": IGNORED}]}))
    (folder / "boxes.jsonl").write_text("\n".join(rows), "utf-8")
    return tmp_path


def quad(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners (4, 2) of a box."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def test_words_are_found_by_regions_that_cover_them(data: Path) -> None:
    (photo,) = load_sign_photos(data, "selection")
    assert photo.texts == ("नमक", "दाल")
    both = [quad(38, 38, 262, 72)]
    perfect = score_words([photo], lambda _: both)
    assert (perfect.words, perfect.found, perfect.regions, perfect.false) == (2, 2, 1, 0)
    much_too_tall = score_words([photo], lambda _: [quad(38, 10, 262, 190)])
    assert much_too_tall.found == 0
    others = [quad(38, 38, 142, 72), quad(42, 122, 138, 148), quad(200, 150, 280, 180)]
    some = score_words([photo], lambda _: others)
    assert (some.found, some.false) == (1, 1)  # ignored text is neither
    assert some.f1 < perfect.f1 == 1


def test_labelled_words_teach_what_the_teacher_misses(data: Path, tmp_path: Path) -> None:
    class Blind:
        """A teacher that finds nothing."""

        def run(self, pixels: np.ndarray) -> list[np.ndarray]:
            return [np.zeros((1, 1, *pixels.shape[2:]), np.float32)]

    (photo,) = load_sign_photos(data, "train")
    pool = fill_pool(tmp_path / "pool", [("sign-0", photo.labelled)], Blind())  # type: ignore[arg-type]
    (seen,) = pool.train or pool.validation
    pixels, cores = seen.load()
    scale = pixels.shape[1] / 300
    assert cores[round(55 * scale), round(90 * scale)] == CORE
    assert cores[round(135 * scale), round(90 * scale)] == UNKNOWN
    assert cores[round(100 * scale), round(90 * scale)] == 0


def test_unknown_regions_are_known_to_the_batch(tmp_path: Path) -> None:
    seen = PoolPicture(tmp_path / "a.jpg", tmp_path / "a.png")
    cv2.imwrite(str(seen.picture), np.full((96, 96, 3), 90, np.uint8))
    cv2.imwrite(str(seen.map), np.full((96, 96), UNKNOWN, np.uint8))
    batch = next(batches(CropMix((seen,), size=64, batch=2), 0))
    assert not batch.known.any()
    assert not batch.maps.any()


def test_photos_of_signs_are_drawn_more_often(tmp_path: Path) -> None:
    def seen(name: str) -> PoolPicture:
        return PoolPicture(tmp_path / f"{name}.jpg", tmp_path / f"{name}.png")

    mix = mix_of(Pool((seen("sign-1"), seen("street-1")), (seen("drawn-1"),)), 64, 2, 0)
    of_sign, of_street, of_drawn = mix.weights
    assert of_sign > of_drawn > of_street > 0


def test_a_network_without_text_finds_no_line() -> None:
    net = TextStudent().eval()
    with torch.no_grad():
        assert net.rows.bias is not None
        net.rows.weight.zero_()
        net.rows.bias.fill_(-9)
        assert detect_with(net, np.full((90, 120, 3), 200, np.uint8)) == []


def test_labels_follow_the_scale_of_the_picture() -> None:
    labelled = LabelledPicture(np.zeros((50, 100, 3), np.uint8), quad(10, 10, 90, 40)[None])
    larger = labelled.scaled(np.zeros((100, 300, 3), np.uint8))
    assert larger.lines is not None
    np.testing.assert_allclose(larger.lines[0], quad(30, 20, 270, 80))


@pytest.mark.parametrize("int8", [False, True])
def test_a_run_continues_from_an_exported_file(tmp_path: Path, *, int8: bool) -> None:
    torch.manual_seed(0)
    seen = PoolPicture(tmp_path / "sign-a.jpg", tmp_path / "sign-a.png")
    rng = np.random.default_rng(0)
    cv2.imwrite(str(seen.picture), rng.integers(0, 255, (96, 96, 3), np.uint8))
    cv2.imwrite(str(seen.map), np.zeros((96, 96), np.uint8))
    mix = mix_of(Pool((seen,), ()), 64, 4, 0)
    begun = TextStudent().eval()
    file = tmp_path / "float.onnx"
    export_student(begun, file, rounded=False)
    args = Namespace(
        run=tmp_path, start=file, int8=int8, body_rate=1e-3, head_rate=1e-3, decay_share=0.0,
        evaluate_every=60.0, fade_steps=0, workers=0,
    )  # fmt: skip
    trainer = new_trainer(args, mix)
    pixels = next(batches(mix, 0)).pixels
    with torch.no_grad():
        wanted, found = begun(pixels), trainer.averaged.eval()(pixels)
    torch.testing.assert_close(found, wanted, atol=0.05, rtol=0.05)
    trainer.learn(next(batches(mix, 0)), 1.0)
    trainer.save()
    again = new_trainer(args, mix)
    assert again.step == 1
