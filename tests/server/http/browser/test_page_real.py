"""The page with the real models, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from needs import BROWSER
from page_visit import Visit, visiting

from lipiyana.pipeline import LocalRecognizer
from lipiyana.samples import sample_folder
from lipiyana.server import ServerSettings, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect


@pytest.fixture
def real(browser: Browser, recognizer: LocalRecognizer) -> Iterator[Visit]:
    settings = ServerSettings(port=0, http_port=0, threads=1)
    with running_server(recognizer, settings) as server, visiting(browser, server) as opened:
        yield opened


def test_a_street_is_read(real: Visit) -> None:
    path = sample_folder() / "scenes" / "01_sweet_shop_delhi.jpg"
    real.bring((path.name, path.read_bytes()), kind="image/jpeg")
    real.wait_for_marks()
    lists = real.page.locator("#lists")
    for text in ("DL10R9956", "auto rickshaw", "श्री गणेश मिष्ठान भंडार", "CHEMIST", "Delhi"):
        expect(lists).to_contain_text(text)
    expect(real.page.locator(".overlay")).to_contain_text("DL10R9956")
    expect(real.page.locator("#how tr")).not_to_have_count(0)
