from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.scripts.label_order import swap_order

LETTERS = "ابپتدرسشنہیے"


def test_left_to_right_lines_stay() -> None:
    assert swap_order("बाज़ार 12") == "बाज़ार 12"
    assert swap_order("MG Road") == "MG Road"


def test_letters_turn_and_numbers_do_not() -> None:
    assert swap_order("دکان 42") == "42 ناکد"
    assert swap_order("فون: 98-45 ABC") == "98-45 ABC :نوف"


@given(st.text(alphabet=LETTERS + "۰۱۹ 09.,:-/AZaz()₹"))
def test_own_inverse(text: str) -> None:
    assert swap_order(swap_order(text)) == text


@given(st.text())
def test_any_text_survives(text: str) -> None:
    assert sorted(swap_order(text)) == sorted(text)
    assert swap_order(swap_order(text)) == text
