"""If fonts are missing, they are named together with the command that installs them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lipiyana.annotation import font_folders
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
def test_missing_families_are_named(installed: tuple[str, ...], missing: tuple[str, ...]) -> None:
    assert FontLibrary(map(font, installed), SETTINGS).missing() == missing


def test_a_missing_family_is_reported_with_the_install_command() -> None:
    library = FontLibrary([font("Inter")], SETTINGS)
    assert [face.family for face in library.faces("Latn", "Inter")] == ["Inter"]
    with pytest.raises(LookupError, match=r"'Bebas Neue' for Latn .*scripts/install_fonts\.sh"):
        library.faces("Latn", "Bebas Neue")


def test_rendering_a_plate_without_fonts_names_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPIYANA_FONTS", str(tmp_path))
    library = FontLibrary.load()
    assert library.families("Latn", "all") == ()
    with pytest.raises(LookupError, match=r"install_fonts\.sh"):
        pick_face(np.random.default_rng(0), library, "Latn", "KA01", split="train")


def test_font_folders_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (tmp_path / "one", tmp_path / "other")
    monkeypatch.setenv("LIPIYANA_FONTS", os.pathsep.join(map(str, folders)))
    assert font_folders() == folders
    monkeypatch.delenv("LIPIYANA_FONTS")
    assert Path("/usr/share/fonts") in font_folders()
