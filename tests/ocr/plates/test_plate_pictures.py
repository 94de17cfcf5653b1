"""Drawn plates of the kinds that were read wrong, with the real readers."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import RawImage, RecognitionConfig

Draw = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def reader(store: ModelStore) -> PlateCropReader:
    return PlateCropReader(store, installed_reader(store))


def drawn(*rows: str, gap: int = 14) -> np.ndarray:
    """Dark letters on white, rows in the middle, (height, width, 3)."""
    font, scale, thick = cv2.FONT_HERSHEY_DUPLEX, 1.4, 3
    widths = [cv2.getTextSize(row, font, scale, thick)[0][0] for row in rows]
    tall, margin = 34, 12
    height = len(rows) * tall + (len(rows) - 1) * gap + 2 * margin
    plate = np.full((height, max(widths) + 2 * margin, 3), 240, np.uint8)
    for index, (row, width) in enumerate(zip(rows, widths, strict=True)):
        x = (plate.shape[1] - width) // 2
        y = margin + tall + index * (tall + gap) - 2
        cv2.putText(plate, row, (x, y), font, scale, (20, 20, 20), thick, cv2.LINE_AA)
    return plate


@pytest.mark.parametrize(
    ("rows", "canonical", "country"),
    [
        (("BA 2", "CHA 9081"), "BA2CHA9081", "NP"),
        (("PRADESH 3-01", "024 CHA", "1234"), "PRADESH301024CHA1234", "NP"),
        (("HR 63", "C", "2419"), "HR63C2419", "IN"),
        (("WB 20 BK", "8081"), "WB20BK8081", "IN"),
    ],
)
def test_plates_of_two_and_three_rows(
    reader: PlateCropReader, rows: tuple[str, ...], canonical: str, country: str
) -> None:
    registration = reader.read(drawn(*rows)).registration
    assert (registration.canonical, registration.country) == (canonical, country)


@pytest.mark.parametrize("rows", [("WB 20 BK 8081",), ("WB 20 BK", "8081"), ("HR26 AH 6911",)])
def test_a_plate_upside_down_is_no_registration(
    reader: PlateCropReader, rows: tuple[str, ...]
) -> None:
    plate = drawn(*rows)
    assert reader.read(plate).registration.valid
    for turned in (plate[::-1, ::-1], plate[:, ::-1]):  # upside down, in a mirror
        assert not reader.read(np.ascontiguousarray(turned)).registration.valid


@pytest.mark.parametrize("number", ["8081", "8083", "8086"])
@pytest.mark.parametrize("share", [0.35, 0.5])
def test_a_digit_of_which_half_is_seen_is_not_filled_in(
    reader: PlateCropReader, number: str, share: float
) -> None:
    plate = drawn(f"WB20BK{number}")
    digit = 27  # pixels of a digit
    cut = reader.read(np.ascontiguousarray(plate[:, : plate.shape[1] - 12 - round(share * digit)]))
    said = cut.registration
    assert not said.valid or said.canonical == f"WB20BK{number}"
    whole = reader.read(plate).registration
    assert whole.valid
    assert whole.canonical == f"WB20BK{number}"


@pytest.mark.parametrize("gap", [10, 24, 34])
def test_two_rows_in_a_scene_are_joined_in_their_order(
    recognizer: LocalRecognizer, gap: int
) -> None:
    picture = np.full((240, 360, 3), 110, np.uint8)
    plate = drawn("WB 20 BK", "8081", gap=gap)
    picture[40 : 40 + plate.shape[0], 60 : 60 + plate.shape[1]] = plate
    found = recognizer.recognize(RawImage.from_array(picture, "rgb8"), RecognitionConfig()).plates
    said = [one.registration.canonical for one in found if one.registration.valid]
    assert said == ["WB20BK8081"]
