"""One server and one browser for all tests of the page; each test has a context of its own.

At the end of each test: nothing was loaded from elsewhere, nothing was stored, the policy of the
page was kept, and the console has no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from needs import BROWSER
from page_fake import PageRecognizer
from page_visit import PATIENCE, Visit, chromium, visiting

from lipiyana.server import RecognitionServer, ServerSettings, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium with a camera that shows a test picture. Ends before asyncio tests of others."""
    driver = pytest.importorskip("playwright.sync_api", reason=BROWSER)
    driver.expect.set_options(timeout=PATIENCE)
    path = chromium()
    if path is None:
        pytest.skip(BROWSER)
    with driver.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",  # needed by root, as in containers
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield running
        running.close()


@pytest.fixture(scope="package")
def page_recognizer() -> PageRecognizer:
    return PageRecognizer()


@pytest.fixture(scope="package")
def page_server(page_recognizer: PageRecognizer) -> Iterator[RecognitionServer]:
    settings = ServerSettings(port=0, http_port=0, threads=2, max_message_bytes=2_000_000)
    with running_server(page_recognizer, settings) as running:
        yield running
        page_recognizer.release()


@pytest.fixture
def recognizer_of_page(page_recognizer: PageRecognizer) -> Iterator[PageRecognizer]:
    """The recognizer behind the page, as new."""
    page_recognizer.forget()
    yield page_recognizer
    page_recognizer.release()


@pytest.fixture
def visit(browser: Browser, page_server: RecognitionServer) -> Iterator[Visit]:
    """The page on a wide screen."""
    with visiting(browser, page_server) as opened:
        yield opened
