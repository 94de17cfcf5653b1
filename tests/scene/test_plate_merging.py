from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.runtime.store import ModelStore
from lipiyana.scene.plate_merging import (
    downweight_signs,
    drop_fragments,
    extend_truncated,
    merge_same_place,
    read_plates,
)
from lipiyana.scene.settings import SceneSettings
from lipiyana.types import Box, Plate, PlateColour, Registration, TextLine
from lipiyana.vehicles.detection.detector import PLATE, Detection
from lipiyana.vehicles.detection.network import OPERATING_POINT

Draw = Callable[..., np.ndarray]
HERE = Box(100, 100, 200, 130)


def found(canonical: str, box: Box, *, sure: float = 0.9, confidence: float = 0.5) -> Plate:
    registration = Registration(
        canonical, bool(canonical), character_confidences=(sure,) * len(canonical)
    )
    return Plate(canonical or "KA", confidence, box, registration=registration)


@pytest.fixture(scope="module")
def reader(store: ModelStore) -> PlateCropReader:
    return PlateCropReader(store, installed_reader(store))


def test_a_plate_is_read_where_it_stands(reader: PlateCropReader, draw_text: Draw) -> None:
    board = draw_text("KA 01 AB 1234")
    height, width = board.shape[:2]
    picture = np.full((400, 700, 3), 120, np.uint8)
    picture[200 : 200 + height, 150 : 150 + width] = board
    box = Box(150.4, 199.7, 150 + width, 200 + height)
    (plate,) = read_plates(picture, [Detection(PLATE, 0.5, box)], reader, romanize=False)
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.box == box
    assert plate.confidence > 0.9  # as sure as its reading
    for line in plate.lines:
        xs, ys = zip(*line.polygon, strict=True)
        # a row that fills the plate is as long as the crop, which is a little larger
        assert 130 < min(xs) < max(xs) < 170 + width
        assert 180 < min(ys) < max(ys) < 220 + height


def test_an_unreadable_plate_is_still_a_plate(reader: PlateCropReader) -> None:
    picture = np.full((100, 100, 3), 120, np.uint8)
    for box in (Box(10, 10, 60, 24), Box(99.2, 99.2, 99.9, 99.9), Box(0, 0, 100, 100)):
        (plate,) = read_plates(picture, [Detection(PLATE, 0.4, box)], reader, romanize=False)
        assert plate == Plate("", 0.4, box)


def test_a_very_unsure_plate_is_not_read(reader: PlateCropReader, draw_text: Draw) -> None:
    board = draw_text("KA 01 AB 1234")
    box = Box(0, 0, board.shape[1], board.shape[0])
    (plate,) = read_plates(board, [Detection(PLATE, 0.05, box)], reader, romanize=False)
    assert plate == Plate("", 0.05, box)


@pytest.mark.parametrize(("height", "is_read"), [(8.5, False), (9.5, True)])
def test_a_plate_too_low_for_letters_is_not_read(
    reader: PlateCropReader, draw_text: Draw, height: float, is_read: bool
) -> None:
    board = draw_text("KA 01 AB 1234")
    box = Box(10, 20, 300, 20 + height)
    (plate,) = read_plates(board, [Detection(PLATE, 0.5, box)], reader, romanize=False)
    assert (plate == Plate("", 0.5, box)) is not is_read


def test_of_very_many_plates_the_surest_are_read(reader: PlateCropReader, draw_text: Draw) -> None:
    two = SceneSettings(most_plates_read=2)
    board = draw_text("KA 01 AB 1234")
    box = Box(0, 0, board.shape[1], board.shape[0])
    places = [Detection(PLATE, confidence, box) for confidence in (0.5, 0.7, 0.4, 0.6)]
    plates = read_plates(board, places, reader, romanize=False, settings=two)
    assert [plate.registration.valid for plate in plates] == [False, True, False, True]
    assert [plates[0].confidence, plates[2].confidence] == [0.5, 0.4]


