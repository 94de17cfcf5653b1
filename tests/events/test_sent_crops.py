from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.errors import InvalidRequest
from lipiyana.events.crops import crops_of, with_crops
from lipiyana.images.loading import load
from lipiyana.inputs import RawImage
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Box, Layout, Plate, Recognition, RecognitionConfig, TextLine

SCENE = Path(__file__).parents[2] / "samples" / "scenes" / "01_sweet_shop_delhi.jpg"


def test_crops_of_a_street_are_read_again(recognizer: LocalRecognizer) -> None:
    picture = load(SCENE)
    recognition = recognizer.recognize(RawImage.from_array(picture, "rgb8"))
    crops = crops_of(picture, recognition, quality=80)
    assert [(crop.kind, crop.index) for crop in crops] == [
        *(("plate", index) for index in range(len(recognition.plates))),
        *(("text", index) for index in range(len(recognition.text_lines))),
    ]
    plates = {
        recognizer.recognize(crop.webp, RecognitionConfig(layout=Layout.PLATE))
        .plates[0].registration.canonical
        for crop in crops
        if crop.kind == "plate"
    }  # fmt: skip
    assert plates == {"DL10R9956", "DL10CB6366"}
    line = next(crop for crop in crops if crop.kind == "text")
    read = recognizer.recognize(line.webp, RecognitionConfig(layout=Layout.LINE))
    assert read.text_lines[0].text == recognition.text_lines[0].text
    assert sum(len(crop.webp) for crop in crops) < SCENE.stat().st_size / 2


def test_places_and_pixels() -> None:
    picture = np.zeros((50, 100, 3), np.uint8)
    picture[10:20, 30:60] = (200, 0, 0)
    tilted = ((30.4, 12.0), (59.0, 10.2), (60.0, 18.0), (31.0, 20.0))
    outside = replace(PLATE, box=Box(-30, -30, -2, 0))
    over_the_edge = replace(PLATE, box=Box(90.5, 40, 120, 70))
    recognition = Recognition(
        100, 50, plates=(outside, over_the_edge), text_lines=(TextLine("", "Latn", 1, tilted),)
    )
    edge, text = crops_of(picture, recognition, quality=100)
    assert (edge.kind, edge.index, edge.box) == ("plate", 1, (90, 40, 100, 50))
    assert (text.kind, text.index, text.box) == ("text", 0, (30, 10, 60, 20))
    pixels = cv2.imdecode(np.frombuffer(text.webp, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (10, 30, 3)
    assert pixels[5, 15, 2] > 180  # red, in the order of OpenCV
    row = with_crops({"id": "a"}, [text])
    assert row == {
        "id": "a",
        "crops": [
            {"kind": "text", "index": 0, "box": [30, 10, 60, 20],
             "webp": base64.b64encode(text.webp).decode()},
        ],
    }  # fmt: skip


PLATE = Plate("", 1.0, Box(0, 0, 1, 1))


def test_a_lower_quality_has_fewer_bytes() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (50, 100, 3), np.uint8)
    recognition = Recognition(100, 50, plates=(replace(PLATE, box=Box(0, 0, 100, 50)),))
    low, high = (len(crops_of(picture, recognition, quality=q)[0].webp) for q in (10, 90))
    assert low < high / 2


def test_what_does_not_fit_together_is_refused() -> None:
    picture = np.zeros((50, 100, 3), np.uint8)
    with pytest.raises(InvalidRequest, match="quality must be between 1 and 100"):
        crops_of(picture, Recognition(100, 50), quality=0)
    with pytest.raises(InvalidRequest, match="the recognition is of one with 50x100"):
        crops_of(picture, Recognition(50, 100))
