from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest, Unauthenticated
from lipiyana.server.security.tokens import Tokens, read_keys


def table(name: str, token: str, more: str = "") -> str:
    return f'[{name}]\nsha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n{more}\n'


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tokens.toml"
    file.write_text(table("gate", "one", "pictures_per_second = 5") + table("depot", "two"))
    return file


def test_a_token_identifies_its_key(path: Path) -> None:
    tokens = Tokens(path)
    gate = tokens.authenticate(bearer("one"))
    assert gate.name == "gate"
    assert gate.bucket is not None
    assert (gate.bucket.rate, gate.bucket.burst) == (5, 5)
    depot = tokens.authenticate({"authorization": "bearer two"})
    assert (depot.name, depot.bucket) == ("depot", None)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "TOKEN_MISSING"),
        ({"authorization": "Basic b25l"}, "TOKEN_MISSING"),
        ({"authorization": "Bearer "}, "TOKEN_MISSING"),
        (bearer("three"), "TOKEN_UNKNOWN"),
        (bearer(hashlib.sha256(b"one").hexdigest()), "TOKEN_UNKNOWN"),
    ],
)
def test_other_tokens_are_refused(path: Path, metadata: dict[str, str], reason: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        Tokens(path).authenticate(metadata)
    assert caught.value.reason == reason
    assert "one" not in caught.value.message


def test_a_changed_file_is_read_again(path: Path) -> None:
    tokens = Tokens(path)
    before = tokens.authenticate(bearer("one"))
    path.write_text(path.read_text() + table("new", "three"))
    assert tokens.authenticate(bearer("three")).name == "new"
    assert (
        tokens.authenticate(bearer("one")) is before
    )  # the same object, with its rate-limit state
    new = path.with_name("new.toml")
    new.write_text(table("gate", "four", "pictures_per_second = 6"))
    new.replace(path)
    assert tokens.authenticate(bearer("four")).name == "gate"
    for gone in ("one", "two", "three"):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(bearer(gone))


def test_a_broken_file_leaves_the_old_tokens_valid(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens(path)
    path.write_text("[gate")
    assert tokens.authenticate(bearer("one")).name == "gate"
    path.unlink()
    assert tokens.authenticate(bearer("one")).name == "gate"
    assert caplog.text.count("the old tokens stay in use") == 2


def test_a_pipe_in_its_place_leaves_the_old_tokens_valid(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens(path)
    whole = path.read_text()
    path.unlink()
    os.mkfifo(path)
    assert tokens.authenticate(bearer("one")).name == "gate"
    assert "the old tokens stay in use" in caplog.text
    path.unlink()
    path.write_text(whole + table("new", "three"))
    assert tokens.authenticate(bearer("three")).name == "new"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "Expected"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = 1", "a must be a table: the line [a]"),
        ("[a]", "[a] needs sha256"),
        ('[a]\nsha256 = "secret"', "64 hexadecimal digits"),
        (table("a", "t", "pictures_per_second = 0"), "above 0"),
        (table("a", "t", "pictures_per_second = inf"), "above 0"),
        (table("a", "t", "burst = true\npictures_per_second = 1"), "burst must be a number"),
        (table("a", "t", "burst = 3"), "no pictures_per_second"),
        (table("a", "t", "rate = 3"), "not rate"),
        (table('"a b"', "t"), "a key's name"),
    ],
)
def test_invalid_files_are_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        read_keys(file)
    assert says in caught.value.message
    assert (caught.value.field, caught.value.reason) == ("tokens", "INVALID_SETTINGS")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no such file"):
        Tokens(tmp_path / "none")


def test_a_file_without_keys_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "tokens.toml"
    file.touch()
    tokens = Tokens(file)
    assert f"{file} has no key: every call is refused" in caplog.text
    with pytest.raises(Unauthenticated):
        tokens.authenticate(bearer("one"))