def test_on_no_vehicle_only_what_would_be_shown_is_read(
    reader: PlateCropReader, draw_text: Draw
) -> None:
    board = draw_text("KA 01 AB 1234")
    box = Box(0, 0, board.shape[1], board.shape[0])
    around, elsewhere = Box(-9, -9, 999, 999), Box(900, 900, 999, 999)
    for confidence, vehicles, is_read in (
        (0.25, [around], True), (0.25, [elsewhere], False), (0.25, [], False), (0.25, None, True),
        (0.35, [], True),
    ):  # fmt: skip
        found = Detection(PLATE, confidence, box)
        (plate,) = read_plates(board, [found], reader, False, vehicles)
        assert plate.registration.valid is is_read


def test_the_better_reading_at_the_detector_s_place() -> None:
    inner = Box(105, 104, 190, 127)
    valid, surer = found("KA01AB1234", HERE), found("KA01AB1235", inner, sure=0.95)
    assert merge_same_place([valid], [found("KA01AB1235", inner, sure=0.8)]) == [valid]
    assert merge_same_place([valid], [surer]) == [dataclasses.replace(surer, box=HERE)]
    unread = found("", HERE, confidence=0.8)
    (plate,) = merge_same_place([unread], [surer])
    assert plate == dataclasses.replace(surer, box=HERE, confidence=0.8)


@pytest.mark.parametrize("sure", [0.8, 0.9, 0.95])
def test_rows_and_colours_are_those_of_lines_of_text(sure: float) -> None:
    """Which of two readings of one registration is surer hangs on roundings."""
    inner = Box(105, 104, 190, 127)
    in_crop = dataclasses.replace(
        found("KA01AB1234", HERE), colour=PlateColour.RED_ON_YELLOW, colour_confidence=0.6
    )
    row = TextLine("KA 01 AB 1234", "Latn", sure, ((105, 104), (190, 104), (190, 127), (105, 127)))
    in_text = dataclasses.replace(
        found("KA01AB1234", inner, sure=sure),
        lines=(row,), colour=PlateColour.BLACK_ON_YELLOW, colour_confidence=0.9,
    )  # fmt: skip
    (plate,) = merge_same_place([in_crop], [in_text])
    surest = max(in_crop, in_text, key=lambda one: one.registration.character_confidences)
    assert plate == dataclasses.replace(in_text, box=HERE, registration=surest.registration)


def test_rows_that_were_detected_apart_are_one_plate() -> None:
    upper, lower = found("", Box(100, 100, 200, 128)), found("", Box(110, 130, 190, 158))
    whole = found("KA01AB1234", Box(104, 102, 196, 156))
    elsewhere = found("", Box(400, 100, 500, 130))
    plates = merge_same_place([upper, elsewhere, lower], [whole])
    assert plates[:1] == [elsewhere] or plates[1:] == [elsewhere]
    (plate,) = (p for p in plates if p != elsewhere)
    assert plate.registration == whole.registration
    assert plate.box == Box(100, 100, 200, 158)


def test_halves_that_were_detected_apart_are_one_plate() -> None:
    left, right = found("KA01AB12", Box(100, 100, 170, 130)), found("", Box(140, 100, 200, 130))
    other = found("MH12DE5678", Box(120, 100, 180, 130))
    whole = found("KA01AB1234", Box(104, 110, 196, 122), sure=0.99)
    (plate,) = merge_same_place([left, right], [whole])
    assert (plate.registration, plate.box) == (whole.registration, HERE)
    assert other in merge_same_place([left, other], [whole])


def test_plates_elsewhere_are_kept() -> None:
    one, other = found("KA01AB1234", HERE), found("MH12DE5678", Box(300, 100, 400, 130))
    assert merge_same_place([one], [other]) == [one, other]
    assert merge_same_place([], [other]) == [other]
    assert merge_same_place([one], []) == [one]
    assert merge_same_place([], []) == []


