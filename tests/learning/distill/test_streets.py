"""Rendered streets and walls with the outlines of their lines."""

from __future__ import annotations

import random
from dataclasses import replace

import cv2
import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.distill.pictures.streets import Streets
from lipiyana.learning.distill.pictures.walls import Walls
from lipiyana.learning.distill.text_cores import LabelledPicture, cores_of
from lipiyana.learning.finetune.reader.rendered_lines import corpus_like
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.rendering.contents.corpus import Corpus, Sample
from lipiyana.rendering.fonts.families import FontLibrary


def test_a_street_is_reproducible_by_its_number(font_library: FontLibrary) -> None:
    streets = Streets(corpus_like(None, Charset.load()), font_library)
    first, second = streets.picture(3), streets.picture(3)
    assert (first.pixels == second.pixels).all()
    assert first.lines is not None
    assert first.lines.shape[1:] == (4, 2)
    other = streets.picture(4).pixels
    assert first.pixels.shape != other.shape or (first.pixels != other).any()


class _BlankAtFirst(Corpus):
    """Texts of a corpus, after one that leaves no ink."""

    def __init__(self, inner: Corpus) -> None:
        self._inner, self.blanks = inner, 0

    def sample(self, rng: random.Random, script: str | None = None) -> Sample:
        sample = self._inner.sample(rng, script)
        if self.blanks:
            return sample
        self.blanks += 1
        return replace(sample, text=" ", drawn=" ")


def test_a_street_with_a_sign_without_ink_is_redrawn(font_library: FontLibrary) -> None:
    corpus = _BlankAtFirst(corpus_like(None, Charset.load()))
    assert Streets(corpus, font_library).picture(3).pixels.std() > 1
    assert corpus.blanks == 1


def test_a_wall_is_reproducible_and_has_text(font_library: FontLibrary) -> None:
    grey = np.full((90, 120, 3), 120, np.uint8)
    walls = Walls(corpus_like(None, Charset.load()), font_library, [lambda: LabelledPicture(grey)])
    first, second = walls.picture(3), walls.picture(3)
    assert (first.pixels == second.pixels).all()
    for number in range(4, 8):
        wall = walls.picture(number)
        assert wall.lines is not None
        assert len(wall.lines)
        # a line's outline holds strokes: more contrast than the ground of the same size beside it
        grid = cv2.cvtColor(wall.pixels, cv2.COLOR_RGB2GRAY)
        width = grid.shape[1]
        assert (wall.lines[..., 0] > -width * 0.1).all()
        assert (wall.lines[..., 0] < width * 1.1).all()
        inside = cores_of(wall.lines, wall.pixels.shape) > 0
        change = np.abs(cv2.Laplacian(grid, cv2.CV_32F))
        assert change[inside].mean() > change[~inside].mean()


def test_without_fonts_nothing_is_drawn() -> None:
    walls = Walls(corpus_like(None, Charset.load()), FontLibrary.load([]))
    with pytest.raises(LookupError, match="install_fonts"):
        walls.picture(0)
