from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.recognition.settings import RECOGNITION
from lipiyana.runtime.session import LocalSession
from lipiyana.runtime.store import ModelStore

Draw = Callable[..., np.ndarray]
TEXTS = ("AUTO", "KA01AB1234", "Open 24 hours", "7", "Bus stop", "GRAND TRUNK ROAD", "Rs. 1450")


@pytest.fixture(scope="module")
def reader(store: ModelStore) -> LineReader:
    return LineReader(store)


def test_lines_are_read_in_their_order(reader: LineReader, draw_text: Draw) -> None:
    readings = reader.read([draw_text(text) for text in TEXTS])
    assert [reading.text for reading in readings] == list(TEXTS)
    for reading in readings:
        assert len(reading.character_confidences) == len(reading.text)
        assert 0.5 < reading.confidence <= 1.0


def test_a_reading_does_not_depend_on_its_neighbours(reader: LineReader, draw_text: Draw) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 333, 3), np.uint8)
    crops = [draw_text(text) for text in TEXTS] * 3 + [noise]
    together = reader.read(crops)
    for crop, reading in zip(crops, together, strict=True):
        (alone,) = reader.read([crop])
        assert alone.text == reading.text
        assert alone.character_confidences == pytest.approx(reading.character_confidences, abs=1e-3)


def test_a_batch_is_no_wider_than_one_of_the_longest_lines(
    store: ModelStore, draw_text: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []
    run = LocalSession.run

    def noted(session: LocalSession, batch: np.ndarray) -> list[np.ndarray]:
        shapes.append(batch.shape)
        return run(session, batch)

    monkeypatch.setattr(LocalSession, "run", noted)
    lines = [draw_text(text) for text in TEXTS] * 2 + [np.full((48, 1300, 3), 255, np.uint8)] * 3
    assert len(LineReader(store).read([*lines, np.full((48, 9000, 3), 255, np.uint8)])) == 18
    assert sum(rows for rows, *_ in shapes) == 18
    assert max(rows * width for rows, _, _, width in shapes) <= RECOGNITION.max_batch_width
    assert max(rows for rows, *_ in shapes) > 1


def test_reduced_probabilities_are_one_matrix_a_line(reader: LineReader, draw_text: Draw) -> None:
    crops = [draw_text("AB"), draw_text("A LONG LINE OF TEXT")]
    short, long = reader.read(crops, reduce=lambda probabilities, _: probabilities[:, :1])
    assert short.reduced is not None
    assert long.reduced is not None
    assert len(short.reduced) < len(long.reduced)
    assert ((short.reduced >= 0) & (short.reduced <= 1.001)).all()


def test_colours_are_not_swapped(reader: LineReader, store: ModelStore) -> None:
    # the reader sees blue first: a picture and its mirror in colour must differ for it
    red = np.zeros((48, 96, 3), np.uint8)
    red[..., 0] = 255
    reduced = [
        reading.reduced
        for reading in reader.read([red, red[..., ::-1]], reduce=lambda p, _: p[:, :50])
    ]
    assert reduced[0] is not None
    assert reduced[1] is not None
    assert not np.allclose(reduced[0], reduced[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
def test_odd_shapes(reader: LineReader, shape: tuple[int, int]) -> None:
    (reading,) = reader.read([np.full((*shape, 3), 255, np.uint8)])
    assert len(reading.character_confidences) == len(reading.text)


def test_no_crops(reader: LineReader) -> None:
    assert reader.read([]) == []
