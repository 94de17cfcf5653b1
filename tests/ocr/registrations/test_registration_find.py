"""Which lines of scene text are registrations."""

from __future__ import annotations

import pytest

from lipiyana.ocr.registrations import find, parse


@pytest.mark.parametrize(
    "line",
    [
        "MH 12 AB 1234",
        "IND DL3CAY2231",
        "KL 01 CC 50",
        "22 BH 6517 A",
        "ML 06 8346",
        "ML068346 IND",
        "ಎಂಎಲ್ ೦೬ ೮೩೪೬",
        "↑03D 153874W",
        "14↑A 4321 K",
        "MHI2 AB 12O4",
        "को ३२ प १७४",
        "ঢাকা মেট্রো-গ ১১-৫৯৫৪",
        "एमएच १२ एबी १२३४",
    ],
)
def test_registrations_are_found(line: str) -> None:
    found = find(line)
    assert found is not None
    assert found == parse(line)


@pytest.mark.parametrize(
    "line",
    [
        "BIG 50",
        "MAR 2024",
        "RX100",
        "NH 48",
        "SH 17",
        "9845012345",
        "PH 9845012345",
        "GST 1234",
        "GSTIN 29ABCDE1234F1Z5",
        "CALL 9845",
        "24 x 7",
        "100 CC 2024",
        "1 CD 100",
        "MP 20 X 30",
        "UP 4G 100",
        "KA 560001",
        "TN-600001",
        "தமிழ்நாடு 600001",
        "LABOR 2392",
        "LASHES 10",
        "JK 1 42072",
        "MMC 8259",
        "14A 4321 K",
        "म ५ क १०",
        "MH12AB1234 ₹500",
        "MH12AB1234 @ GATE",
        "",
        "TAXI",
        "महाराष्ट्र",
    ],
)
def test_other_lines_are_not_registrations(line: str) -> None:
    assert find(line) is None


def test_every_row_must_belong() -> None:
    assert parse(["SHREE MOTORS", "MH12AB1234"]).valid
    assert find(["SHREE MOTORS", "MH12AB1234"]) is None


def test_three_repairs_are_too_many() -> None:
    assert parse("P8O1AB12S4").canonical == "PB01AB1254"
    assert find("P8O1AB12S4") is None


def test_confidences_are_returned() -> None:
    found = find("MH 12 AB 1234", [[0.5] * 13])
    assert found is not None
    assert found.character_confidences == (0.5,) * 10
