from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text.lines import render_line
from lipiyana.rendering.text.shaping import (
    FaceChoice,
    MissingGlyphError,
    check_shaping,
    rasterize,
    set_line,
    shape_runs,
)

WORDS = {
    "Deva": "क्षत्रिय १२", "Beng": "স্বাস্থ্য", "Guru": "ਸਿੱਖਿਆ", "Gujr": "ગુજરાત", "Orya": "ଓଡ଼ିଶା",
    "Taml": "தமிழ்நாடு", "Telu": "విద్యార్థి", "Knda": "ಕರ್ನಾಟಕ", "Mlym": "വിദ്യ", "Arab": "ٹھیکیدار",
    "Olck": "ᱥᱟᱱᱛᱟᱲᱤ", "Mtei": "ꯃꯤꯇꯩ", "Latn": "Grand Hotel 24",
}  # fmt: skip
STYLES = ("sign", "print", "plate")


@pytest.fixture
def library(font_library: FontLibrary) -> FontLibrary:
    return font_library


def face_of(library: FontLibrary, script: str):
    family = library.families(script)[0]
    return library.open(library.faces(script, family)[0])


def test_text_is_shaped(library):
    for family in library.families("Deva", "all"):
        face = library.open(library.faces("Deva", family)[0])
        check_shaping(face)
        # ra before a consonant becomes a hook
        assert len(face.shape("र्क", "Deva").ids) < 3, family


@pytest.mark.parametrize("script", WORDS)
def test_every_script_has_training_and_held_out_families(library, script):
    trained, held_out = library.families(script), library.families(script, "held_out")
    assert trained
    assert held_out
    assert not set(trained) & set(held_out)
    assert sorted(trained + held_out) == list(library.families(script, "all"))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("script", WORDS)
def test_a_line_has_the_documented_size(library, script, style):
    rng = np.random.default_rng(1)
    line = render_line(WORDS[script], script, rng, library, style)
    assert line is not None
    height, width, channels = line.image.shape
    assert line.image.dtype == np.uint8
    assert channels == 3
    assert 16 <= height <= 120
    assert width >= 4
    assert line.image.std() > 1
    left, right = line.quad[[0, 3], 0].max(), line.quad[[1, 2], 0].min()
    assert -0.2 * width < left < right < 1.2 * width


def test_same_seed_gives_same_picture_in_another_library(library):
    other = pickle.loads(pickle.dumps(library))
    for seed in range(6):
        one = render_line("हिन्दी SBI", "Deva", np.random.default_rng(seed), library)
        two = render_line("हिन्दी SBI", "Deva", np.random.default_rng(seed), other)
        assert one is not None
        assert two is not None
        assert np.array_equal(one.image, two.image)


def test_held_out_fonts_render_too(library):
    recipe = RenderRecipe(split="held_out")
    for script, word in WORDS.items():
        rng = np.random.default_rng(3)
        assert render_line(word, script, rng, library, "sign", recipe=recipe) is not None


def test_text_without_a_font_is_not_rendered(library):
    rng = np.random.default_rng(0)
    assert library.pick(rng, "Deva", "क\u0980ক") is None
    assert render_line("\U00010570", "Latn", rng, library) is None
    with pytest.raises(MissingGlyphError):
        rasterize("தமிழ்", FaceChoice(face_of(library, "Deva")), 24, "Taml")


def test_an_all_capitals_font_never_sets_lower_case(library):
    face = library.open(library.faces("Latn", "Bebas Neue")[0])
    assert face.covers("HOTEL 24")
    assert not face.covers("Hotel")


def test_runs_of_a_mixed_line_keep_their_order():
    runs = shape_runs("SBI बैंक 24x7", "Deva")
    assert [(run.text, run.script) for run in runs] == [
        ("SBI ", "Latn"),
        ("बैंक 24", "Deva"),
        ("x7", "Latn"),
    ]


def test_urdu_runs_stand_from_right_to_left():
    runs = shape_runs("دکان 24 Hotel یہاں", "Arab")
    assert [(run.text, run.script, run.direction) for run in runs] == [
        (" یہاں", "Arab", "rtl"),
        ("24 Hotel", "Latn", "ltr"),
        ("دکان ", "Arab", "rtl"),
    ]


def test_urdu_letters_join(library):
    face = face_of(library, "Arab")
    joined = face.shape("بب", "Arab", "rtl")
    apart = face.shape("ب", "Arab", "rtl")
    assert set(joined.ids.tolist()) != set(apart.ids.tolist())


