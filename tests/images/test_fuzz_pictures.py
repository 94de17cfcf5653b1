"""A short run of the fuzzer; `python tests/support/fuzz_pictures.py` makes long ones."""

from __future__ import annotations

import pytest
from fuzz_pictures import MOST_SECONDS, Outcomes, pictures, run, seeds

from lipiyana.errors import InvalidImage
from lipiyana.images.loading import decode


def test_damaged_pictures_are_decoded_or_are_typed_errors() -> None:
    outcomes = Outcomes()
    run(pictures(600, seed=1, bombs_every=10_000), outcomes)
    assert not outcomes.faults
    assert {"picture", "TRUNCATED_IMAGE", "IMAGE_TOO_LARGE"} <= outcomes.counts.keys()
    assert outcomes.most_seconds < 5 * MOST_SECONDS


def test_the_undamaged_seeds_decode() -> None:
    several = 0
    for data in seeds():
        try:
            assert decode(data).ndim == 3
        except InvalidImage as error:
            assert error.reason == "ANIMATED_IMAGE"  # noqa: PT017
            several += 1
    assert several == 3


@pytest.mark.soak
def test_ten_thousand_damaged_pictures() -> None:
    outcomes = Outcomes()
    run(pictures(10_000, seed=2), outcomes)
    assert not outcomes.faults
    assert outcomes.most_seconds < 5 * MOST_SECONDS
