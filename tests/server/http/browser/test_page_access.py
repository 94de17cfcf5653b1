"""The page for everybody: keyboard, narrow screens, dark and light; and what it may load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from needs import BROWSER
from page_fake import VALID, picture
from page_visit import Visit, script, visiting

import lipiyana
from lipiyana.server import RecognitionServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect

PAGE = Path(lipiyana.__file__).parent / "server" / "http" / "page"
FILES = [path for path in PAGE.rglob("*") if path.is_file()]
DARK, LIGHT = "rgb(20, 22, 26)", "rgb(246, 245, 242)"

SMALL_TARGETS = script("small_targets")
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = script("nameless")


def test_the_page_is_light() -> None:
    assert len(FILES) > 20
    assert sum(path.stat().st_size for path in FILES) < 100_000


def test_the_files_load_nothing_from_elsewhere_and_have_nothing_inline() -> None:
    for path in FILES:
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.search(r"https?://", text) is None, path
        assert "innerHTML" not in text, path
        assert "Storage" not in text, path
        assert "document.cookie" not in text, path
    html = (PAGE / "index.html").read_text("utf-8")
    assert re.search(r"<style|\sstyle=|\son\w+=", html) is None
    assert re.findall(r"<script[^>]*>(?!</script>)", html) == []


def test_what_a_visit_loads(visit: Visit) -> None:
    weights = visit.page.evaluate(script("loaded_files"))
    assert len(weights) > 20
    assert sum(size for _, size in weights) < 100_000


def test_the_keyboard_reaches_everything(visit: Visit) -> None:
    page = visit.page
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        said = page.evaluate(script("focus_ring"))
        if said is None:  # behind the last part of the page
            break
        seen.append(said)
    names = [name for name, _, _ in seen]
    for name in (
        "Skip to the results",
        "Choose pictures",
        "Camera",
        "Video file",
        "Options",
        "Samples",
    ):
        assert name in names
    assert [name for name, style, width in seen if style == "none" or width < 2] == []


def test_a_walk_by_keyboard_alone(visit: Visit) -> None:
    """A sample is chosen, its results are walked, filtered and copied, without a pointer."""
    page = visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def go_to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"the Tab key does not reach {selector}")

    go_to(".sample")
    page.keyboard.press("Enter")
    visit.wait_for_marks(7)
    go_to("#copy-json")
    page.keyboard.press("Space")
    expect(page.locator("#caption")).to_have_text("The JSON is in the clipboard.")
    go_to("[name=kind][value=vehicle]")
    page.keyboard.press("Space")
    expect(page.locator(".overlay .mark")).to_have_count(5)
    go_to("[name=confidence]")
    page.keyboard.press("End")
    expect(page.locator("#lists .row")).to_have_count(0)
    page.keyboard.press("Home")
    go_to(".list.plate .row")
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", "p0")
    page.keyboard.press("End")
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", "p1")
    go_to(".list.line .row")
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", "t0")
    go_to("#details summary")
    page.keyboard.press("Enter")
    expect(page.locator("#how table")).to_be_visible()


def test_results_are_announced_and_everything_has_a_name(visit: Visit) -> None:
    visit.bring(("street.png", picture(colour=(40, 0, 0))))
    visit.wait_for_marks(7)
    expect(visit.page.get_by_role("status").filter(has_text="2 registrations")).to_have_count(1)
    assert visit.page.locator("#news").get_attribute("aria-live") == "polite"
    assert visit.page.evaluate(NAMELESS) == []
    tree = visit.page.locator("#results").aria_snapshot()
    assert 'heading "Registrations"' in tree
    assert f'group "{VALID}, valid, confidence 97 % that the registration is right"' in tree


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone(browser: Browser, page_server: RecognitionServer, width: int) -> None:
    screen = {"width": width, "height": 844}
    with visiting(
        browser, page_server, viewport=screen, has_touch=True, is_mobile=True,
        device_scale_factor=2,
    ) as visit:  # fmt: skip
        assert visit.page.evaluate(OVERFLOW) == 0
        assert visit.page.evaluate(SMALL_TARGETS) == []
        visit.bring(
            (
                "a-picture-with-a-very-long-name-that-has-no-space-in-it-at-all.png",
                picture(colour=(41, width % 256, 0)),
            ),
            ("b.png", b"not a picture"),
        )
        visit.refusals = {400}
        visit.wait_for_marks(7)
        expect(visit.page.locator("#items li[data-state=failed]")).to_have_count(1)
        for summary in visit.page.locator("summary").all():
            if summary.evaluate("(one) => !one.parentElement.open"):
                summary.tap()
        assert visit.page.evaluate(OVERFLOW) == 0
        assert visit.page.evaluate(SMALL_TARGETS) == []
        visit.page.locator('.row[data-mark="v1"]').tap()
        expect(visit.page.locator(".mark.lit")).to_have_attribute("data-mark", "v1")


@pytest.mark.parametrize(("scheme", "ground"), [("dark", DARK), ("light", LIGHT)])
def test_dark_and_light(
    browser: Browser, page_server: RecognitionServer, scheme: str, ground: str
) -> None:
    with visiting(browser, page_server, color_scheme=scheme) as visit:
        page = visit.page.locator(":root")
        expect(page).to_have_css("background-color", ground)
        button = visit.page.get_by_role("button", name="Theme")
        grounds = {"dark": DARK, "light": LIGHT, "system": ground}
        for theme in ("dark", "light", "system"):
            button.click()
            expect(button).to_have_text(f"Theme: {theme}")
            expect(page).to_have_css("background-color", grounds[theme])


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_is_legible(browser: Browser, page_server: RecognitionServer, scheme: str) -> None:
    """Contrast of every text of the results with what is behind it: 4.5, as WCAG 2 asks."""
    with visiting(browser, page_server, color_scheme=scheme) as visit:
        visit.bring(("street.png", picture(colour=(42, len(scheme), 0))))
        visit.wait_for_marks(7)
        visit.page.locator("h1").hover()
        poor = visit.page.evaluate(script("contrasts_of_text"))
        assert poor == []


def test_motion_is_reduced(browser: Browser, page_server: RecognitionServer) -> None:
    with visiting(browser, page_server, reduced_motion="reduce") as visit:
        visit.bring(("street.png", picture(colour=(43, 0, 0))))
        visit.wait_for_marks(7)
        visit.page.locator("#work").evaluate("(work) => { work.dataset.state = 'reading'; }")
        moving = (
            """() => getComputedStyle(document.querySelector('#frame'), '::after').animationName"""
        )
        assert visit.page.evaluate(moving) == "none"
    with visiting(browser, page_server, reduced_motion="no-preference") as visit:
        visit.bring(("street.png", picture(colour=(43, 0, 1))))
        visit.wait_for_marks(7)
        visit.page.locator("#work").evaluate("(work) => { work.dataset.state = 'reading'; }")
        assert visit.page.evaluate(moving) == "run"


def test_the_policy_of_the_page_is_strict(visit: Visit) -> None:
    answer = visit.page.request.get(visit.origin)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_documentation_of_the_api_needs_nothing_from_elsewhere(visit: Visit) -> None:
    """Its assets come from the server; `Visit.check` fails for what the policy forbids."""
    page = visit.page
    page.goto(f"{visit.origin}/docs")
    expect(page.get_by_role("heading", name="POST /v1/recognize", exact=True)).to_be_visible()
    expect(page.locator("body")).to_have_css("max-width", "960px")
    page.get_by_role("link", name="openapi.json").click()
    expect(page.locator("body")).to_contain_text('"openapi"')
    assert {url.removeprefix(visit.origin) for url in visit.requests} >= {
        "/docs", "/docs/style.css", "/openapi.json",
    }  # fmt: skip
