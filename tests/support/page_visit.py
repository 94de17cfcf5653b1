"""A visit of the page in a real browser, with what it must never do recorded."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipiyana.server import RecognitionServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 30_000
"""Milliseconds that Playwright waits for what a test expects."""

_REFUSED = "Failed to load resource"


def script(name: str) -> str:
    """A function that the page runs: a file of `scripts` beside the tests."""
    folder = Path(__file__).parents[1] / "server" / "http" / "browser" / "scripts"
    return (folder / f"{name}.js").read_text("utf-8")


def chromium() -> str | None:
    """Find a Chromium of this system."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@dataclass
class Visit:
    """A page, and what happened on it.

    Attributes:
        page: Playwright's page.
        origin: where the page comes from.
        refusals: statuses of answers that the test expects; a browser logs them as errors.
    """

    page: Page
    origin: str
    refusals: set[int] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def bring(self, *files: tuple[str, bytes], how: str = "drop", kind: str = "image/png") -> None:
        """Drop or paste files, (name, contents)."""
        packed = [
            {"name": name, "type": kind, "data": b64encode(data).decode()} for name, data in files
        ]
        self.page.evaluate(script("bring_files"), [packed, how])

    def choose(self, *files: tuple[str, bytes], button: str = "Choose pictures") -> None:
        """Choose files in the dialog of the system."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=button).click()
        chooser.value.set_files(
            [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
        )

    def wait_for_marks(self, count: int | None = None) -> None:
        """Wait until a picture is shown with its marks."""
        self.page.wait_for_selector("#lists .row")
        self.page.wait_for_selector(".overlay .mark", state="attached")
        if count is not None:
            self.until("n => document.querySelectorAll('.overlay .mark').length === n", count)

    def until(self, holds: str, argument: object = None) -> None:
        """Wait until a function of JavaScript is true on the page."""
        self.page.evaluate(script("until"), [holds, argument])

    def rows(self) -> Sequence[str]:
        """What the lists say to who hears them."""
        return [
            row.get_attribute("aria-label") or "" for row in self.page.locator("#lists .row").all()
        ]

    def check(self) -> None:
        """Fail if the page loaded from elsewhere, stored something, or complained."""
        own = (self.origin, f"blob:{self.origin}", self.origin.replace("http", "ws"), "data:")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert self.page.context.cookies() == []
        assert self.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
        assert self.page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
        assert self.complaints == []


@contextmanager
def visiting(
    browser: Browser, server: RecognitionServer, *, says_ready: bool = True, **context: Any
) -> Iterator[Visit]:
    """Open the page in a context of its own, and check the visit at its end.

    Args:
        browser: opens it.
        server: serves it.
        says_ready: whether to wait until the page knows the server.
        context: options of the browser's context.
    """
    origin = f"http://127.0.0.1:{server.http_port}"
    options: dict[str, Any] = {"viewport": {"width": 1360, "height": 900}} | context
    opened = browser.new_context(**options)
    opened.set_default_timeout(PATIENCE)
    page = opened.new_page()
    visit = Visit(page, origin)

    def hear(message: Any) -> None:
        status = next((word for word in message.text.split() if word.isdecimal()), "0")
        if message.type == "error" and not (
            message.text.startswith(_REFUSED) and int(status) in visit.refusals
        ):
            visit.complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("websocket", lambda socket: visit.requests.append(socket.url))

    def violated(said: str) -> None:
        visit.complaints.append(said)

    opened.expose_function("tellOfViolation", violated)
    opened.add_init_script(
        "addEventListener('securitypolicyviolation', (event) =>"
        " tellOfViolation(`${event.violatedDirective} ${event.blockedURI}`))"
    )
    try:
        page.goto(origin)
        if says_ready:
            page.wait_for_selector("#server[data-state=ready]")
        yield visit
        visit.check()
    finally:
        opened.close()