def test_line_of_two_faces_shares_a_baseline(library):
    latin, deva = face_of(library, "Latn"), face_of(library, "Deva")
    runs = shape_runs("HH कक", "Deva")
    both = set_line(runs, [FaceChoice(latin), FaceChoice(deva)], 40)
    alone = rasterize("HH", FaceChoice(latin), 40, "Latn")
    # a capital stands on the baseline and has the body height
    assert alone.baseline == pytest.approx(alone.alpha.shape[0], abs=2)
    assert alone.alpha.shape[0] == pytest.approx(40, abs=3)
    assert both.alpha.shape[1] > alone.alpha.shape[1] * 1.5
    below = both.alpha[round(both.baseline) + 2 :, : alone.alpha.shape[1]]
    assert below.max(initial=0) < 128


def test_bold_adds_ink_and_tracking_adds_width(library):
    face = face_of(library, "Latn")
    plain = rasterize("HIM", FaceChoice(face), 40, "Latn").alpha
    bold = rasterize("HIM", FaceChoice(face, bold=0.08), 40, "Latn").alpha
    spaced = rasterize("HIM", FaceChoice(face, tracking=0.3), 40, "Latn").alpha
    assert bold.sum() > plain.sum() * 1.05
    assert spaced.shape[1] > plain.shape[1] + 2 * 0.3 * 40 - 3


def test_pen_thins_the_headline_of_thick_letters_and_leaves_their_stems():
    mask = np.zeros((60, 120), np.uint8)
    mask[10:18, 5:115] = 255
    mask[10:50, 20:28] = 255
    seen = [lettering.pen_strokes(mask, np.random.default_rng(seed), 46) for seed in range(12)]
    assert all(out.shape == mask.shape and out.dtype == np.uint8 for out in seen)
    headlines = [int((out[:, 70] > 127).sum()) for out in seen]
    stems = [int((out[35] > 127).sum()) for out in seen]
    assert 2 <= min(headlines) < 7
    assert min(stems) == 8


def test_pen_widens_thin_letters():
    mask = np.zeros((60, 120), np.uint8)
    mask[10:12, 5:115] = 255
    mask[10:50, 20:22] = 255
    seen = [lettering.pen_strokes(mask, np.random.default_rng(seed), 46) for seed in range(6)]
    assert all((out >= mask).all() for out in seen)
    assert all(int((out[35] > 127).sum()) > 2 for out in seen)


def test_a_side_view_is_narrow_with_a_sloping_baseline(library):
    straight = RenderRecipe(perspective=0, side_view=0, slant=0, stretch=0, tight=0, curve=0)
    aside = RenderRecipe(perspective=0, side_view=1, slant=0, stretch=0, tight=0, curve=0)
    shares: dict[str, list[float]] = {"straight": [], "aside": []}
    climbs = []
    for seed in range(12):
        for name, recipe in (("straight", straight), ("aside", aside)):
            rng = np.random.default_rng(seed)
            line = render_line("विद्यालय", "Deva", rng, library, "sign", recipe=recipe)
            assert line is not None
            (left, top), (right, end), _, (_, bottom) = line.quad
            shares[name].append((right - left) / (bottom - top))
            if name == "aside":
                climbs.append(abs(end - top) / (right - left))
            else:
                assert end == pytest.approx(top, abs=0.1)
    assert np.median(shares["aside"]) < 0.85 * np.median(shares["straight"])
    assert max(climbs) > 0.1


EFFECTS = (
    effects.blur, effects.motion_blur, effects.low_resolution, effects.sensor_noise, effects.jpeg,
    effects.uneven_light, effects.shadow_edge, effects.glare, effects.night, effects.stains,
    effects.scratches, effects.sharpen, effects.cast, effects.far_away, effects.wires,
)  # fmt: skip


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_keeps_the_shape_and_does_not_change_its_input(effect):
    image = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    before = image.copy()
    seen = [effect(image, np.random.default_rng(seed), 0.8) for seed in range(4)]
    again = effect(image, np.random.default_rng(0), 0.8)
    assert np.array_equal(image, before)
    assert np.array_equal(seen[0], again)
    assert all(out.shape == image.shape and out.dtype == np.uint8 for out in seen)
    assert any(not np.array_equal(out, image) for out in seen)


def test_scan_reads_unchanged_files_from_its_cache(tmp_path: Path, library):
    from lipiyana.rendering.fonts.files import scan

    source = Path(library.faces("Deva", library.families("Deva")[0])[0].path)
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / source.name).write_bytes(source.read_bytes())
    cache = tmp_path / "cache" / "fonts.json"
    first = scan([tmp_path / "fonts"], cache)
    assert first
    assert cache.exists()
    assert scan([tmp_path / "fonts"], cache) == first
    cache.write_text("{ not json")
    assert scan([tmp_path / "fonts"], cache) == first


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_without_edges_has_no_strokes(value: int) -> None:
    mask = np.full((40, 12), value, np.uint8)
    for seed in range(8):
        found = lettering.pen_strokes(mask, np.random.default_rng(seed), 30.0)
        assert np.array_equal(found, mask)
