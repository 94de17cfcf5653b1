"""A server that asks for a key: a field, kept in memory; an expired key is asked for again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from needs import BROWSER
from page_fake import PageRecognizer, picture
from page_visit import Visit, visiting

from lipiyana.server import RecognitionServer, ServerSettings, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect

FIRST, SECOND = "first-key-of-the-gate", "second-key-of-the-gate"


def allow(path: Path, key: str) -> None:
    path.write_text(f'[gate]\nsha256 = "{hashlib.sha256(key.encode()).hexdigest()}"\n', "utf-8")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "tokens.toml"
    allow(path, FIRST)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def guarded(tokens: Path) -> Iterator[RecognitionServer]:
    settings = ServerSettings(port=0, http_port=0, threads=1, tokens=tokens)
    with running_server(PageRecognizer(), settings) as running:
        yield running


@pytest.fixture
def gate(browser: Browser, guarded: RecognitionServer, tokens: Path) -> Iterator[Visit]:
    """The page of a server that knows the first key."""
    allow(tokens, FIRST)
    with visiting(browser, guarded, says_ready=False) as opened:
        opened.refusals = {401}
        yield opened


def give(visit: Visit, key: str) -> None:
    expect(visit.page.get_by_role("dialog")).to_be_visible()
    expect(visit.page.locator("#key-field")).to_be_focused()
    visit.page.keyboard.type(key)
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#key-field")).to_have_value("")


def test_a_key_is_asked_for_and_kept_in_memory_only(gate: Visit) -> None:
    give(gate, FIRST)
    expect(gate.page.get_by_role("dialog")).to_be_hidden()
    expect(gate.page.locator("#server")).to_contain_text("ready")
    gate.bring(("a.png", picture(colour=(30, 0, 0))))
    gate.wait_for_marks(7)
    assert FIRST not in gate.page.content()
    gate.page.reload()
    expect(gate.page.get_by_role("dialog")).to_be_visible()
    gate.page.keyboard.press("Escape")


def test_a_wrong_key_is_asked_for_again(gate: Visit) -> None:
    give(gate, "wrong")
    expect(gate.page.locator("#key-why")).not_to_be_empty()
    give(gate, FIRST)
    expect(gate.page.locator("#server")).to_contain_text("ready")


def test_the_prompt_speaks_of_keys_alone(gate: Visit) -> None:
    said = []
    for key in ("wrong", FIRST):
        expect(gate.page.locator("#key-why")).to_contain_text("key" if key == FIRST else "Write")
        said.append(gate.page.locator("body").inner_text())
        give(gate, key)
    expect(gate.page.locator("#server")).to_contain_text("ready")
    assert not [text for text in said if re.search("token|bearer|authorization", text, re.I)]


def test_a_picture_behind_the_prompt_waits(gate: Visit, tokens: Path) -> None:
    give(gate, FIRST)
    expect(gate.page.locator("#server")).to_contain_text("ready")
    allow(tokens, SECOND)
    gate.bring(*((f"{at}.png", picture(colour=(33, 0, at))) for at in range(3)))
    items = gate.page.locator("#items li")
    expect(gate.page.locator("#items li[data-state=locked]")).to_have_count(2)
    expect(gate.page.locator("#items li[data-state=waiting]")).to_have_count(1)
    expect(items.nth(0).locator(".state")).to_have_text("waiting for the key")
    expect(gate.page.locator("#items progress:visible")).to_have_count(0)
    give(gate, SECOND)
    expect(gate.page.locator("#queue-count")).to_have_text("3 of 3 done")


def test_an_expired_key_is_asked_for_again_and_the_pictures_go_on(
    gate: Visit, tokens: Path
) -> None:
    give(gate, FIRST)
    expect(gate.page.locator("#server")).to_contain_text("ready")
    allow(tokens, SECOND)
    gate.bring(
        ("a.png", picture(colour=(31, 0, 0))),
        ("b.png", picture(colour=(31, 0, 1))),
        ("c.png", picture(colour=(31, 0, 2))),
    )
    give(gate, SECOND)
    expect(gate.page.locator("#queue-count")).to_have_text("3 of 3 done")
    gate.wait_for_marks(7)


def test_who_gives_no_key_is_told(gate: Visit) -> None:
    expect(gate.page.get_by_role("dialog")).to_be_visible()
    gate.page.get_by_role("button", name="Not now").click()
    expect(gate.page.locator("#server")).to_have_text("asks for a key")
    gate.bring(("a.png", picture(colour=(32, 0, 0))))
    expect(gate.page.get_by_role("dialog")).to_be_visible()
    gate.page.keyboard.press("Escape")
    expect(gate.page.locator("#items .note")).to_contain_text("The server asks for a key")
    gate.page.get_by_role("button", name="Try a.png again").click()
    give(gate, FIRST)
    gate.wait_for_marks(7)


def test_a_camera_asks_for_the_key_too(gate: Visit) -> None:
    gate.page.get_by_role("button", name="Not now").click()
    gate.page.context.grant_permissions(["camera"])
    gate.page.get_by_role("button", name="Camera").click()
    give(gate, FIRST)
    gate.wait_for_marks()
    gate.page.get_by_role("button", name="Stop").click()
