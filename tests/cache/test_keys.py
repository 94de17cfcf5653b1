from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.cache import KeyMaker, SharedKeyMaker
from lipiyana.types import (
    SCENE_CONFIDENCE,
    CachePolicy,
    Feature,
    Layout,
    PixelFormat,
    RawImage,
    RecognitionConfig,
)

KEYS = KeyMaker("plan", seed=1)
SHARED_KEYS = SharedKeyMaker("plan", namespace="site", secret=b"secret")
CONFIG = RecognitionConfig()


@pytest.mark.parametrize("maker", [KEYS, SHARED_KEYS])
def test_every_difference_that_matters_changes_the_key(maker: KeyMaker | SharedKeyMaker) -> None:
    raw = RawImage(b"123456", 2, 1)
    requests: list[tuple[bytes | RawImage, RecognitionConfig]] = [
        (b"a", CONFIG),
        (b"b", CONFIG),
        (b"", CONFIG),
        (raw, CONFIG),
        (raw.data, CONFIG),
        (replace(raw, width=1, height=2), CONFIG),
        (replace(raw, pixel_format=PixelFormat.BGR8), CONFIG),
        (b"a", replace(CONFIG, features=frozenset({Feature.TEXT}))),
        (b"a", replace(CONFIG, features=frozenset({Feature.TEXT, Feature.PLATES}))),
        (b"a", replace(CONFIG, layout=Layout.LINE)),
        (b"a", replace(CONFIG, script_hints=("Deva",))),
        (b"a", replace(CONFIG, script_hints=("Deva", "Beng"))),
        (b"a", replace(CONFIG, script_hints=("Beng", "Deva"))),
        (b"a", replace(CONFIG, min_confidence=0.1)),
        (b"a", replace(CONFIG, romanize=True)),
        (b"a", replace(CONFIG, words=True)),
    ]
    keys = {maker.key(image, config) for image, config in requests}
    assert len(keys) == len(requests)


def test_the_cache_policy_and_stated_defaults_do_not_change_the_key() -> None:
    bypass = replace(CONFIG, cache_policy=CachePolicy.BYPASS)
    assert KEYS.key(b"a", CONFIG) == KEYS.key(b"a", bypass)
    assert SHARED_KEYS.key(b"a", CONFIG) == SHARED_KEYS.key(b"a", bypass)
    said = replace(CONFIG, min_confidence=SCENE_CONFIDENCE)
    assert KEYS.key(b"a", CONFIG) == KEYS.key(b"a", said)
    assert len(KEYS.key(b"a", CONFIG)) == 16
    assert KEYS.key(b"a", CONFIG) == KeyMaker("plan", seed=1).key(b"a", RecognitionConfig())


def test_models_and_limits_are_part_of_the_key() -> None:
    assert KEYS.key(b"a", CONFIG) != KeyMaker("other plan", seed=1).key(b"a", CONFIG)


def test_each_process_has_its_own_seed() -> None:
    assert KeyMaker("plan").key(b"a", CONFIG) != KeyMaker("plan").key(b"a", CONFIG)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_pictures_that_differ_have_other_keys(first: bytes, second: bytes) -> None:
    assert (KEYS.key(first, CONFIG) == KEYS.key(second, CONFIG)) == (first == second)


def test_servers_that_share_a_secret_have_the_same_keys() -> None:
    key = SHARED_KEYS.key(b"a", CONFIG)
    assert re.fullmatch(r"site:1:[0-9a-f]{64}", key)
    assert SharedKeyMaker("plan", namespace="site", secret=b"secret").key(b"a", CONFIG) == key
    for plan, namespace, secret in (
        ("other", "site", b"secret"),
        ("plan", "other", b"secret"),
        ("plan", "site", b"other"),
        ("plan", "site", b""),
    ):
        other = SharedKeyMaker(plan, namespace=namespace, secret=secret).key(b"a", CONFIG)
        assert other.rpartition(":")[2] != key.rpartition(":")[2]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_pictures_that_differ_have_other_shared_keys(first: bytes, second: bytes) -> None:
    keys = SHARED_KEYS.key(first, CONFIG), SHARED_KEYS.key(second, CONFIG)
    assert (keys[0] == keys[1]) == (first == second)
