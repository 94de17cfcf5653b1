"""Crops of one line that are tilted or upside down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.images.loading import load
from lipiyana.ocr.recognition.reader import LineReading
from lipiyana.ocr.recognition.single_line import level_quad, tilt_of
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Layout, RawImage, Recognition, RecognitionConfig

Draw = Callable[..., np.ndarray]
LINE = RecognitionConfig(layout=Layout.LINE)


def tilted(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a picture clockwise by less than a right angle, on a canvas that holds all of it."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(height * sin + width * cos), round(height * cos + width * sin)
    matrix[:, 2] += size[0] / 2 - width / 2, size[1] / 2 - height / 2
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def read(recognizer: LocalRecognizer, picture: np.ndarray) -> Recognition:
    pixels = np.ascontiguousarray(picture)
    return recognizer.recognize(RawImage.from_array(pixels, "rgb8"), LINE)


@pytest.mark.parametrize("degrees", [-30, -18, -7, 0, 7, 18, 30])
def test_the_tilt_is_found(degrees: int, draw_text: Draw) -> None:
    assert abs(tilt_of(tilted(draw_text("GENERAL STORES"), degrees)) - degrees) <= 2


@pytest.mark.parametrize("picture", [np.full((40, 200, 3), 90, np.uint8), np.zeros((1, 1, 3))])
def test_nothing_is_not_tilted(picture: np.ndarray) -> None:
    flat = picture.astype(np.uint8)
    assert abs(tilt_of(flat)) <= 32
    assert np.isfinite(level_quad(flat, 10.0)).all()


@pytest.mark.parametrize("degrees", [-28, -20, 20, 28])
def test_a_tilted_line_is_read(degrees: int, recognizer: LocalRecognizer, draw_text: Draw) -> None:
    found = read(recognizer, tilted(draw_text("RAILWAY STATION"), degrees))
    (line,) = found.text_lines
    assert line.text.replace(" ", "") == "RAILWAYSTATION"
    assert found.rotation_degrees == 0
    (x0, y0), (x1, y1), *_ = line.polygon
    assert np.degrees(np.arctan2(y1 - y0, x1 - x0)) == pytest.approx(degrees, abs=8)


def test_a_part_of_another_line_is_left_out(draw_text: Draw) -> None:
    crop = np.full((130, 400, 3), 255, np.uint8)
    line = draw_text("HOTEL SAGAR")[:70, :300]
    crop[60 : 60 + line.shape[0], :300] = line
    crop[:22, :90] = 0
    quad = level_quad(crop, 0.0)
    assert quad[:, 1].min() > 30


@pytest.mark.parametrize("word", ["HOTEL", "STATION", "SECOND CLASS"])
@pytest.mark.parametrize("degrees", [0, 18])
def test_a_line_upside_down(
    word: str, degrees: int, recognizer: LocalRecognizer, draw_text: Draw
) -> None:
    found = read(recognizer, np.rot90(tilted(draw_text(word), degrees), 2))
    (line,) = found.text_lines
    assert line.text == word
    assert found.rotation_degrees == 180
    assert line.polygon[0][0] > line.polygon[1][0], "it begins on the right"


@pytest.mark.parametrize("word", ["HOTEL", "SOS", "NOON", "8", "96"])
def test_an_upright_line_stays(word: str, recognizer: LocalRecognizer, draw_text: Draw) -> None:
    found = read(recognizer, draw_text(word))
    assert [line.text for line in found.text_lines] == [word]
    assert found.rotation_degrees == 0


def test_a_line_that_reads_well_is_read_once(
    recognizer: LocalRecognizer, draw_text: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    whole = type(recognizer._reader).read

    def counted(self: object, crops: list[np.ndarray], **options: object) -> list[LineReading]:
        calls.append(len(crops))
        return whole(self, crops, **options)

    monkeypatch.setattr(type(recognizer._reader), "read", counted)
    read(recognizer, draw_text("RAILWAY STATION"))
    assert calls == [1]


TAMIL = {
    "E_tamil_10.jpg": ("ரெடிமேட்ஸ்", 0),
    "E_tamil_10_180.jpg": ("ரெடிமேட்ஸ்", 180),
    "E_tamil_14.jpg": ("எத்திராஜ் சாலை", 0),
    "E_tamil_1_180.jpg": ("நெடுஞ்சாலைத்", 180),
}


def test_words_of_signs(recognizer: LocalRecognizer, shared_data: Path) -> None:
    exact = 0
    for file, (text, degrees) in TAMIL.items():
        found = read(recognizer, load(shared_data / "cases" / file))
        assert found.rotation_degrees == degrees, file
        exact += [line.text for line in found.text_lines] == [text]
    assert exact >= len(TAMIL) / 2
