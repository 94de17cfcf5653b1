from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.conversions.visible_text import path_of, printable


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"photos/0001.jpg", "photos/0001.jpg"),
        ("बस/१.jpg".encode(), "बस/१.jpg"),
        (b"caf\xe9.jpg", "caf%E9.jpg"),
        (b"50%.jpg", "50%.jpg"),
        (b"my%20car.jpg", "my%20car.jpg"),
        (b"%E9.jpg", "%25E9.jpg"),
        (b"%e9.jpg", "%e9.jpg"),
        (b"%25.jpg", "%2525.jpg"),
        (b"%\xe9", "%%E9"),
        (b"line\nfeed.jpg", "line\nfeed.jpg"),
    ],
)
def test_a_path_is_escaped_as_documented(raw: bytes, text: str) -> None:
    assert printable(os.fsdecode(raw)) == text


@given(st.binary() | st.lists(st.sampled_from([b"%", b"2", b"5", b"E", b"\xe9"])).map(b"".join))
def test_every_path_round_trips(raw: bytes) -> None:
    text = printable(os.fsdecode(raw))
    assert text.encode().decode() == text
    assert os.fsencode(path_of(text)) == raw


def test_a_name_that_no_file_can_have_is_written_too() -> None:
    assert printable("a\ud800.jpg") == "a\\ud800.jpg"
