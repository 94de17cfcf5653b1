"""What the page shows of a result, and what can be taken away."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from needs import BROWSER
from page_fake import DOUBTFUL, HINDI, HOSTILE, VALID, found, picture
from page_visit import Visit, script
from PIL import Image

from lipiyana.annotation import marks
from lipiyana.annotation.colours import BLACK, casing_of, ink_on, of_vehicle
from lipiyana.annotation.settings import DRAWING, Colour
from lipiyana.types import Box, Plate, Vehicle
from lipiyana.vehicles.taxonomy import TAXONOMY
from lipiyana.wire.results import recognition_from_json, recognition_to_json

if TYPE_CHECKING:
    from playwright.sync_api import Route

expect = pytest.importorskip("playwright.sync_api", reason=BROWSER).expect


@pytest.fixture
def read(visit: Visit) -> Visit:
    """The page with one picture that has been read."""
    visit.bring(("street.png", picture()))
    visit.wait_for_marks(7)
    return visit


def test_everything_is_listed(read: Visit) -> None:
    rows = "\n".join(read.rows())
    assert f"{VALID}, valid, confidence 97 % that the registration is right" in rows
    assert f"{DOUBTFUL}, doubtful, confidence 50 % that there is a plate" in rows
    assert "auto rickshaw, confidence 95 %" in rows
    assert f"{HINDI}, Devanagari, confidence 90 %" in rows
    lists = read.page.locator("#lists")
    for text in (
        "category conflict", "Karnataka", "Standard format", "transport", "black on yellow",
        "KL07CD8883", "KL07CD8B88", "on auto rickshaw",
    ):  # fmt: skip
        expect(lists).to_contain_text(text)
    # a line that lies on a plate is shown as that plate
    assert rows.count(VALID) == 1


def test_each_letter_shows_how_surely_it_was_read(read: Visit) -> None:
    letters = read.page.locator("#lists .chip").first.locator(".letter")
    assert letters.all_text_contents() == list(VALID)
    assert [one.get_attribute("title") for one in letters.all()][5:8] == [
        "B: 99 %", "1: 55 %", "2: 98 %",
    ]  # fmt: skip
    assert read.page.locator("#lists .chip").first.locator(".unsure").all_text_contents() == ["1"]


def test_a_plate_has_its_colours(read: Visit) -> None:
    chip = read.page.locator("#lists .chip").first
    expect(chip).to_have_css("background-color", "rgb(255, 204, 0)")
    expect(chip).to_have_css("color", "rgb(0, 0, 0)")


def answer_otherwise(visit: Visit, **changes: Any) -> None:
    """Change what the server says of the second plate."""

    def answer(route: Route) -> None:
        result = route.fetch().json()
        plate = result["plates"][1]
        plate["registration"] |= changes.get("registration", {})
        plate["colour"] = changes.get("colour", plate["colour"])
        route.fulfill(json=result)

    visit.page.route("**/v1/recognize*", answer)


@pytest.mark.parametrize(
    ("colour", "ground", "ink"),
    [
        ("WHITE_ON_GREEN", "rgb(11, 122, 59)", "rgb(255, 255, 255)"),
        ("YELLOW_ON_BLACK", "rgb(17, 17, 17)", "rgb(255, 255, 255)"),
        ("RED_ON_WHITE", "rgb(255, 255, 255)", "rgb(0, 0, 0)"),
        ("RED_ON_YELLOW", "rgb(255, 204, 0)", "rgb(0, 0, 0)"),
    ],
)
def test_letters_of_a_plate_stand_out_from_its_ground(
    visit: Visit, colour: str, ground: str, ink: str
) -> None:
    answer_otherwise(visit, colour=f"PLATE_COLOUR_{colour}")
    visit.bring(("a.png", picture(colour=(6, 0, 0))))
    visit.wait_for_marks(7)
    chip = visit.page.locator('.row[data-mark="p1"] .chip')
    expect(chip).to_have_css("background-color", ground)
    expect(chip).to_have_css("color", ink)


def test_a_plate_of_unknown_colour_has_no_ground(visit: Visit) -> None:
    answer_otherwise(visit, colour="PLATE_COLOUR_UNSPECIFIED")
    visit.bring(("a.png", picture(colour=(6, 0, 0))))
    visit.wait_for_marks(7)
    chip = visit.page.locator('.row[data-mark="p1"] .chip')
    expect(chip).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    for scheme, ink in (("dark", "rgb(233, 234, 238)"), ("light", "rgb(29, 32, 37)")):
        visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(chip).to_have_css("color", ink)


def test_a_confidence_says_of_what_it_is(visit: Visit) -> None:
    """Of a plate whose registration is not valid, it is not that of the registration."""
    visit.bring(("a.png", picture(colour=(7, 0, 0))))
    visit.wait_for_marks(7)
    rows = visit.page.locator("#lists .row")
    valid, doubtful = rows.nth(0).locator(".sure"), rows.nth(1).locator(".sure")
    expect(valid).to_have_text("97 %")
    expect(valid).to_have_attribute("title", "confidence 97 % that the registration is right")
    expect(doubtful).to_have_text("plate 50 %")
    expect(doubtful).to_have_attribute("title", "confidence 50 % that there is a plate")
    for at in (0, 1):
        expect(rows.nth(at).locator(".tag").first).to_have_attribute("title", re.compile(".{20}"))

    unknown = {"canonical": "", "valid": False, "format": "REGISTRATION_FORMAT_UNSPECIFIED"}
    answer_otherwise(visit, registration=unknown)
    visit.page.get_by_text("Options", exact=True).click()
    for layout, of, that in (
        ("scene", "plate", "that there is a plate"),
        ("plate", "text", "that its text is right"),
    ):
        visit.page.get_by_label("The picture shows").select_option(layout)
        visit.bring((f"{layout}.png", picture(colour=(7, 1, len(of)))))
        visit.page.wait_for_selector(f'#frame img[alt="{layout}.png"]')
        expect(rows.nth(1)).to_have_attribute(
            "aria-label", f"{DOUBTFUL}, format unknown, confidence 50 % {that}"
        )
        expect(rows.nth(1).locator(".sure")).to_have_text(f"{of} 50 %")
        expect(rows.nth(1).locator(".tag").first).to_have_text("format unknown")


def test_durations_have_one_style(visit: Visit) -> None:
    said = visit.page.evaluate(
        """async () => {
            const { duration } = await import("/static/js/names.js");
            return [0, 0.0001, 0.0021, 0.04, 0.7, 0.25, 1.234, 3.36, 12.3].map(duration);
        }"""
    )
    assert said == [
        "0.000 s", "< 0.001 s", "0.002 s", "0.040 s", "0.70 s", "0.25 s", "1.2 s", "3.4 s", "12 s",
    ]  # fmt: skip


def test_pointing_ties_lists_and_picture_both_ways(read: Visit) -> None:
    page = read.page
    row = page.locator("#lists .row", has_text=HINDI)
    mark = row.get_attribute("data-mark")
    row.hover()
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", str(mark))
    page.locator('.mark[data-mark="p1"] .shape').hover()
    expect(page.locator(".row.lit")).to_have_attribute("data-mark", "p1")
    page.locator("h1").hover()
    expect(page.locator(".lit")).to_have_count(0)


def test_focus_ties_them_and_a_click_leads_to_the_row(read: Visit) -> None:
    page = read.page
    page.locator('.mark[data-mark="v0"] .shape').click(position={"x": 5, "y": 60})
    expect(page.locator('.row[data-mark="v0"]')).to_be_focused()
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", "v0")
    page.keyboard.press("ArrowDown")
    expect(page.locator('.row[data-mark="v1"]')).to_be_focused()
    expect(page.locator(".mark.lit")).to_have_attribute("data-mark", "v1")


def test_filters(read: Visit) -> None:
    page = read.page
    marks = page.locator(".overlay .mark")
    for name, count in (("Vehicles", 5), ("Text", 2), ("Registrations", 0)):
        page.get_by_role("checkbox", name=name).uncheck()
        expect(marks).to_have_count(count)
        expect(page.locator("#lists h2", has_text=name)).to_have_count(0)
    for name in ("Vehicles", "Text", "Registrations"):
        page.get_by_role("checkbox", name=name).check()
    page.locator("[name=script]").select_option("Deva")
    expect(page.locator(".list.line .row")).to_have_count(1)
    page.locator("[name=script]").select_option("")
    page.get_by_role("slider", name="Confidence").fill("70")
    expect(page.locator("#filters output")).to_have_text("70 %")
    expect(marks).to_have_count(4)  # one plate, one vehicle, two lines


def test_a_sign_is_never_read_as_html(read: Visit) -> None:
    expect(read.page.locator("#lists")).to_contain_text(HOSTILE)
    expect(read.page.locator(".overlay")).to_contain_text("<img src=x")
    assert read.page.locator("#lists img, .overlay img").count() == 0
    assert read.page.title() == "Lipiyana"


def test_how_it_was_read(visit: Visit) -> None:
    same = picture(900, 600, colour=(9, 9, 9))
    for outcome in ("computed; now in the cache", "answered from the cache"):
        visit.bring(("turned.png", same))
        visit.page.wait_for_selector("#lists .row")
        if not visit.page.locator("#details").get_attribute("open"):
            visit.page.locator("#details").evaluate("(details) => { details.open = true; }")
        expect(visit.page.locator("#how")).to_contain_text(outcome)
        for text in ("by 90° to be read", "900 × 600", "fake 1.0"):
            expect(visit.page.locator("#how")).to_contain_text(text)
        # what a cache answers took no time
        stages = {"detect text": "0.25 s", "decode": "0.002 s"} if "computed" in outcome else {}
        rows = visit.page.locator("#how tr").all()
        assert {
            row.locator("th").inner_text(): row.locator(".number").inner_text() for row in rows
        } == stages


def test_labels_cover_no_text_no_plate_and_no_label(read: Visit) -> None:
    boxes = read.page.evaluate(script("labels_and_plates"))
    labels, plates = boxes["labels"], boxes["plates"]
    assert len(labels) == 7
    solid = [*plates, *labels]
    for label in labels:
        assert [other for other in solid if other != label and _meet(label, other)] == []
        assert min(label[:2]) >= 0
        assert label[2] <= 800
        assert label[3] <= 600


def _meet(one: list[float], other: list[float]) -> bool:
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > 0.5
        and min(one[3], other[3]) - max(one[1], other[1]) > 0.5
    )


def test_the_layout_of_many_labels(visit: Visit) -> None:
    """In a full picture labels get smaller, lead away, or become numbers, and never overlap."""
    said: dict[str, Any] = visit.page.evaluate(script("many_labels"))
    assert said["overlaps"] == said["outside"] == 0
    assert said["same"]
    assert min(said["smaller"], said["leaders"], said["numbers"]) > 0
    assert said["placed"] > 100


def test_numbers_in_a_full_picture_are_those_of_the_rows(visit: Visit) -> None:
    """A label that has no room becomes the number of its row, which is as legible as a label."""

    def answer(route: Route) -> None:
        row = route.fetch().json()
        row["vehicles"] = row["plates"] = []
        row["text_lines"] = [
            {
                "text": f"line {line} of a full picture",
                "script": "Latn",
                "confidence": 0.9,
                "polygon": [
                    {"x": x, "y": y} for x, y in ((30, top), (770, top), (770, end), (30, end))
                ],
            }
            for line, (top, end) in enumerate((y, y + 27) for y in range(0, 600, 30))
        ]
        route.fulfill(json=row)

    visit.page.route("**/v1/recognize*", answer)
    visit.bring(("full.png", picture(colour=(60, 0, 0))))
    visit.wait_for_marks(20)
    rows, drawn = visit.page.evaluate(script("numbers"))
    assert rows
    assert sorted(row[:2] for row in rows) == sorted(drawn)
    ground, ink = (f"rgb{colour}" for colour in (DRAWING.text, ink_on(DRAWING.text)))
    assert {(row[2], row[3]) for row in rows} == {(ground, ink)}


def test_degenerate_marks_do_no_harm(visit: Visit) -> None:
    placed = visit.page.evaluate(script("degenerate_marks"))
    assert placed == 0


def test_json_and_csv_are_copied(read: Visit) -> None:
    read.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read.page.get_by_role("button", name="Copy JSON").click()
    expect(read.page.locator("#caption")).to_have_text("The JSON is in the clipboard.")
    copied = read.page.evaluate("navigator.clipboard.readText()")
    result = recognition_from_json(json.loads(copied))
    assert [plate.registration.canonical for plate in result.plates] == [VALID, DOUBTFUL]
    assert len(result.text_lines) == 4

    read.page.get_by_role("checkbox", name="Vehicles").uncheck()
    read.page.get_by_role("button", name="Copy CSV").click()
    expect(read.page.locator("#caption")).to_have_text("The CSV is in the clipboard.")
    rows = list(csv.DictReader(io.StringIO(read.page.evaluate("navigator.clipboard.readText()"))))
    assert [row["kind"] for row in rows] == ["line", "line", "line", "plate", "plate"]
    assert rows[2]["text"] == HOSTILE
    assert rows[3]["valid"] == "true"
    assert float(rows[3]["x_min"]) == pytest.approx(520)


def test_csv_has_no_formulas(visit: Visit) -> None:
    text = visit.page.evaluate(script("formulas"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["text"] for row in rows] == ['\'=HYPERLINK("a")', "'@SUM(1)", "-12"]
    assert rows[0]["x_min"] == "-1.0"


def test_the_picture_is_downloaded_with_its_marks(read: Visit, tmp_path: Path) -> None:
    with read.page.expect_download() as download:
        read.page.get_by_role("button", name="Download PNG").click()
    assert download.value.suggested_filename == "street-annotated.png"
    download.value.save_as(tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
    assert pixels.shape == (600, 800, 3)
    assert np.abs(pixels[300, 200] - (90, 120, 150)).max() <= 2  # the picture itself
    edge = pixels[480, 518:523]  # left side of the valid plate
    assert np.abs(edge - DRAWING.plate).sum(axis=1).min() < 30
    labels = read.page.evaluate(script("label_middles"))
    assert len(labels) == 7
    for x, y, colour in labels:
        drawn = pixels[int(y), int(x) + 1]
        expected = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(drawn - expected).max() <= 40, (x, y, colour)


def test_colours_are_those_of_the_taxonomy(visit: Visit) -> None:
    colours = visit.page.evaluate(
        "async () => (await import('/static/js/show/colours.js')).CLASSES"
    )
    assert colours == {entry.name: entry.colour for entry in TAXONOMY}


def test_colours_are_those_of_annotate(visit: Visit) -> None:
    """Lines, their casings and the letters of labels are as in `lipiyana.annotation`."""
    others = ["snow_groomer", "tractor", "घोड़ा गाड़ी", "<b>", ""]
    said = visit.page.evaluate(script("colours_of_marks"), others)
    assert (said["plate"], said["text"]) == (in_html(DRAWING.plate), in_html(DRAWING.text))
    assert said["others"] == [in_html(of_vehicle(label)) for label in others]
    grounds = {in_html(of_vehicle(entry.name)): of_vehicle(entry.name) for entry in TAXONOMY}
    grounds |= {in_html(colour): colour for colour in (DRAWING.plate, DRAWING.text)}
    assert said["inks"] == {code: in_html(ink_on(one)) for code, one in grounds.items()}
    assert said["casings"] == {
        code: in_html(casing_of(one, DRAWING.casing_mix)) for code, one in grounds.items()
    }


def test_labels_are_those_of_annotate(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "can_draw", lambda text: True)  # a browser has fonts of its own
    result = found(800, 600)
    more = (
        Vehicle("snow_groomer", 0.625, Box(0, 0, 50, 50), track_id=12),
        Vehicle("two_wheeler", 0.285, Box(700, 500, 790, 590)),
    )
    unread = Plate("KL-50\nAB", 0.4, Box(0, 400, 90, 440))  # no registration
    result = replace(result, vehicles=(*result.vehicles, *more), plates=(*result.plates, unread))
    drawn = visit.page.evaluate(script("labels_of_marks"), recognition_to_json(result))
    kinds = {"line": "text"}
    page = [(kinds.get(one["kind"], one["kind"]), one["label"], one["colour"]) for one in drawn]
    # a track has a colour of its own on the page, to be followed from frame to frame
    expected = [
        (mark.kind, mark.label, in_html(mark.colour))
        for mark in marks.marks_of(result, (800, 600), 2, DRAWING)
        if "#12" not in mark.label
    ]
    assert [mark for mark in page if "#12" not in mark[1]] == expected
    assert [label for _, label, _ in page if "#12" in label] == ["snow groomer #12 63 %"]


def test_marks_are_drawn_in_their_colours(read: Visit) -> None:
    for mark, colour in (
        ("p0", DRAWING.plate),
        ("t0", DRAWING.text),
        ("v0", of_vehicle("auto_rickshaw")),
    ):
        one = read.page.locator(f'.overlay .mark[data-mark="{mark}"]')
        casing = in_html(casing_of(colour, DRAWING.casing_mix))
        expect(one.locator(".shape")).to_have_attribute("stroke", in_html(colour))
        expect(one.locator("polygon.casing")).to_have_attribute("stroke", casing)
        expect(one.locator(".label")).to_have_attribute("fill", in_html(colour))
        expect(one.locator("text")).to_have_attribute("fill", in_html(ink_on(colour)))
    assert ink_on(DRAWING.plate) == BLACK


def in_html(colour: Colour) -> str:
    return "#" + bytes(colour).hex()


def test_labels_are_legible(visit: Visit) -> None:
    """Contrast of letters on their ground, as WCAG 2 asks: 4.5."""
    ratios = visit.page.evaluate(script("contrasts_of_labels"))
    assert min(ratios) >= 4.5
