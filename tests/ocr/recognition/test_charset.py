from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.errors import ModelUnavailable
from lipiyana.ocr.recognition.charset import CHARSET_KEY, HASH_KEY, Charset
from lipiyana.ocr.scripts.label_order import HOOKS
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char

CHARSET = Charset.load()


def test_the_size_is_what_the_model_can_carry() -> None:
    assert CHARSET.classes == len(CHARSET) + 1 == len(CHARSET.characters) + 1
    assert 1000 < CHARSET.classes < 1100


def test_every_character_is_normal_and_visible() -> None:
    for character in set(CHARSET.characters) - set(HOOKS):
        assert unicodedata.is_normalized("NFC", character)
        assert normalize(f"ꯀ{character}ꯀ") == f"ꯀ{character}ꯀ", hex(ord(character))
        assert unicodedata.category(character) not in {"Cf", "Cc", "Cn"}


@pytest.mark.parametrize("code", SCRIPTS)
def test_every_script_is_whole(code: str) -> None:
    script = SCRIPTS[code]
    assert CHARSET.covers(script.digits + script.virama)
    members = [ch for ch in CHARSET.characters if script_of_char(ch) == code]
    assert len(members) > 45


@pytest.mark.parametrize(
    "text",
    [
        "₹ ५०/-।",
        "कॉलेज ऱ्हास ॲप क़ालीन",
        "অসমীয়া ৰাজ্য উৎসৱ ৳৫",
        "ਸ਼ੇਰ ੴ ਪੱਕਾ",
        "ଓଡ଼ିଶା ୱାର୍ଡ",
        "ஸ்ரீ ஃபோன்",
        "അവൻ എന്റെ",
        "کٲشُر ێ ٹھیک ڳوٺ ۾",
        "ABC xyz 123 @#%&*~^`|",
    ],
)
def test_texts_of_signs_are_covered(text: str) -> None:
    assert CHARSET.covers(normalize(text))


@given(st.text(st.sampled_from(CHARSET.characters)))
def test_decoding_undoes_encoding(text: str) -> None:
    classes = CHARSET.encode(text)
    assert all(0 < index < CHARSET.classes for index in classes)
    assert CHARSET.decode(classes) == text


def test_the_blank_decodes_to_nothing() -> None:
    [a] = CHARSET.encode("a")
    assert CHARSET.decode([0, a, 0, a]) == "aa"


def test_encoding_names_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"'漢' \(U\+6F22\)"):
        CHARSET.encode("a漢")
    assert not CHARSET.covers("a漢")


def test_the_order_is_part_of_the_hash() -> None:
    assert Charset("ab").sha256 != Charset("ba").sha256
    assert Charset("ab").sha256 == Charset("ab").sha256


def test_metadata_round_trip() -> None:
    metadata = CHARSET.to_metadata()
    assert Charset.from_metadata(metadata).characters == CHARSET.characters


@pytest.mark.parametrize(
    "metadata",
    [{}, {CHARSET_KEY: "abc"}, {CHARSET_KEY: "abc", HASH_KEY: Charset("acb").sha256}],
)
def test_metadata_that_does_not_fit_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        Charset.from_metadata(metadata)
    assert caught.value.reason == "MODEL_CORRUPT"


@pytest.mark.parametrize("characters", [["a", "a"], ["ab"], [""]])
def test_entries_are_single_and_distinct(characters: list[str]) -> None:
    with pytest.raises(ValueError, match="character"):
        Charset(characters)
