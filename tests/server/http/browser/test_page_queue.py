"""Several pictures: progress, cancelling, errors one by one, limits, a busy or slow server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from needs import BROWSER
from page_fake import BAD, BUG, BUSY, PageRecognizer, picture
from page_visit import Visit
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Route

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect


def noise(width: int, height: int, seed: int) -> bytes:
    """A picture that no format makes small."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return picture(width, height, draw=lambda image: image.paste(Image.fromarray(pixels)))


def test_a_bad_file_among_good_ones(visit: Visit) -> None:
    visit.refusals = {400, 500}
    visit.bring(
        ("one.png", picture(colour=(20, 0, 1))),
        ("bad.png", picture(BAD, 200)),
        ("not.png", b"not a picture"),
        ("bug.png", picture(BUG, 200)),
        ("two.png", picture(colour=(20, 0, 2))),
    )
    page = visit.page
    expect(page.locator("#queue-count")).to_have_text("5 of 5 done, 3 failed")
    expect(page.locator("#items li[data-state=done]")).to_have_count(2)
    failed = page.locator("#items li[data-state=failed]")
    expect(failed.nth(0).locator(".note")).to_have_text("the picture ends before its end")
    notes = [note.strip() for note in failed.locator(".note").all_text_contents()]
    assert len(set(notes)) == 3
    assert min(map(len, notes)) > 10
    assert not any("{" in note or "Traceback" in note for note in notes)
    expect(page.locator("#news")).to_contain_text("5 of 5 done")


def test_files_that_need_not_be_sent(visit: Visit, recognizer_of_page: PageRecognizer) -> None:
    visit.bring(("empty.png", b""), ("large.png", b"x" * 3_000_000))
    visit.bring(("notes.txt", b"text"), kind="text/plain")
    notes = visit.page.locator("#items li[data-state=failed] .note")
    expect(notes).to_have_count(3)
    empty, large, text = notes.all_text_contents()
    assert empty == "This file is empty."
    assert large == "This picture has 2.9 MiB; the server takes 1.9 MiB. It was not sent."
    assert text == "This is no picture (text/plain). It was not sent."
    expect(visit.page.get_by_role("button", name="Try large.png again")).to_be_hidden()
    assert not [url for url in visit.requests if "recognize" in url]
    assert recognizer_of_page.computed == []


def test_pictures_are_cancelled(visit: Visit, recognizer_of_page: PageRecognizer) -> None:
    recognizer_of_page.hold()
    files = [(f"{number}.png", picture(colour=(21, 0, number))) for number in range(5)]
    visit.bring(*files)
    page = visit.page
    recognizer_of_page.wait_for(files[0][1])
    expect(page.locator("#items li[data-state=waiting]")).to_have_count(3)
    expect(page.locator("#items li[data-state=waiting] .state").first).to_have_text("waiting")
    expect(page.locator("#items li .state").first).to_have_text("reading")
    page.get_by_role("button", name="Cancel 3.png").click()
    expect(page.locator("#items li").nth(3)).to_have_attribute("data-state", "cancelled")
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator("#items li[data-state=cancelled]")).to_have_count(5)
    recognizer_of_page.release()
    page.get_by_role("button", name="Try 3.png again").click()
    expect(page.locator("#items li").nth(3)).to_have_attribute("data-state", "done")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#items li")).to_have_count(0)
    expect(page.locator("#work")).to_be_hidden()


def test_a_busy_server_is_asked_again(visit: Visit, recognizer_of_page: PageRecognizer) -> None:
    visit.refusals = {429}
    visit.bring(("busy.png", picture(BUSY, 300)))
    item = visit.page.locator("#items li")
    expect(item).to_have_attribute("data-state", "busy")
    expect(item.locator(".note")).to_have_text("The server is busy; again in 1 s.")
    expect(item).to_have_attribute("data-state", "done")
    assert len(recognizer_of_page.computed) == 2


@pytest.mark.parametrize("after", ["1", "date"])
def test_a_server_that_is_going_away_is_asked_again(visit: Visit, after: str) -> None:
    """503 with Retry-After, as seconds and as a date."""
    visit.refusals = {503}
    date = visit.page.evaluate("new Date(Date.now() + 1500).toUTCString()")
    answers = iter([date if after == "date" else after])

    def answer(route: Route) -> None:
        if retry_after := next(answers, None):
            route.fulfill(status=503, headers={"Retry-After": retry_after}, body="<h1>away</h1>")
        else:
            route.continue_()

    visit.page.route("**/v1/recognize*", answer)
    visit.bring((f"{after}.png", picture(colour=(22, len(after), 0))))
    visit.wait_for_marks(7)


