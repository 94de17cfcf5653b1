from __future__ import annotations

import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.training.average_weights import averaged


def test_each_weight_is_the_mean() -> None:
    first = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor(4.0)}
    second = {"a": torch.tensor([3.0, 2.0]), "b": torch.tensor(0.0)}
    mean = averaged([first, second])
    assert mean["a"].tolist() == [2, 2]
    assert mean["b"].item() == 2


def test_networks_of_different_shapes_cannot_be_averaged() -> None:
    with pytest.raises(ValueError, match="different layers"):
        averaged([{"a": torch.zeros(2)}, {"a": torch.zeros(3)}])
