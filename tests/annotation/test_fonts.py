"""Fonts by what they have, and text cut into runs that they draw."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lipiyana.annotation import draw, fonts, lettering, text_runs
from lipiyana.annotation.bidi import levels, visual_order
from lipiyana.annotation.coverage import characters, characters_of
from lipiyana.annotation.lettering import Lettering
from lipiyana.annotation.text_runs import Run, can_draw, runs
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.types import Recognition, TextLine

WORDS = {
    "Deva": "हिन्दी", "Beng": "বাংলা", "Guru": "ਪੰਜਾਬੀ", "Gujr": "ગુજરાતી", "Orya": "ଓଡ଼ିଆ",
    "Taml": "தமிழ்", "Telu": "తెలుగు", "Knda": "ಕನ್ನಡ", "Mlym": "മലയാളം", "Arab": "شہر",
    "Olck": "ᱥᱟᱱᱛᱟᱲᱤ", "Mtei": "ꯃꯩꯇꯩ", "Latn": "Zürich",
}  # fmt: skip
COMMON = "0123456789.,:;!?()[]/-–—“”‘’'\"&%@#*+=।॥₹•… \u200c\u200d"
JOINERS = "\u200c\u200d"


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Forget what was found of fonts, before and after."""

    def forget() -> None:
        fonts.forget_fonts()
        text_runs.forget_runs()
        lettering._measured.cache_clear()

    forget()
    yield
    forget()


def needs(script: str) -> None:
    if not fonts.fonts_of(script):
        pytest.skip(f"no font for {script}")


def without_boxes(text: str) -> bool:
    """Whether each run's font has all that it should draw."""
    return all(
        character in JOINERS or fonts.covers(run.font, character)
        for run in runs(text)
        for character in run.text
    )


@pytest.mark.parametrize("script", sorted(WORDS))
def test_danda_digits_and_signs_stay_with_their_script(script: str) -> None:
    needs(script)
    font = fonts.fonts_of(script)[0]
    word = WORDS[script]
    for sign in "।॥₹.-7”":
        pieces = runs(f"{word}{sign}")
        assert without_boxes(f"{word}{sign}")
        if fonts.covers(font, sign) and script != "Arab":  # there, digits run the other way
            assert pieces == (Run(f"{word}{sign}", font),)
    assert "".join(run.text for run in runs(f"{word[0]}\u200d{word[1:]}")) == (
        f"{word[0]}\u200d{word[1:]}"
    )


@pytest.mark.parametrize("script", sorted(set(WORDS) - {"Arab", "Latn"}))
@pytest.mark.parametrize(("sign", "bars"), [("।", 1), ("॥", 2)])
def test_a_danda_is_drawn_as_bars(script: str, sign: str, bars: int) -> None:
    """The pixels behind the word are as many upright, solid bars: the box of a missing letter is
    hollow, and as wide as a letter.
    """
    needs(script)
    word = Lettering(WORDS[script], 40)
    canvas = Image.new("L", (400, 120))
    line = Lettering(f"{WORDS[script]} {sign}", 40)  # the space keeps them apart
    line.draw(canvas, (10, 20), 255)  # type: ignore[arg-type]
    added = np.asarray(canvas)[:, 10 + word.width + 3 :] > 100
    columns = np.flatnonzero(added.any(axis=0))
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    assert len(groups) == bars
    for group in groups:
        ink = added[:, group[0] : group[-1] + 1]
        rows = np.flatnonzero(ink.any(axis=1))
        assert len(group) <= 8
        assert rows[-1] - rows[0] >= 2.5 * len(group)
        assert ink[rows[0] : rows[-1] + 1].mean() > 0.7


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*WORDS.values(), *COMMON, "😀", "\U0001f9ff", "\u0007", "ﬁ"])))
def test_no_box_is_drawn(parts: list[str]) -> None:
    text = "".join(part for part in parts if can_draw(part))
    assert without_boxes(text)
    assert Lettering(text, 20).width >= 0


def test_neighbours_of_one_script_are_one_run() -> None:
    needs("Deva")
    deva = fonts.fonts_of("Deva")[0]
    assert runs("क्\u200dष") == (Run("क्\u200dष", deva),)
    assert [run.font for run in runs("KA हिन्दी 12")][1] == deva
    assert runs("") == ()