def test_a_server_that_is_gone(visit: Visit) -> None:
    visit.page.route("**/v1/recognize*", lambda route: route.abort())
    visit.bring(("a.png", picture(colour=(23, 0, 0))))
    expect(visit.page.locator("#items .note")).to_contain_text("The server does not answer")
    visit.page.unroute_all()
    visit.page.get_by_role("button", name="Try a.png again").click()
    visit.wait_for_marks(7)
    visit.complaints.remove("Failed to load resource: net::ERR_FAILED")


def test_a_slow_upload_shows_its_progress(visit: Visit) -> None:
    network = visit.page.context.new_cdp_session(visit.page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
    )
    visit.bring(("slow.png", noise(500, 400, 1)), ("other.png", noise(500, 400, 2)))
    page = visit.page
    visit.until(
        """() => [...document.querySelectorAll("#items progress")].some(
            ({ position }) => position > 0.1 && position < 1)"""
    )
    page.get_by_role("button", name="Cancel other.png").click()
    expect(page.locator("#items li").nth(1)).to_have_attribute("data-state", "cancelled")
    expect(page.locator("#items li").nth(0)).to_have_attribute("data-state", "done")


def test_a_picture_that_the_browser_cannot_show_is_read(visit: Visit) -> None:
    visit.bring(("scan.tiff", picture(kind="TIFF", colour=(24, 0, 0))), kind="image/tiff")
    visit.wait_for_marks(7)
    expect(visit.page.locator("#caption")).to_contain_text("cannot show this kind of picture")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download PNG").click()
    with Image.open(download.value.path()) as saved:
        assert saved.size == (800, 600)


def test_the_error_of_a_failed_picture_is_shown_in_its_place(visit: Visit) -> None:
    """Neither an empty box nor empty lists, which would say that nothing is in the picture."""
    visit.refusals = {400}
    page = visit.page
    visit.bring(("good.png", picture(colour=(26, 0, 0))))
    visit.wait_for_marks(7)
    files = {"not.png": b"no picture", "bad.png": picture(BAD, 200), "empty.png": b""}
    visit.bring(*files.items())
    expect(page.locator("#queue-count")).to_have_text("4 of 4 done, 3 failed")
    for at, name in enumerate(files, 1):
        note = page.locator("#items .note").nth(at).inner_text()
        page.locator("#items .open").nth(at).click()
        expect(page.locator("#caption")).to_have_text(note)
        expect(page.locator("#news")).to_have_text(f"{name}: {note}")
        expect(page.locator(".overlay .mark")).to_have_count(0)
        expect(page.locator("#results")).to_be_hidden()
        expect(page.get_by_role("button", name="Copy JSON")).to_be_hidden()
        # what the browser can show is shown
        expect(page.locator("#frame")).to_be_visible(visible=name == "bad.png")
        expect(page.get_by_role("button", name=f"Try {name} again")).to_be_hidden()
    page.locator("#items .open").nth(0).click()
    visit.wait_for_marks(7)
    expect(page.locator("#caption")).to_have_text("")
    expect(page.locator("#results")).to_be_visible()


def test_a_picture_that_fails_while_it_is_shown(visit: Visit) -> None:
    visit.refusals = {400}
    visit.bring(("not.png", b"no picture"))
    expect(visit.page.locator("#caption")).to_have_text("this is not a picture")
    expect(visit.page.locator("#frame")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "helps"),
    [(400, False), (413, False), (415, False), (501, False), (500, True), (502, True), (504, True)],
)
def test_trying_again_is_offered_where_it_can_help(
    visit: Visit, status: int, *, helps: bool
) -> None:
    visit.refusals = {status}
    visit.page.route("**/v1/recognize*", lambda route: route.fulfill(status=status, body="{}"))
    visit.bring(("a.png", picture(colour=(27, 0, 0))))
    expect(visit.page.locator("#items li")).to_have_attribute("data-state", "failed")
    again = visit.page.get_by_role("button", name="Try a.png again")
    expect(again).to_be_visible(visible=helps)
    if helps:
        visit.page.unroute_all()
        again.click()
        visit.wait_for_marks(7)
        expect(visit.page.locator("#caption")).to_have_text("")


def test_later_pictures_do_not_push_the_shown_one_away(visit: Visit) -> None:
    visit.bring(("first.png", picture(colour=(25, 0, 0))))
    visit.wait_for_marks(7)
    visit.bring(("broken.png", b""))
    expect(visit.page.locator("#items li")).to_have_count(2)
    expect(visit.page.locator("#frame img")).to_have_attribute("alt", "first.png")
    visit.page.locator("#items .open").nth(1).click()
    expect(visit.page.locator("#lists .row")).to_have_count(0)
    visit.page.locator("#items .open").nth(0).click()
    visit.wait_for_marks(7)
