from __future__ import annotations

import numpy as np
import pytest

from lipiyana.ocr.plates.colour import COLOURS, _network
from lipiyana.ocr.training.plates.train_colour import Examples, _gradients, reliability, train

FEATURES = 6


def loss(weights: list[np.ndarray], inputs: np.ndarray, targets: np.ndarray) -> float:
    """Mean cross entropy; the likelihoods with either cluster as the background add up."""
    hidden, hidden_bias, output, output_bias = weights
    logits = np.tanh(inputs @ hidden + hidden_bias) @ output + output_bias
    chances = np.exp(logits) / np.exp(logits).sum(axis=(1, 2), keepdims=True)
    return float(-np.log((chances.sum(axis=1) * targets).sum(axis=1)).mean())


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    count = len(COLOURS)
    weights = [rng.normal(0, 0.5, shape) for shape in ((FEATURES, 5), (5,), (5, count), (count,))]
    inputs = rng.normal(0, 1, (7, 2, FEATURES))
    targets = np.eye(count, dtype=np.float32)[rng.integers(0, count, 7)]
    for index, slope in enumerate(_gradients(weights, inputs, targets)):
        assert slope.shape == weights[index].shape
        place = tuple(int(rng.integers(size)) for size in slope.shape)
        moved = [[w.copy() for w in weights] for _ in range(2)]
        moved[0][index][place] -= 1e-5
        moved[1][index][place] += 1e-5
        expected = (loss(moved[1], inputs, targets) - loss(moved[0], inputs, targets)) / 2e-5
        assert slope[place] == pytest.approx(expected, abs=1e-6)


def test_it_learns_which_cluster_is_the_ground() -> None:
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 4, 400)
    features = rng.normal(0, 0.1, (400, 2, FEATURES)).astype(np.float32)
    # the colour is in the vector whose last number marks it as the right one
    right = rng.integers(0, 2, 400)
    features[np.arange(400), right, colours] += 2
    features[np.arange(400), right, -1] += 2
    features[np.arange(400), 1 - right, 3 - colours] += 2
    network = train(Examples(features, colours, np.arange(400)), epochs=500)
    chances = network.probabilities(features)
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (chances.argmax(axis=1) == colours).mean() > 0.95
    bins = reliability(network, Examples(features, colours, np.arange(400)))
    assert sum(count for _, _, count in bins) == 400


def test_the_weights_that_are_shipped_fit_the_colours() -> None:
    network = _network()
    assert network.output.shape == (network.hidden.shape[1], len(COLOURS))
    assert network.mean.shape == network.scale.shape == (network.hidden.shape[0],)
