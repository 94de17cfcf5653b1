"""How pictures come to the page: dropped, pasted, chosen, photographed, as a sample."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from needs import BROWSER
from page_fake import PageRecognizer, picture
from page_visit import Visit, visiting
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

    from lipiyana.server import RecognitionServer

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(visit: Visit, how: str) -> None:
    visit.bring((f"{how}.png", picture(colour=(1, len(how), 3))), how=how)
    visit.wait_for_marks(7)
    assert visit.page.locator("#frame img").get_attribute("alt") == f"{how}.png"


def test_dragging_shows_where_to_drop(visit: Visit) -> None:
    drag = """(name) => {
        const bag = new DataTransfer();
        bag.items.add(new File(["x"], "a.png", { type: "image/png" }));
        document.body.dispatchEvent(new DragEvent(name, { dataTransfer: bag, bubbles: true }));
    }"""
    visit.page.evaluate(drag, "dragenter")
    expect(visit.page.locator("html")).to_have_class("dragging")
    visit.page.evaluate(drag, "dragleave")
    expect(visit.page.locator("html")).not_to_have_class("dragging")


def test_several_pictures_are_chosen(visit: Visit) -> None:
    visit.choose(*((f"{number}.png", picture(colour=(2, number, 0))) for number in range(4)))
    expect(visit.page.locator("#queue-count")).to_have_text("4 of 4 done")
    visit.wait_for_marks(7)
    visit.page.locator("#items .open").nth(2).click()
    expect(visit.page.locator("#frame img")).to_have_attribute("alt", "2.png")


def test_a_phone_takes_a_photo(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    field = visit.page.locator("#capture")
    assert field.get_attribute("capture") == "environment"
    assert field.get_attribute("accept") == "image/*"
    visit.choose(("photo.png", picture(colour=(3, 0, 0))), button="Take a photo")
    visit.wait_for_marks(7)


def test_a_sample_is_read(visit: Visit) -> None:
    sample = visit.page.locator("#samples .sample").first
    sample.click()
    visit.wait_for_marks(7)
    name = visit.page.locator("#frame img").get_attribute("alt")
    assert name is not None
    assert name.endswith(".jpg")


def test_samples_have_the_names_that_people_give_them(visit: Visit) -> None:
    samples = visit.page.locator("#samples .sample")
    names = [name.strip() for name in samples.all_inner_texts()]
    assert "Two-row plate" in names
    assert not [name for name in names if re.search(r"_|\d", name)]
    assert (
        samples.locator("span").evaluate_all(
            "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length"
        )
        == 0
    ), "a name is cut"


@pytest.mark.parametrize("width", [390, 1360])
@pytest.mark.parametrize("working", [False, True])
def test_options_are_aligned(visit: Visit, width: int, *, working: bool) -> None:
    if working:
        visit.bring(("a.png", picture(colour=(34, 0, 0))))
        visit.wait_for_marks(7)
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.get_by_text("Options", exact=True).click()
    left = [
        field.evaluate("(field) => Math.round(field.getBoundingClientRect().left)")
        for field in (
            visit.page.locator("#options [value=vehicles]"),
            *(visit.page.locator(f"[name={n}]") for n in ("layout", "romanize", "words", "bypass")),
        )
    ]
    assert len(set(left)) == 1


@pytest.mark.parametrize("touch", [False, True])
def test_nobody_is_asked_to_drop_with_a_finger(
    browser: Browser, page_server: RecognitionServer, *, touch: bool
) -> None:
    with visiting(browser, page_server, is_mobile=touch, has_touch=touch) as visit:
        said = visit.page.locator(".invite").inner_text()
        assert ("Drop" in said) is not touch
        title = visit.page.get_by_role("heading", level=2).first
        expect(title).to_have_accessible_name("Choose pictures" if touch else "Drop pictures here")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_marks_follow_the_orientation_of_the_file(visit: Visit, orientation: int) -> None:
    """The upper left corner, as a viewer shows it, is red; so is the picture under the marks."""
    upright = Image.new("RGB", (800, 400), (60, 60, 60))
    ImageDraw.Draw(upright).rectangle((0, 0, 199, 99), fill=(255, 0, 0))
    turns = {1: 0, 3: 180, 6: 90, 8: 270}  # counter-clockwise, to be undone by the viewer
    stored = upright.rotate(turns[orientation], expand=True)
    data = picture(
        *stored.size, kind="JPEG", orientation=orientation, draw=lambda image: image.paste(stored)
    )
    visit.bring(("turned.jpg", data), kind="image/jpeg")
    visit.wait_for_marks(7)
    assert visit.page.locator(".overlay").get_attribute("viewBox") == "0 0 800 400"
    shown, over = (visit.page.locator(name).bounding_box() for name in ("#frame img", ".overlay"))
    assert shown is not None
    assert shown == over
    assert shown["width"] == pytest.approx(2 * shown["height"], rel=0.01)
    red, grey = visit.page.evaluate(
        """() => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [800, 400];
            const pen = canvas.getContext("2d");
            pen.drawImage(document.querySelector("#frame img"), 0, 0, 800, 400);
            return [[20, 20], [700, 300]].map(([x, y]) => [...pen.getImageData(x, y, 1, 1).data]);
        }"""
    )
    assert red[0] > 200
    assert red[1] < 60
    assert max(grey[:3]) < 100


def test_words_are_asked_for_and_shown(visit: Visit) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        url = route.request.url.replace("words=true", "cache_policy=bypass")
        row = route.fetch(url=url).json()
        row["text_lines"][0]["words"] = [
            {"text": text, "confidence": sure, "polygon": row["text_lines"][0]["polygon"]}
            for text, sure in (("श्री", 0.9), ("<b>गणेश</b>", 0.5))
        ]
        route.fulfill(json=row)

    visit.page.route("**/v1/recognize*", answer)
    visit.page.get_by_text("Options", exact=True).click()
    visit.page.get_by_label("place of each word").check()
    visit.bring(("a.png", picture(colour=(5, 0, 0))))
    visit.wait_for_marks(7)
    assert "words=true" in asked[0]
    words = visit.page.locator("#lists .word")
    assert words.all_text_contents() == ["श्री", "<b>गणेश</b>"]
    assert [one.get_attribute("title") for one in words.all()] == ["90 %", "50 %"]


def test_options_are_sent(visit: Visit, recognizer_of_page: PageRecognizer) -> None:
    visit.page.get_by_text("Options", exact=True).click()
    visit.page.get_by_label("Latin letters beside each script").check()
    visit.page.locator("[name=features][value=vehicles]").uncheck()
    visit.page.get_by_label("compute again, do not ask the cache").check()
    visit.bring(("a.png", picture(colour=(4, 0, 0))))
    visit.wait_for_marks()
    config = recognizer_of_page.configs[-1]
    assert config is not None
    assert config.romanize
    assert {feature.value for feature in config.features} == {"text", "plates"}
    expect(visit.page.locator("#lists")).to_contain_text("shri ganesh mishthan")
