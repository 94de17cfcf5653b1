"""What tests of models on another server share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lipiyana import samples
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Recognition

Connect = Callable[..., ModelStore]
"""Makes a store whose models a server runs; takes an observer and fields of `InferenceOptions`."""

READER = "reader-int8"
BATCH = np.zeros((1, 3, 48, 32), np.float32)
PICTURES = sorted(Path(samples.__path__[0]).glob("*/*.jpg"))


def plain(found: Recognition) -> Recognition:
    return dataclasses.replace(found, timings={})


class Noted:
    """An observer that lists what it is told."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.fallbacks: list[str] = []
        self.ready: list[bool] = []

    def inference_ended(
        self, model: str, code: str, seconds: float, sent: int, received: int
    ) -> None:
        assert seconds >= 0
        self.codes.append(code)
        self.sizes.append((sent, received))

    def inference_fell_back(self, model: str) -> None:
        self.fallbacks.append(model)

    def inference_ready(self, ready: bool) -> None:
        self.ready.append(ready)