def test_what_no_font_has_gets_a_plain_form(
    forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(fonts.FONTS_VARIABLE, str(tmp_path))
    assert fonts.drawable_scripts() == {"Latn"}
    assert not can_draw("हिन्दी")
    assert can_draw("₹ 50 “x” – №5")
    plain = "".join(run.text for run in runs("₹ 50 “x”। ½ 😀 १\u200d"))
    assert without_boxes(plain)
    assert "50" in plain
    assert "1/2" in plain or fonts.covers(None, "½")
    assert plain.rstrip("\u200d").endswith("1")


def test_without_any_font_pillows_own_draws(
    forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(fonts.FONTS_VARIABLE, str(tmp_path))
    words = {20: ("ROAD", "Latn"), 60: ("हिन्दी", "Deva"), 100: ("شہر", "Arab")}
    lines = [
        TextLine(text, script, 0.9, ((20, y), (90, y), (90, y + 20), (20, y + 20)))
        for y, (text, script) in words.items()
    ]
    picture = np.full((200, 300, 3), 200, np.uint8)
    drawn = draw(picture, Recognition(300, 200, (), (), tuple(lines)))
    assert not np.array_equal(drawn[:200], picture)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc", "abc"),
        ("شہر", "رہش"),
        ("شہر 24", "24 رہش"),
        ("24 شہر", "رہش 24"),
        ("KA 12 شہر x", "KA 12 رہش x"),
        ("شہر KA 12 شہر", "رہش KA 12 رہش"),
        ("شہر 3-4", "4-3 رہش"),
        ("شہر 12:30", "12:30 رہش"),
        ("abc (شہر)", "abc (رہش)"),
        ("₹50", "₹50"),
        ("12 50", "12 50"),
        ("", ""),
    ],
)
def test_lines_from_right_to_left(text: str, seen: str) -> None:
    found = levels(text)
    pairs = list(zip(text, found, strict=True))
    order = visual_order(pairs, lambda pair: pair[1])
    assert "".join(character for character, _ in order) == seen


def test_urdu_with_a_number_is_three_runs() -> None:
    needs("Arab")
    pieces = runs("شہر 24 لاہور")
    assert [run.text.strip() for run in pieces] == ["لاہور", "24", "شہر"]
    assert [run.rtl for run in pieces] == [True, False, True]


def test_coverage_is_what_harfbuzz_says() -> None:
    hb = pytest.importorskip("uharfbuzz")
    paths = [path for script in SCRIPTS if script in WORDS for path in fonts.fonts_of(script)]
    if not paths:
        pytest.skip("no fonts")
    for path in paths[:20]:
        face = hb.Face(hb.Blob.from_file_path(str(path)))
        assert characters_of(path) == frozenset(face.unicodes), path.name


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_fonts_have_no_characters_or_some(data: st.DataObject) -> None:
    assert characters(data.draw(st.binary(max_size=200))) is not None
    segments = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=8, max_size=8))
    table = struct.pack(">HHHHIHHHHHHH8H", 0, 1, 3, 1, 12, 4, 40, 0, 4, 0, 0, 0, *segments)
    head = struct.pack(">IHHHH4sIII", 0x10000, 1, 0, 0, 0, b"cmap", 0, 28, len(table))
    assert len(characters(head + table)) <= 0x10000


def test_without_a_shaper_indic_text_is_not_drawn(
    forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (fonts, text_runs, lettering):
        monkeypatch.setattr(module, "shaper", lambda: "")
    assert fonts.drawable_scripts() <= {"Latn", "Olck", "Mtei"}
    assert not can_draw("हिन्दी")
    canvas = Image.new("RGB", (100, 30), "white")
    Lettering("KA 01\u200d", 20).draw(canvas, (2, 2), (0, 0, 0))
    assert np.asarray(canvas).min() < 100


@pytest.mark.parametrize("script", ["Deva", "Telu", "Mlym", "Arab"])
def test_harfbuzz_draws_what_raqm_draws(
    script: str, forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uharfbuzz")
    pytest.importorskip("freetype")
    needs(script)
    if fonts.shaper() != "raqm":
        pytest.skip("no Raqm in Pillow")
    inks = []
    for engine in ("raqm", "harfbuzz"):
        for module in (fonts, text_runs, lettering):
            monkeypatch.setattr(module, "shaper", lambda engine=engine: engine)
        lettering._measured.cache_clear()
        line = Lettering(WORDS[script], 40)
        canvas = Image.new("L", (300, 100))
        line.draw(canvas, (10, 10), 255)  # type: ignore[arg-type]
        inks.append(np.asarray(canvas) > 128)
        assert inks[-1].any()
    overlap = max(
        (inks[0] & np.roll(inks[1], (y, x), (0, 1))).sum() / (inks[0] | inks[1]).sum()
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
    )
    assert overlap > 0.8
