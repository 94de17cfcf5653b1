from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lipiyana.errors import InvalidRequest
from lipiyana.words import fraction, shortest_float32, unknown_word, word, words

KNOWN = {"scene": 1, "line": 2, "plate": 3}


def attempt(make: Callable[[], float]) -> float | InvalidRequest:
    try:
        return make()
    except InvalidRequest as error:
        return error


@given(st.floats(width=32))
def test_the_shortest_float_is_the_same_in_32_bits(value: float) -> None:
    assert struct.pack("<f", shortest_float32(value)) == struct.pack("<f", value)


@given(st.floats(0, 1))
@example(1e-50)
@example(1.1e-45)
@example(1 / 3)
def test_rounding_twice_changes_nothing(value: float) -> None:
    once = fraction(value, "x")
    assert fraction(once, "x") == once
    assert abs(once - value) < 1e-7


def test_decimals_stay_as_they_were_written() -> None:
    on_the_wire = struct.unpack("<f", struct.pack("<f", 0.3))[0]
    assert (on_the_wire == 0.3, shortest_float32(on_the_wire)) == (False, 0.3)


@pytest.mark.parametrize("given", [0, 1, 0.5, np.float32(0.5), np.int64(1), Fraction(1, 2)])
def test_real_numbers_of_any_kind(given: Any) -> None:
    assert fraction(given, "x") == given
    assert type(fraction(given, "x")) is float


@given(st.from_type(object) | st.floats() | st.integers() | st.text())
@example(10**400)
@example(-(10**400))
@example(Fraction(10**400, 3))
@example(True)
@example(0.5 + 0j)
def test_any_value_is_a_fraction_or_refused(value: Any) -> None:
    found = attempt(lambda: fraction(value, "x"))
    if isinstance(found, InvalidRequest):
        assert found.field == "x"
    else:
        assert 0 <= found <= 1


@given(st.text(max_size=8) | st.sampled_from(sorted(KNOWN)) | st.from_type(object))
def test_a_word_is_known_or_refused(value: Any) -> None:
    found = attempt(lambda: word(value, KNOWN, "layout"))
    if isinstance(found, InvalidRequest):
        assert found.field == "layout"
        assert all(known in found.message for known in KNOWN)
    else:
        assert KNOWN[value] == found


@pytest.mark.parametrize(
    ("given", "meant"),
    [("plat", "plate"), ("SCENE", "scene"), (" line ", "line"), ("film", None), (5, None)],
)
def test_the_nearest_word_is_named(given: Any, meant: str | None) -> None:
    message = unknown_word(given, KNOWN, "layout")
    assert ("Did you mean" in message) == (meant is not None)
    assert meant is None or message.endswith(f"Did you mean {meant!r}?")


def test_several_words_are_found_once_each() -> None:
    assert words(iter(["plate", "line", "plate"]), KNOWN, "x") == (3, 2)
    assert words([], KNOWN, "x") == words((), KNOWN, "x") == words(iter(()), KNOWN, "x") == ()


@pytest.mark.parametrize(
    ("given", "write"),
    [
        ("line", 'x=["line"]'),
        ("line, plate", 'x=["line", "plate"]'),
        ("page", 'x=["scene"]'),
        (b"line", 'x=["scene"]'),
        (None, 'x=["scene"]'),
        (3, 'x=["scene"]'),
    ],
)
def test_one_word_is_not_several(given: Any, write: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        words(given, KNOWN, "x")
    assert caught.value.message.endswith(f"write {write}")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("given", ["x" * 10**6, list(range(10**5)), Unprintable()])
def test_messages_stay_short(given: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        word(given, KNOWN, "layout")
    assert len(caught.value.message) < 200
