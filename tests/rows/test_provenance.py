from __future__ import annotations

import pytest

from lipiyana.rows.provenance import Provenance, options_of
from lipiyana.types import RecognitionConfig

NOW = Provenance("0.2", "12", {"reader": "a" * 64, "plates": "b" * 64}, {"layout": "scene"})


@pytest.mark.parametrize(
    ("earlier", "says"),
    [
        (NOW, ""),
        (
            Provenance("0.2", "12", NOW.models, {"layout": "line"}),
            "with --layout line, not with --layout scene",
        ),
        (
            Provenance("0.2", "12", {"reader": "c" * 64, "plates": "b" * 64}, NOW.options),
            "by other models (reader cccccccccccc), not by those of this run (reader aaaaaaaaaaaa)",
        ),
        (
            Provenance("0.2", "12", {"plates": "b" * 64}, NOW.options),
            "by other models (reader absent), not by those of this run (reader aaaaaaaaaaaa)",
        ),
        (
            Provenance("0.2", "11", NOW.models, NOW.options),
            "by version 11 of the pipeline, not 12",
        ),
        (Provenance("0.2", "12", NOW.models, {}), "with --layout unset, not with --layout scene"),
        (Provenance("0.2", "12", NOW.models, {"layout": "scene", "words": "unset"}), ""),
        (Provenance("0.1", "12", NOW.models, NOW.options), "by lipiyana 0.1, not 0.2"),
    ],
)
def test_a_difference_is_named(earlier: Provenance, says: str) -> None:
    assert NOW.difference(earlier) == says


def test_every_option_of_the_rows_is_compared() -> None:
    plain = options_of(RecognitionConfig())
    for config in (
        RecognitionConfig(["text"]),
        RecognitionConfig(layout="line"),
        RecognitionConfig(min_confidence=0.0),
        RecognitionConfig(script_hints=["Deva"]),
        RecognitionConfig(romanize=True),
        RecognitionConfig(words=True),
    ):
        assert options_of(config) != plain
    assert options_of(RecognitionConfig(cache_policy="bypass")) == plain
