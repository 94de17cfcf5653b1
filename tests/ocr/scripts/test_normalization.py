from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indicnlp.normalize.indic_normalize import IndicNormalizerFactory

from lipiyana.learning.finetune.reader.rendered_lines import corpus_like
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

SPECIAL = "\u200c\u200d\u200b\u00a0 \u0640“”‘’…कर्ि्ाेौअআোৗতব়നര്ௌാംഇൗيكهىةۀیۂٻءﻻﷲ٣"
INDIC = "".join(chr(point) for point in range(0x0900, 0x0D80))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ന്\u200d", "ൻ"),
        ("അവര്\u200d", "അവർ"),
        ("ഉത്\u200dസവം", "ഉത്സവം"),
        ("উত্\u200dসব", "উৎসব"),
        ("সৎ", "সৎ"),
        ("सुधार्\u200dया", "सुधाऱ्या"),
        ("मिस्ट\u200dर", "मिस्टर"),
        ("క్\u200cష", "క్ష"),
        ("অা", "আ"),
        ("ো", "ো"),
        ("কো", "কো"),
        ("\u09af\u09bc", "\u09af\u09bc"),
        ("\u09df", "\u09af\u09bc"),
        ("ৱাব\u09bcি", "ৱারি"),
        ("अाे", "ओ"),
        ("र्इ", "ई"),
        ("कोै", "कोै"),
        ("ੳੁ", "ਉ"),
        ("અૉ", "ઑ"),
        ("கொ", "கொ"),
        ("ஶ்ரீ", "ஸ்ரீ"),
        ("ഇൗ", "ഈ"),
        ("“ram’s”…", '"ram\'s"...'),
        ("  a \t\u00a0 b\n", "a b"),
        ("१२:३०।", "१२:३०।"),
        ("a|b: c", "a|b: c"),
        ("مكتبة", "مکتبة"),
        ("هيں", "ہیں"),
        ("ڪراچي", "ڪراچي"),
        ("آهي", "آهي"),
        ("ﻻ", "لا"),
        ("محـمد", "محمد"),
        ("٤٥", "۴۵"),
        ("\ufeffa\u200b\u00ad", "a"),
    ],
)
def test_one_spelling(text: str, expected: str) -> None:
    assert normalize(text) == expected


@given(st.text(st.sampled_from(SPECIAL) | st.sampled_from(INDIC) | st.characters()))
def test_it_is_idempotent_and_composed(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set("\u200b\u200c\u200d\u2060\ufeff")


@given(st.text(st.sampled_from(Charset.load().characters)))
def test_normalized_texts_stay_within_the_charset(text: str) -> None:
    assert Charset.load().covers(normalize(text))


@pytest.fixture(scope="module")
def likely_words(store: ModelStore) -> Corpus:
    """Words that the language model holds likely, some 1,400 a script."""
    return corpus_like(store.default_for_task(Task.LINE_READER).words, Charset.load())


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("hi", "Deva"), ("mr", "Deva"), ("ne", "Deva"), ("bn", "Beng"), ("as", "Beng"),
        ("pa", "Guru"), ("gu", "Gujr"), ("or", "Orya"), ("ta", "Taml"), ("te", "Telu"),
        ("kn", "Knda"), ("ml", "Mlym"),
    ],
)  # fmt: skip
def test_it_agrees_with_indic_nlp(language: str, script: str, likely_words: Corpus) -> None:
    theirs = IndicNormalizerFactory().get_normalizer(language)
    words = [normalize(word) for word in sorted(likely_words.words(script))]
    assert len(words) > 1000
    for word in words:
        # two rewrites change what is seen: Odia va and the Malayalam au sign stay here
        if not set(word) & set("ଵൗ"):
            assert normalize(theirs.normalize(word)) == word


@pytest.mark.parametrize(
    ("seen", "spelt"),
    [
        ("আন্তঃৰাষ্ট্রীয়", "আন্তঃৰাষ্ট্ৰীয়"),  # a ra that stands free tells what those in conjuncts are
        ("সরকার কর্ম ক্ৰম", "সরকার কর্ম ক্রম"),
        ("সংগ্ৰহ", "সংগ্ৰহ"),
        ("ৰৰ র্ক", "ৰৰ ৰ্ক"),
        ("র ৰ ক্ৰ", "র ৰ ক্ৰ"),
    ],
)
def test_the_ra_of_one_text_is_one_letter(seen: str, spelt: str) -> None:
    assert normalize(seen) == unicodedata.normalize("NFC", spelt)
