"""Where fonts are missing, all of them or some: what is missing is named, with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lipiyana.annotation.fonts import font_folders
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.fonts.files import FontFile
from lipiyana.rendering.plates.lettering import pick_face

SETTINGS = {"held_out": {"Latn": ["Dosis"]}, "lists": {"plate": ["Bebas Neue", "Inter"]}}


def font(family: str) -> FontFile:
    return FontFile("none.ttf", 0, family, 400, 100, False, ("Latn",), "ABC123")


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ((), ("Bebas Neue", "Dosis", "Inter")),
        (("Inter", "Lato"), ("Bebas Neue", "Dosis")),
        (("Inter", "Dosis", "Bebas Neue"), ()),
    ],
)
def test_families_of_the_set_that_are_missing_are_named(
    installed: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert FontLibrary(map(font, installed), SETTINGS).missing() == missing


def test_a_family_that_is_missing_is_named_with_what_to_do() -> None:
    library = FontLibrary([font("Inter")], SETTINGS)
    assert [face.family for face in library.faces("Latn", "Inter")] == ["Inter"]
    with pytest.raises(LookupError, match=r"'Bebas Neue' of Latn .*scripts/install_fonts\.sh"):
        library.faces("Latn", "Bebas Neue")


def test_a_plate_without_fonts_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPIYANA_FONTS", str(tmp_path))
    library = FontLibrary.load()
    assert library.families("Latn", "all") == ()
    with pytest.raises(LookupError, match=r"install_fonts\.sh"):
        pick_face(np.random.default_rng(0), library, "Latn", "KA01", split="train")


def test_folders_of_fonts_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (tmp_path / "one", tmp_path / "other")
    monkeypatch.setenv("LIPIYANA_FONTS", os.pathsep.join(map(str, folders)))
    assert font_folders() == folders
    monkeypatch.delenv("LIPIYANA_FONTS")
    assert Path("/usr/share/fonts") in font_folders()
