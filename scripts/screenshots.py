"""Make the pictures of docs/assets from samples/, and measure how long the page takes.

    python scripts/screenshots.py            # writes docs/assets/page-*.jpg
    python scripts/screenshots.py --time     # writes the times into docs/guides/page.md

Needs the extras `server` and `http`, the dependency group `browser`, and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, sync_playwright

from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "docs" / "assets"
GUIDE = ROOT / "docs" / "guides" / "page.md"
BEGIN, END = "<!-- times: written by scripts/screenshots.py -->", "<!-- end of times -->"

LARGEST = 150_000  # bytes of a picture
RUNS = 5

STREET = "02_highway_bengaluru.jpg"
SIGN = "01_sweet_shop_delhi.jpg"
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
}

DROP = """async (name) => {
    const blob = await (await fetch(`samples/${name}`)).blob();
    const bag = new DataTransfer();
    bag.items.add(new File([blob], name, { type: blob.type }));
    performance.clearResourceTimings();
    const drawn = new Promise((done) => {
        new MutationObserver((_, observer) => {
            if (!document.querySelector(".overlay .mark")) return;
            observer.disconnect();
            requestAnimationFrame(() => done(performance.now()));
        }).observe(document.querySelector("#work"), { childList: true, subtree: true });
    });
    const begun = performance.now();
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: bag, bubbles: true }));
    const seconds = ((await drawn) - begun) / 1000;
    const calls = performance.getEntriesByType("resource");
    const { duration } = calls.find((call) => call.name.includes("recognize"));
    return [seconds, duration / 1000];
}"""


def main() -> int:
    """Run one of the two jobs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", action="store_true", help="measure instead")
    asked = parser.parse_args()
    settings = ServerSettings(port=0, http_port=0)
    with running_server(LocalRecognizer(), settings) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        address = f"http://127.0.0.1:{server.http_port}/"
        if asked.time:
            write_times(browser, address)
        else:
            ASSETS.mkdir(exist_ok=True)
            take(browser, address, WIDE, STREET, "page-street.jpg")
            take(browser, address, PHONE, SIGN, "page-sign.jpg")
        browser.close()
    return 0


def opened(browser: Browser, address: str, options: dict[str, Any]) -> Page:
    """Open the page and wait until it is ready."""
    page = browser.new_context(**options).new_page()
    page.goto(address)
    page.wait_for_selector("#server[data-state=ready]")
    page.wait_for_selector(".sample")
    return page


def take(browser: Browser, address: str, options: dict[str, Any], sample: str, name: str) -> None:
    """Read a sample and save what the page shows then, as sharp as the size allows."""
    page = opened(browser, address, options)
    page.evaluate(DROP, sample)
    page.locator("#frame img").wait_for()
    page.evaluate("document.querySelector('#frame img').decode()")
    if options is PHONE:
        page.locator("#queue").evaluate("(queue) => queue.scrollIntoView()")
    path = ASSETS / name
    for quality in range(88, 40, -4):
        page.screenshot(path=path, type="jpeg", quality=quality)
        if path.stat().st_size < LARGEST:
            break
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes, quality {quality}")  # noqa: T201
    page.context.close()


def write_times(browser: Browser, address: str) -> None:
    """Measure from the drop to the drawn marks; write a table."""
    page = opened(browser, address, WIDE)
    page.get_by_text("Options", exact=True).click()
    page.locator("[name=bypass]").check()
    runs = []
    for _ in range(RUNS + 1):  # the first one warms up
        runs.append(page.evaluate(DROP, STREET))
        page.locator("#clear").click()
    total, call = (statistics.median(values) for values in zip(*runs[1:], strict=True))
    own = statistics.median(all_of - server for all_of, server in runs[1:])
    weight = sum(
        path.stat().st_size
        for path in (ROOT / "src/lipiyana/server/http/page").rglob("*")
        if path.is_file()
    )
    table = (
        "| | |\n|---|---:|\n"
        f"| from drop to boxes | {total:.2f} s |\n"
        f"| of it the call of the server | {call:.2f} s |\n"
        f"| of it the page itself | {own * 1000:.0f} ms |\n"
        f"| files of the page | {weight / 1000:.0f} kB |"
    )
    text = GUIDE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    GUIDE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")
    print(table)  # noqa: T201
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
