"""The second output of a reader: what it makes of a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipiyana.arrays import Features, RgbArray
from lipiyana.ocr.recognition.line_feature import SIZE, collected_features, projection
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Recognition, RecognitionConfig


def _crops() -> list[RgbArray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (40, width, 3), np.uint8) for width in (60, 200, 70, 65)]


def test_the_matrix_is_fixed_and_nearly_keeps_lengths() -> None:
    matrix = projection(120)
    assert matrix.shape == (120, SIZE)
    assert np.array_equal(matrix[:2, :8] > 0, [
        [True, False, False, False, True, True, False, False],
        [False, True, True, True, True, False, True, False],
    ])  # fmt: skip
    vectors = np.random.default_rng(0).standard_normal((500, 120))
    ratio = np.linalg.norm(vectors @ matrix, axis=1) / np.linalg.norm(vectors, axis=1)
    assert abs(np.median(ratio) - np.sqrt(SIZE / 120)) < 0.02


def test_each_line_has_a_feature_that_does_not_depend_on_the_others(store: ModelStore) -> None:
    reader, crops = LineReader(store), _crops()
    with collected_features() as together:
        reader.read(crops)
    assert sum(map(len, together)) == len(crops)
    with collected_features() as alone:
        reader.read(crops[1:2])
    (own,) = (one for one in together if len(one) == 1)
    np.testing.assert_allclose(own, alone[0], atol=1e-5)
    assert own.shape == (1, SIZE)


def test_a_model_without_the_output_reads_and_has_no_features(store: ModelStore) -> None:
    with collected_features() as found:
        LineReader(store, "latin-reader").read(_crops()[:1])
    assert found == []


def test_an_observer_sees_the_features_of_a_picture(store: ModelStore, scene: RgbArray) -> None:
    seen: list[Sequence[Features]] = []

    class Seen:
        def observe(
            self,
            pixels: RgbArray,
            config: RecognitionConfig,
            found: Recognition,
            features: Sequence[Features] = (),
        ) -> None:
            assert pixels.shape == scene.shape
            assert config.layout == "scene"
            assert found.models
            seen.append(features)

        def close(self) -> None:
            pass

    LocalRecognizer(store, observer=Seen()).recognize_pixels(scene, RecognitionConfig())
    (features,) = seen
    assert sum(map(len, features)) > 0
    assert all(one.shape[1] == SIZE for one in features)
