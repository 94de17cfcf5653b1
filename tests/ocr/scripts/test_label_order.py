from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.label_order import sourced_text, to_labels, to_text
from lipiyana.ocr.scripts.normalization import normalize

REPH = {"Deva": "\ue000", "Beng": "\ue001", "Assamese": "\ue002", "Gujr": "\ue003"}
CHARACTERS = Charset.load().characters


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("किताब", "िकताब"),
        ("কোথায়", "েকাথায়"),
        ("शर्मा", f"शमा{REPH['Deva']}"),
        ("वर्षं", f"वष{REPH['Deva']}ं"),
        ("ধর্ম", f"ধম{REPH['Beng']}"),
        ("ৰাষ্ট্ৰীয় ধৰ্ম", f"ৰাষ্ট্ৰীয় ধম{REPH['Assamese']}"),
        ("વર્ષ", f"વષ{REPH['Gujr']}"),
        ("षड्विंश", "षिड्वंश"),
        ("கொடு", "ெகாடு"),
        ("പൊൻ", "െപാൻ"),
        ("ਕਿਤਾਬ", "ਿਕਤਾਬ"),
        ("తెలుగు", "తెలుగు"),
        ("స్త్రీ", "సీ్త్ర"),
        ("రెడ్డి", "రెడి్డ"),
        ("బ్యాంక్", "బా్యంక్"),
        ("ಕ್ರೀಡೆ", "ಕೀ್ರಡೆ"),
        ("ಸೂರ್ಯಂ", "ಸೂಯ\ue005ಂ"),
        ("র\u200d্যাব", "র্যাব"),
        ("ৰ\u200d্যালি", "ৰ্যািল"),
        ("ರ\u200d್ಯಾಂಕ್", "ರಾ್ಯಂಕ್"),
        ("कर्", "कर्"),
        ("MG Road 12", "MG Road 12"),
        ("دکان 42", "42 ناکد"),
    ],
)
def test_labels_stand_as_on_a_picture(text: str, labels: str) -> None:
    text = normalize(text)
    assert to_labels(text) == labels
    assert to_text(labels) == text


WORDS = (
    "अंतर्राष्ट्रीय कर्मचारियों निर्धारित ज़िंदगी",
    "প্রত্যেক বৈশিষ্ট্যের পার্কিং সৌন্দর্য",
    "ਪ੍ਰਿੰਸ ਸਿੱਖਿਆ",
    "વિદ્યાર્થીઓ માર્ગદર્શિકા",
    "କାର୍ଯ୍ୟାଳୟ ପୋଲିସ୍ ସୌରଭ",
    "நெடுஞ்சாலை போக்குவரத்து ஸ்ரீ க்ஷேத்திரம்",
    "సమృద్ధి హాస్టల్ గర్ల్స్",
    "ಗೋಕರ್ಣ ಸೂರ್ಯ ಕ್ರೀಡಾಂಗಣ",
    "സ്ത്രീകൾക്കും ഹോട്ടൽ കൈരളി",
)


@pytest.mark.parametrize("text", WORDS)
def test_words_come_back(text: str) -> None:
    text = normalize(text)
    assert to_text(to_labels(text)) == text


@pytest.mark.parametrize("text", WORDS)
def test_a_missing_sign_harms_only_its_syllable(text: str) -> None:
    labels = to_labels(normalize(text))
    for i in range(len(labels)):
        spelt = to_text(labels[:i] + labels[i + 1 :])
        assert abs(len(spelt) - len(normalize(text))) <= 2


@given(st.text(st.sampled_from(CHARACTERS)))
def test_whatever_is_read_is_spelt(labels: str) -> None:
    spelt = sourced_text(labels)
    assert sorted({place for _, places in spelt for place in places}) == list(range(len(labels)))
    assert not any("\ue000" <= character <= "\ue0ff" for character, _ in spelt)
