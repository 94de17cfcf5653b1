from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from sign_collages import SIZE, load_collages

from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.real_crops import load_lines


def test_every_validation_word_is_put_on_a_street_once_a_seed(shared_data: Path) -> None:
    signs = load_collages(shared_data, "beng_signs", seeds=[0, 1])
    words = Counter(
        normalize(text)
        for folder, _, text in load_lines(shared_data / "text", "validation")
        if folder == "beng_signs"
    )
    put = Counter(text for sign in signs for text, _ in sign.lines)
    assert put == Counter({word: 2 * count for word, count in words.items()})


def test_words_lie_in_the_picture_and_on_no_other(shared_data: Path) -> None:
    for sign in load_collages(shared_data, "beng_signs", seeds=[0]):
        assert sign.image.shape == (SIZE[1], SIZE[0], 3)
        covered = np.zeros(sign.image.shape[:2], int)
        for _, polygon in sign.lines:
            (x_min, y_min), _, (x_max, y_max), _ = np.array(polygon).astype(int)
            assert 0 <= x_min < x_max <= SIZE[0]
            assert 0 <= y_min < y_max <= SIZE[1]
            covered[y_min:y_max, x_min:x_max] += 1
        assert covered.max() == 1


def test_a_seed_gives_the_same_photos(shared_data: Path) -> None:
    first, second = (load_collages(shared_data, "beng_signs", seeds=[3]) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))
