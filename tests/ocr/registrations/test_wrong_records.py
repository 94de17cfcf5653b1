"""A record that is wrong says so when it is made, not by reading nothing later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lipiyana.ocr.registrations.formats import Country, Example, Format, Variant
from lipiyana.ocr.registrations.slots import Slot, digits, same
from lipiyana.types import RegistrationFormat

REGION, NUMBER = Slot("region", words=same("WPK")), digits("number", 4)
VARIANT: Any = Variant((REGION, NUMBER))
EXAMPLE: Any = Example(("WPK 2839",), "WPK2839")


def record(variants: Any, examples: Any) -> Format:
    return Format(RegistrationFormat.STANDARD, Country("XT"), variants, examples)


def test_a_right_record_is_made() -> None:
    assert record((VARIANT,), (EXAMPLE,)).variants[0].split("WPK2839") == ("WPK", "2839")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slot("class"), "slot 'class' matches nothing"),
        (lambda: Slot("class", words={}), "slot 'class' matches nothing"),
        (lambda: digits("lot", 0), "slot 'lot' matches nothing"),
        (lambda: digits("lot", 3, 2), "slot 'lot' matches nothing"),
        (lambda: Slot("region", words=same("wpk")), "slot 'region': write 'wpk' in capitals"),
        (lambda: Slot("region", words=same("")), "slot 'region': write '' in capitals"),
        (lambda: Variant(NUMBER), "slots of a variant: a tuple"),  # type: ignore[arg-type]
        (lambda: Variant(()), "slots of a variant: a tuple"),
        (lambda: Variant((REGION,)), "the role 'number'; it has region"),
        (lambda: record(VARIANT, (EXAMPLE,)), "variants of the format standard: a tuple"),
        (lambda: record((VARIANT,), EXAMPLE), "examples of the format standard: a tuple"),
        (lambda: record((VARIANT,), ()), "examples of the format standard: a tuple"),
    ],
)
def test_a_wrong_record_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make()
