"""No frame is ever served the text of another one that differs in a single character."""

from __future__ import annotations

import numpy as np
import pytest
from one_character_pairs import degraded, pairs, through_camera

from lipiyana.cache import RepeatedFrames
from lipiyana.rendering.fonts.families import FontLibrary


@pytest.fixture
def library(font_library: FontLibrary) -> FontLibrary:
    return font_library


@pytest.mark.parametrize(
    "count", [pytest.param(200, id="some"), pytest.param(2000, id="all", marks=pytest.mark.soak)]
)
def test_one_other_character(library: FontLibrary, count: int) -> None:
    rng = np.random.default_rng(count)
    seen = same_degraded = same_camera = 0
    for pair in pairs(count, count, library):
        frames = RepeatedFrames()
        frames.remember(degraded(rng, pair.first), pair.recognition)
        assert frames.lookup(degraded(rng, pair.second)) is None
        same_degraded += frames.lookup(degraded(rng, pair.first)) is not None
        quality = int(rng.integers(60, 95))
        frames.remember(through_camera(rng, pair.first, quality), pair.recognition)
        assert frames.lookup(through_camera(rng, pair.second, quality)) is None
        same_camera += frames.lookup(through_camera(rng, pair.first, quality)) is not None
        seen += 1
    assert seen == count
    # or else the test would prove nothing: the same text does pass
    assert same_degraded > 0.15 * count
    assert same_camera > 0.6 * count
