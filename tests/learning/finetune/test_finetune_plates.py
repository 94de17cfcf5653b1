"""`finetune plates`: labels as registrations, rendered whole plates, scores of whole plates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from numbers_drawn import draw_number

from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.reader.checking import as_plates, format_notes, registrations
from lipiyana.learning.finetune.reader.examples import Example
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.learning.finetune.reader.learner import ReaderRecipe
from lipiyana.learning.finetune.reader.line_source import LineMix, calibration_lines, other_lines
from lipiyana.learning.finetune.reader.rendered_lines import SIMILAR, RenderedLines, styles_of
from lipiyana.learning.finetune.reader.run import ReaderJob, finetune_reader
from lipiyana.learning.finetune.reader.scoring import example_plates, letters_and_digits
from lipiyana.learning.trainer.run import Recipe
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.store import ModelStore
from lipiyana.types import RegistrationFormat


def spelt(text: str) -> str:
    return as_plates([Label("a", None, text)])[0].text


def test_labels_are_spelled_like_training_rows_of_plates() -> None:
    assert spelt(" mh 12-ab.1234 ") == "MH12AB1234"
    assert spelt("MH 12 AB/12 34") == "MH12AB/1234"
    assert spelt("MH 12 AB\n12 34") == "MH12AB\n1234"
    assert spelt("को.३५प/६२१३") == "को.३५प/६२१३"


def test_rows_are_joined_and_mistyped_labels_reported() -> None:
    examples = [
        Example("a:1", Path("a"), "MH12AB", "train", row=0),
        Example("a:1", Path("a"), "1234", "train", row=1),
        Example("a:2", Path("b"), "MH12AB12Z4", "train"),
        Example("a:3", Path("c"), "KA05MJ2771", "train"),
    ]
    plates = registrations(examples)
    assert plates == {"a:1": "MH12AB\n1234", "a:2": "MH12AB12Z4", "a:3": "KA05MJ2771"}
    (note,) = format_notes(plates)
    assert note.startswith("1 of 3 labels")
    assert "a:2" in note
    assert styles_of(plates.values()) == {
        (RegistrationFormat.STANDARD, 2): 1,
        (RegistrationFormat.STANDARD, 1): 2,
    }
    assert letters_and_digits("को.३५प ६२१३-a") == "को३५प६२१३A"


def test_lines_similar_to_plates_are_plates_of_the_same_format(font_library: FontLibrary) -> None:
    charset = Charset.load()
    rng = np.random.default_rng(0)
    plates = ["को.३५प\n६२१३"]
    rendered = RenderedLines(["को.३५प", "६२१३"], charset, None, rng, plates)
    lines = [line for _ in range(12) for line in rendered.similar()]
    assert lines
    assert {line.script for line in lines} == {SIMILAR}
    assert not any(c.isascii() and c.isalnum() for line in lines for c in line.text)
    assert sum(line.text.isdigit() for line in lines) == len(lines) / 2, "all in two rows"
    assert len({line.text for line in lines}) > 5


def test_measured_lines_are_reproducible(font_library: FontLibrary) -> None:
    example = Example("a:1", Path("nowhere.png"), "MH12AB1234", "train")
    mix = LineMix((example,), Charset.load().characters, None, plates=("MH12AB1234",))
    first, second = other_lines(mix, 4), other_lines(mix, 4)
    assert [line.text for line in first] == [line.text for line in second]
    assert all((a.image == b.image).all() for a, b in zip(first, second, strict=True))
    assert other_lines(mix, 0) == []
    assert len(calibration_lines(replace(mix, real_share=0.0), 3)) == 3


def write_plates(folder: Path) -> Path:
    folder.mkdir()
    rows = []
    for number in range(12):
        top, bottom = draw_number("MH12", number), draw_number(f"AB{number + 10}", number)
        width = min(top.shape[1], bottom.shape[1])
        plate = np.vstack([top[:, :width], bottom[:, :width]])
        cv2.imwrite(str(folder / f"{number}.png"), plate[..., ::-1])
        rows.append(f"{number}.png\tMH 12/AB {number + 10}\n")
    (folder / "labels.tsv").write_text("".join(rows))
    return folder


def test_whole_plates_are_measured(
    tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fonts = FontLibrary([], {"held_out": {}})
    monkeypatch.setattr(FontLibrary, "load", lambda: no_fonts)
    recipe = ReaderRecipe(Recipe(warm_up_steps=1, fade_steps=0), retained_lines=0, workers=0)
    job = ReaderJob(
        data=write_plates(tmp_path / "data"),
        out=tmp_path / "models",
        plates=True,
        limits=Limits(minutes=60, steps=2),
        recipe=recipe,
        name="plates",
        samples=None,
    )
    made = finetune_reader(job, ModelStore(tiny_models, threads=1))
    assert made.validation is not None
    assert all(case.text.startswith("MH12AB") for case in made.validation.cases)
    assert all(case.pixels.shape[0] == 96 for case in made.validation.cases)
    assert "plates" in (tmp_path / "models" / "report-plates.html").read_text("utf-8")
    names = {entry.name for entry in made.models}
    assert "plates-float" in names


def test_a_plate_is_cut_out_whole(tmp_path: Path) -> None:
    folder = write_plates(tmp_path / "data")
    rows = [
        Example("labels.tsv:1", folder / "0.png", text, "validation", row=row)
        for row, text in enumerate(("MH12", "AB10"))
    ]
    (case,) = example_plates(rows)
    assert case.text == "MH12AB10"
    assert case.pixels.shape[0] == 96
