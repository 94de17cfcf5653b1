"""Which reader reads Latin after a fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.finetune.reader.run import wants_specialist
from lipiyana.learning.finetune.reader.scoring import LineCase, ReadCases, read_lines
from lipiyana.ocr.recognition.reader import LineReader, Reader
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

BLANK = np.full((48, 160, 3), 255, np.uint8)


def chosen(
    store: ModelStore, *texts: str, refused: bool = False, read: ReadCases = read_lines
) -> bool:
    base = store.default_for_task(Task.LINE_READER)
    if refused:
        base = replace(base, parameters={**base.parameters, "latin_specialist": False})
    cases = [LineCase(text, BLANK, text) for text in texts]
    return wants_specialist(store, base.name, cases, read, base)


def test_one_mistyped_label_does_not_disable_the_specialist(store: ModelStore) -> None:
    assert chosen(store)
    assert chosen(store, "ಅಂಗಡಿ", "Mರ")
    assert chosen(store, *["Mರ"] * 9)


def test_equally_good_readers_keep_the_specialist(store: ModelStore) -> None:
    assert chosen(store, *["TIMBER"] * 6)
    assert not chosen(store, *["TIMBER"] * 6, refused=True)


def test_enough_lines_that_the_new_reader_reads_better_disable_the_specialist(
    store: ModelStore,
) -> None:
    def read(reader: Reader, cases: Sequence[LineCase]) -> tuple[str, ...]:
        alone = isinstance(reader, LineReader)
        return tuple(case.text if alone else "?" for case in cases)

    assert chosen(store, *["TIMBER"] * 4, read=read), "too few"
    assert not chosen(store, *["TIMBER"] * 5, read=read)