def test_unread_plates_lose_confidence_and_most_without_a_vehicle() -> None:
    street = [
        found("", HERE),
        found("", Box(400, 100, 500, 130)),
        found("KA01AB1234", Box(600, 0, 700, 30)),
    ]
    doubted = downweight_signs(street, [Box(50, 0, 250, 200)])
    factors = [d.confidence / plate.confidence for d, plate in zip(doubted, street, strict=True)]
    assert factors == pytest.approx([0.5, 0.285, 1])
    restored = [
        dataclasses.replace(d, confidence=plate.confidence)
        for d, plate in zip(doubted, street, strict=True)
    ]
    assert restored == street
    assert downweight_signs([], [HERE]) == []
    elsewhere = downweight_signs(street, [])
    assert [p.confidence for p in elsewhere[:2]] == [doubted[1].confidence] * 2
    # where nobody looks for vehicles, what lies on none is not known
    assert downweight_signs(street, None)[1].confidence == doubted[0].confidence


@pytest.mark.parametrize(
    "text", ["17:15:28", "16-03-2021", "GATE No.3", "9845012345", "समुद्र तल से ऊँचाई 207 मी", ""]
)
@pytest.mark.parametrize("confidence", [0.31, 0.76, 1.0])
def test_other_text_without_a_vehicle_is_no_plate_by_default(text: str, confidence: float) -> None:
    plate = dataclasses.replace(found("", HERE, confidence=confidence), text=text)
    (left,) = downweight_signs([plate], [])
    assert 0.01 < left.confidence < OPERATING_POINT
    doubtful = dataclasses.replace(
        found("KA01AB1234", HERE, confidence=confidence),
        registration=Registration("KA01AB1234", valid=False),
    )
    assert downweight_signs([doubtful], [])[0].confidence < OPERATING_POINT


@pytest.mark.parametrize(
    "text", ["17:15:28", "03-16-2021", "98450 12345", "Mo.9406525421", "गेट न०.३\nGATE No.3"]
)
def test_a_clock_on_a_vehicle_is_no_plate_either(text: str) -> None:
    plate = dataclasses.replace(found("", HERE, confidence=0.9), text=text)
    (left,) = downweight_signs([plate], [Box(50, 0, 250, 200)])
    assert left.confidence < OPERATING_POINT


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("HORN OK PLEASE", 0.4), ("मदुरै", 0.4), ("KA 0", 1), ("1987", 1), ("बा २ प", 1),
        ("KA", 0.5), ("T/d", 0.5), ("-.-", 0.5), ("", 0.5),
    ],
)  # fmt: skip
def test_words_on_a_vehicle_are_no_plate_and_lamps_say_nothing(text: str, factor: float) -> None:
    plate = dataclasses.replace(found("", HERE), text=text)
    (left,) = downweight_signs([plate], [Box(50, 0, 250, 200)])
    assert left.confidence == pytest.approx(factor * plate.confidence)


def test_a_plate_gets_the_letters_that_were_cut_off(
    reader: PlateCropReader, draw_text: Draw
) -> None:
    board = draw_text("184 CC 896")
    height, width = board.shape[:2]
    (row,) = reader.read(board).rows
    cut = TextLine("84CC896", "Latn", 0.9, ((60, 0), (width, 0), (width, height), (60, height)))
    part = Plate(cut.text, 0.6, Box(60, 0, width, height), lines=(cut,))
    (whole,) = extend_truncated([part], [row], False, board.shape)
    assert whole.registration.canonical == "184CC896"
    assert whole.box.x_min < 60
    assert whole.confidence >= 0.6
    elsewhere = dataclasses.replace(row, polygon=np.add(row.polygon, [0, 5 * height]))
    other = dataclasses.replace(part, text="84CC897")
    for plates, lines in (([part], [elsewhere]), ([other], [row]), ([part], []), ([], [row])):
        assert extend_truncated(plates, lines, False, board.shape) == plates


def test_a_part_of_a_plate_that_is_read_better_goes() -> None:
    whole = found("KA22UM8695", Box(60, 12, 318, 98), sure=0.99)
    part = found("KA22KA220", Box(9, 16, 145, 86), sure=0.8)
    unread = found("", Box(100, 20, 200, 60))
    beside = found("KA01AB1234", Box(300, 12, 500, 98), sure=0.5)
    assert drop_fragments([part, whole, unread, beside]) == [whole, beside]
    assert drop_fragments([unread, found("", Box(100, 20, 200, 60), sure=0.1)]) != []
    assert drop_fragments([]) == []
