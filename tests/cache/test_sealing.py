from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from served_fake import recognition

from lipiyana.cache import Sealer, cacheable
from lipiyana.types import Recognition

VALUE = cacheable(recognition("a"))
SEALED = Sealer(b"secret").seal("key", VALUE)


def test_what_was_sealed_opens() -> None:
    assert Sealer(b"secret").open("key", SEALED) == VALUE
    assert Sealer(b"").open("key", Sealer(b"").seal("key", VALUE)) == VALUE


def test_not_with_another_key_or_secret() -> None:
    assert Sealer(b"secret").open("other", SEALED) is None
    assert Sealer(b"other").open("key", SEALED) is None
    assert Sealer(b"").open("key", SEALED) is None


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_seen(place: int, change: int) -> None:
    damaged = bytearray(SEALED)
    damaged[place] ^= change
    assert Sealer(b"secret").open("key", bytes(damaged)) is None


@given(st.integers(0, len(SEALED) - 1))
def test_so_is_an_end_that_is_missing(length: int) -> None:
    assert Sealer(b"secret").open("key", SEALED[:length]) is None


@given(st.binary(max_size=200))
def test_rubbish_is_nothing(data: bytes) -> None:
    sealer = Sealer(b"secret")
    assert sealer.open("key", data) is None
    assert sealer.open("key", SEALED + data) == (None if data else VALUE)


@given(st.binary(max_size=60))
def test_a_message_that_says_nothing_good_is_nothing(message: bytes) -> None:
    """Somebody who has the secret may write another version's messages."""
    sealer = Sealer(b"secret")
    code = sealer._code("key", message)
    assert isinstance(sealer.open("key", SEALED[:4] + code + message), Recognition | None)
