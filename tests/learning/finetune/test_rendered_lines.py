"""Lines that are rendered in addition to the user's."""

from __future__ import annotations

import numpy as np
import pytest

from lipiyana.learning.finetune.reader.rendered_lines import SIMILAR, RenderedLines
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.table import script_of
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

pytestmark = pytest.mark.usefixtures("font_library")


def kin(*labels: str, with_words: bool = True) -> list[str]:
    words = ModelStore().default_for_task(Task.LINE_READER).words if with_words else None
    rng = np.random.default_rng(5)
    rendered = RenderedLines(labels, Charset.load(), words, rng)
    lines = [line for _ in range(60) for line in rendered.similar()]
    assert {line.script for line in lines} == {SIMILAR}
    return [line.text for line in lines]


def longest(text: str) -> int:
    return max(map(len, text.split()))


def test_lines_similar_to_words_include_other_words_of_the_script() -> None:
    texts = kin("ক", "খ")
    words = [text for text in texts if longest(text) > 2]
    assert len(texts) / 4 < len(words) < len(texts) * 3 / 4
    in_script = [text for text in words if script_of(text) == "Beng"]
    assert len(in_script) > len(words) / 2, "others are in Latin, as signs have it"


def test_lines_similar_to_plates_are_not_words() -> None:
    assert all(longest(text) <= 4 for text in kin("১২৩৪", "৯৮ক"))


def test_without_a_language_model_only_letters_are_replaced() -> None:
    assert all(longest(text) <= 2 for text in kin("ক", "খ", with_words=False))
