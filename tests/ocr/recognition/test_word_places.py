"""Where the words of a line stand, with the real reader and with made-up time steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lipiyana.ocr.geometry import area, shared_area
from lipiyana.ocr.recognition.decoding import Decoded, align, greedy
from lipiyana.ocr.recognition.reader import LineReading, ReadLine
from lipiyana.ocr.recognition.text_reader import join_pieces
from lipiyana.ocr.recognition.word_places import WordPlace, word_places
from lipiyana.ocr.scripts.label_order import sourced_text
from lipiyana.pipeline import LocalRecognizer
from lipiyana.scene.results import text_line
from lipiyana.types import RawImage, RecognitionConfig, TextLine

Draw = Callable[..., np.ndarray]
Quads = list[np.ndarray]


def drawn(*words: str, space: int = 40) -> tuple[np.ndarray, Quads]:
    """Draw words in a row, and give the corners of each."""
    font, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 1.4, 3
    widths = [cv2.getTextSize(word, font, scale, thickness)[0][0] for word in words]
    picture = np.full((72, sum(widths) + space * (len(words) + 1), 3), 255, np.uint8)
    quads, x = [], space
    for word, width in zip(words, widths, strict=True):
        cv2.putText(picture, word, (x, 52), font, scale, (0, 0, 0), thickness, cv2.LINE_AA)
        inked = np.flatnonzero((picture[:, x - 5 : x + width + 5] < 128).any(axis=(0, 2))) + x - 5
        left, right = float(inked.min()), float(inked.max() + 1)
        quads.append(np.array([[left, 16], [right, 16], [right, 60], [left, 60]], np.float64))
        x += width + space
    return picture, quads


def read(
    recognizer: LocalRecognizer, picture: np.ndarray, layout: str, **options: object
) -> TextLine:
    config = RecognitionConfig(layout=layout, words=True, **options)  # type: ignore[arg-type]
    raw = RawImage.from_array(np.ascontiguousarray(picture), "rgb8")
    (line,) = recognizer.recognize(raw, config).text_lines
    assert " ".join(word.text for word in line.words) == line.text
    return line


def columns(corners: Sequence[tuple[float, float]] | np.ndarray) -> tuple[float, float]:
    xs = np.asarray(corners)[:, 0]
    return float(xs.min()), float(xs.max())


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (min(a[1], b[1]) - max(a[0], b[0])) / (max(a[1], b[1]) - min(a[0], b[0]))


@pytest.mark.parametrize(
    "words",
    [("STORES",), ("GENERAL", "STORES"), ("PLOT", "12", "SECTOR", "48"),
     ("GRAND", "HOTEL", "AND", "SUPER", "MARKET", "NEAR", "CITY", "PARK")],
)  # fmt: skip
def test_words_of_a_crop(recognizer: LocalRecognizer, words: tuple[str, ...]) -> None:
    picture, truth = drawn(*words)
    line = read(recognizer, picture, "line")
    assert [word.text for word in line.words] == list(words)
    for word, corners in zip(line.words, truth, strict=True):
        assert overlap(columns(word.polygon), columns(corners)) > 0.85
        assert 0 < word.confidence <= 1


@pytest.mark.parametrize("degrees", [-12, 0, 12, 90, 180, 270])
def test_words_of_tilted_and_turned_scenes(recognizer: LocalRecognizer, degrees: int) -> None:
    board, truth = drawn("RAILWAY", "STATION", space=20)
    picture = np.full((600, 700, 3), 255, np.uint8)
    picture[250 : 250 + board.shape[0], 100 : 100 + board.shape[1]] = board
    if degrees % 90:
        matrix = cv2.getRotationMatrix2D((350, 300), -degrees, 1)
        picture = cv2.warpAffine(picture, matrix, (700, 600), borderValue=(255, 255, 255))
    else:
        picture = np.rot90(picture, -degrees // 90)
    line = read(recognizer, picture, "scene", features=["text"])
    assert [word.text for word in line.words] == ["RAILWAY", "STATION"]
    for word, corners in zip(line.words, truth, strict=True):
        moved = corners + np.array([100, 250])
        if degrees % 90:
            moved = moved @ matrix[:, :2].T + matrix[:, 2]
        else:
            moved = {
                0: moved,
                90: np.stack([600 - moved[:, 1], moved[:, 0]], axis=1),
                180: [700, 600] - moved,
                270: np.stack([moved[:, 1], 700 - moved[:, 0]], axis=1),
            }[degrees]
        quad = np.array(word.polygon)
        assert shared_area(quad, moved) / (area(quad) + area(moved)) > 0.35  # half of it is all
        # the first corner is that of the first letter
        assert np.linalg.norm(quad[0] - moved[0]) < 0.5 * np.linalg.norm(moved[1] - moved[0])


def test_no_words_are_given_unasked(recognizer: LocalRecognizer) -> None:
    picture, _ = drawn("GENERAL", "STORES")
    raw = RawImage.from_array(picture, "rgb8")
    (line,) = recognizer.recognize(raw, RecognitionConfig(layout="line")).text_lines
    assert line.words == ()


def test_words_of_the_rows_of_plates(recognizer: LocalRecognizer) -> None:
    config = RecognitionConfig(layout="plate", words=True)
    found = recognizer.recognize("samples/plates/02_standard_2row.jpg", config)
    (plate,) = found.plates
    for line in plate.lines:
        assert " ".join(word.text for word in line.words) == line.text
        for word in line.words:
            (left, right), (start, end) = columns(word.polygon), columns(line.polygon)
            assert start - 1 <= left < right <= end + 1


def steps_of(*labels: int, classes: int, sure: float = 0.9) -> np.ndarray:
    """Probabilities in which these classes are likeliest, one a step."""
    made = np.full((len(labels), classes), (1 - sure) / (classes - 1))
    made[np.arange(len(labels)), labels] = sure
    return made


def blobs(*spans: tuple[int, int], width: int) -> np.ndarray:
    crop = np.full((48, width, 3), 255, np.uint8)
    for start, end in spans:
        crop[10:38, start:end] = 0
    return crop


def test_a_line_from_the_right_begins_at_the_right() -> None:
    charset = ("ا", "ر", "د", "و", " ", "ب", "ز")
    labels = "رازاب ودرا"  # as they stand from the left: of "اردو بازار"
    classes = {label: index for index, label in enumerate(charset, 1)}
    path = [step for label in labels for step in (classes[label], 0)]
    seen = steps_of(*path, classes=8)
    crop = blobs((2, 42), (52, 78), width=80)
    line = greedy(seen, charset)
    places = word_places(crop, line, sourced_text(line.text), seen, classes)
    assert [place.text for place in places] == ["اردو", "بازار"]
    first, second = places
    assert overlap((first.start, first.end), (52 / 80, 78 / 80)) > 0.8
    assert overlap((second.start, second.end), (2 / 80, 42 / 80)) > 0.8


def test_a_corrected_text_is_found_where_it_stands() -> None:
    """The language model prefers "AB A" to the likeliest "AA A"."""
    charset = ("A", "B", " ")
    seen = steps_of(1, 0, 1, 1, 0, 3, 0, 0, 1, 0, classes=4, sure=0.7)
    seen[2:4] = [0.05, 0.5, 0.4, 0.05]
    assert greedy(seen, charset).text == "AA A"
    assert align(seen, [1, 2, 3, 1]).steps == ((0, 0), (2, 3), (5, 5), (8, 8))
    line = Decoded("AB A", (0.7, 0.4, 0.7, 0.7))
    crop = blobs((1, 17), (30, 39), width=40)
    classes = {"A": 1, "B": 2, " ": 3}
    first, second = word_places(crop, line, sourced_text(line.text), seen, classes)
    assert (first.text, second.text) == ("AB", "A")
    assert first.end == pytest.approx(17 / 40, abs=0.03)
    assert second.start == pytest.approx(30 / 40, abs=0.03)
    assert first.confidence == pytest.approx(0.55)


def test_words_of_pieces_stand_in_the_whole_line() -> None:
    left = LineReading("A B", 0.9, (0.9,) * 3, words=(
        WordPlace("A", 0.9, 0.0, 0.5), WordPlace("B", 0.9, 0.6, 1.0),
    ))  # fmt: skip
    right = LineReading("C", 0.9, (0.9,), words=(WordPlace("C", 0.9, 0.5, 1.0),))
    joined = join_pieces([left, right], [300, 100])
    assert joined.text == "A B C"
    assert [(w.text, w.start, w.end) for w in joined.words] == [
        ("A", 0.0, 0.375), ("B", pytest.approx(0.45), 0.75), ("C", 0.875, 1.0),
    ]  # fmt: skip


@given(
    st.text(st.sampled_from("AB ि\u200dक"), max_size=12),
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 99), st.just(3))),
    st.integers(1, 12),
)
def test_any_words_are_the_text_and_lie_in_the_line(
    text: str, crop: np.ndarray, steps: int
) -> None:
    classes = {character: index for index, character in enumerate("AB ि\u200dक", 1)}
    seen = np.full((steps, 7), 1 / 7)
    line = Decoded(text, (0.5,) * len(text))
    spelt = sourced_text(text)
    words = word_places(crop, line, spelt, seen, classes)
    assert [word.text for word in words] == "".join(c for c, _ in spelt).split()
    for word in words:
        assert 0 <= word.start <= word.end <= 1
    reading = LineReading(text, 0.5, (0.5,) * len(text), words=words)
    quad = np.array([[1.0, 2], [31, 2], [31, 12], [1, 12]])
    shown = text_line(ReadLine(quad, reading), False, (20, 40))
    assert " ".join(word.text for word in shown.words) == shown.text
    for word in shown.words:
        assert all(1 <= x <= 31 and 2 <= y <= 12 for x, y in word.polygon)
