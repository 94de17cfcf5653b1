from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lipiyana.ocr.recognition.reader import LineReader, LineReading, Reduce
from lipiyana.ocr.recognition.settings import RECOGNITION
from lipiyana.ocr.recognition.text_reader import TextReader, join_pieces, pieces_of
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.store import ModelStore

FONT = cv2.FONT_HERSHEY_SIMPLEX


def line(text: str, colour: int = 20, ground: int = 230) -> np.ndarray:
    """A tight crop of one line."""
    (width, height), below = cv2.getTextSize(text, FONT, 1.2, 3)
    picture = np.full((height + below + 8, width + 8, 3), ground, np.uint8)
    cv2.putText(picture, text, (4, height + 4), FONT, 1.2, (colour,) * 3, 3, cv2.LINE_AA)
    return picture


def reading(text: str, confidence: float = 0.9) -> LineReading:
    return LineReading(
        text, confidence, (confidence,) * len(text), np.ones((len(text), 3), np.float32)
    )


@pytest.mark.parametrize(("colour", "ground"), [(20, 230), (240, 60), (120, 200)])
def test_long_lines_are_cut_between_words(colour: int, ground: int) -> None:
    words = ["POLICE", "STATION", "ROAD", "NORTH", "GATE"]
    crop = line("  ".join(words), colour, ground)
    pieces = pieces_of(crop)
    assert 2 <= len(pieces) <= len(words)
    assert sum(piece.shape[1] for piece in pieces) == crop.shape[1]
    edges = np.cumsum([piece.shape[1] for piece in pieces])[:-1]
    assert (crop[:, edges] == ground).all()


def test_short_lines_and_single_words_stay_whole() -> None:
    short, word = line("BUS STOP"), line("INTERNATIONALISATION")
    assert short.shape[1] < RECOGNITION.longest_line * short.shape[0] < word.shape[1]
    for crop in (short, word):
        (piece,) = pieces_of(crop)
        assert piece is crop or (piece == crop).all()


def test_pieces_are_joined_by_spaces() -> None:
    whole = join_pieces([reading("NH 44", 0.8), reading("", 0.0), reading("EAST", 0.6)])
    assert whole.text == "NH 44 EAST"
    assert len(whole.character_confidences) == len(whole.text)
    assert whole.character_confidences[5] == 0.6
    assert whole.confidence == pytest.approx(np.mean(whole.character_confidences))
    assert whole.reduced is not None
    assert whole.reduced.shape == (9, 3)


def test_urdu_pieces_are_joined_from_the_right() -> None:
    assert join_pieces([reading("بازار"), reading("اردو")]).text == "اردو بازار"


def test_pieces_without_text_say_nothing() -> None:
    assert join_pieces([reading("", 0.0), reading("", 0.0)]).text == ""


class Widths:
    """Reads a crop as its width in pixels."""

    entries: tuple[ModelEntry, ...] = ()

    def read(
        self,
        crops: Sequence[np.ndarray],
        *,
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        return [reading(str(crop.shape[1])) for crop in crops]


def test_readings_come_in_the_order_of_the_crops() -> None:
    crops = [line("ONE"), line("GRAND  HOTEL  AND  SUPER  MARKET"), line("TWO")]
    first, long, last = TextReader(Widths(), split_long_lines=True).read(crops)
    assert (first.text, last.text) == (str(crops[0].shape[1]), str(crops[2].shape[1]))
    assert sum(map(int, long.text.split())) == crops[1].shape[1]
    assert TextReader(Widths(), split_long_lines=True).read([]) == []


def test_a_real_reader_reads_long_lines(store: ModelStore) -> None:
    text = "GRAND HOTEL AND SUPER MARKET NEAR CITY PARK"
    crop = line(text.replace(" ", "  "))
    (found,) = TextReader(LineReader(store), split_long_lines=True).read([crop])
    assert found.text.split() == text.split()


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 300), st.just(3))))
def test_no_column_is_lost(crop: np.ndarray) -> None:
    pieces = pieces_of(crop)
    assert (np.concatenate(pieces, axis=1) == crop).all()
