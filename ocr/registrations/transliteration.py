"""Transliterates Indian plates in Indian scripts: native digits, and letters spelt by their names.

The main plate is in English letters, but a state may allow a second plate in a language of the
Eighth Schedule. It spells the letters by their English names: एमएच १२ एबी १२३४ is MH 12 AB 1234.
`LETTER_NAMES` has the spellings of the names, `STATE_WORDS` the words for some states.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from lipiyana.ocr.registrations.characters import Characters
from lipiyana.ocr.registrations.normalization import arabic_digits

_NAMES = {
    "Deva": (
        "A:ए B:बी C:सी D:डी E:ई F:एफ|एफ़ G:जी H:एच I:आई|आय J:जे K:के L:एल M:एम N:एन O:ओ P:पी "
        "Q:क्यू|क्यु R:आर S:एस T:टी U:यू|यु V:वी|व्ही W:डब्ल्यू|डब्ल्यु|डब्लू|डब्लु X:एक्स Y:वाई|वाय Z:जेड|ज़ेड|झेड"
    ),
    "Beng": (
        "A:এ B:বি C:সি|চি D:ডি E:ই F:এফ G:জি H:এইচ|এইছ I:আই J:জে K:কে L:এল M:এম N:এন O:ও P:পি "
        "Q:কিউ R:আর|আৰ S:এস|এছ T:টি U:ইউ V:ভি W:ডব্লিউ|ডাব্লিউ|ডব্লু X:এক্স Y:ওয়াই Z:জেড"
    ),
    "Guru": (
        "A:ਏ B:ਬੀ C:ਸੀ D:ਡੀ E:ਈ F:ਐਫ|ਐੱਫ G:ਜੀ H:ਐਚ|ਐੱਚ I:ਆਈ J:ਜੇ K:ਕੇ L:ਐਲ|ਐੱਲ M:ਐਮ|ਐੱਮ N:ਐਨ|ਐੱਨ "
        "O:ਓ P:ਪੀ Q:ਕਿਊ R:ਆਰ S:ਐਸ|ਐੱਸ T:ਟੀ U:ਯੂ V:ਵੀ W:ਡਬਲਯੂ|ਡਬਲਿਊ X:ਐਕਸ Y:ਵਾਈ Z:ਜ਼ੈੱਡ|ਜ਼ੈਡ|ਜੈਡ"
    ),
    "Gujr": (
        "A:એ B:બી C:સી D:ડી E:ઈ|ઇ F:એફ G:જી H:એચ I:આઈ|આઇ J:જે K:કે L:એલ M:એમ N:એન O:ઓ P:પી "
        "Q:ક્યૂ|ક્યુ R:આર S:એસ T:ટી U:યુ|યૂ V:વી W:ડબલ્યુ|ડબલ્યૂ X:એક્સ Y:વાય|વાઈ Z:ઝેડ"
    ),
    "Orya": (
        "A:ଏ B:ବି C:ସି D:ଡି E:ଇ F:ଏଫ G:ଜି H:ଏଚ|ଏଇଚ I:ଆଇ J:ଜେ K:କେ L:ଏଲ M:ଏମ N:ଏନ O:ଓ P:ପି "
        "Q:କ୍ୟୁ R:ଆର S:ଏସ T:ଟି U:ୟୁ V:ଭି W:ଡବ୍ଲୁ|ଡବ୍ଲ୍ୟୁ X:ଏକ୍ସ Y:ୱାଇ Z:ଜେଡ"
    ),
    "Taml": (
        "A:ஏ|எ B:பி C:சி D:டி E:இ|ஈ F:எஃப்|எப் G:ஜி H:எச்|ஹெச் I:ஐ J:ஜே K:கே L:எல் M:எம் N:என் "
        "O:ஓ|ஒ P:பி Q:கியூ|க்யூ R:ஆர் S:எஸ் T:டி U:யு|யூ V:வி W:டபிள்யூ|டபிள்யு|டபுள்யூ X:எக்ஸ் Y:ஒய் Z:இசட்"
    ),
    "Telu": (
        "A:ఏ|ఎ B:బి|బీ C:సి|సీ D:డి|డీ E:ఇ|ఈ F:ఎఫ్ G:జి|జీ H:హెచ్|ఎచ్ I:ఐ J:జె|జే K:కె|కే L:ఎల్ "
        "M:ఎం|ఎమ్ N:ఎన్ O:ఓ|ఒ P:పి|పీ Q:క్యూ|క్యు R:ఆర్ S:ఎస్ T:టి|టీ U:యు|యూ V:వి|వీ W:డబ్ల్యూ|డబ్ల్యు "
        "X:ఎక్స్ Y:వై Z:జెడ్|జడ్"
    ),
    "Knda": (
        "A:ಎ|ಏ B:ಬಿ|ಬೀ C:ಸಿ D:ಡಿ E:ಇ|ಈ F:ಎಫ್ G:ಜಿ H:ಎಚ್|ಹೆಚ್ I:ಐ J:ಜೆ|ಜೇ K:ಕೆ|ಕೇ L:ಎಲ್ M:ಎಂ|ಎಮ್ "
        "N:ಎನ್ O:ಓ|ಒ P:ಪಿ Q:ಕ್ಯೂ|ಕ್ಯು R:ಆರ್ S:ಎಸ್ T:ಟಿ U:ಯು|ಯೂ V:ವಿ W:ಡಬ್ಲ್ಯೂ|ಡಬ್ಲ್ಯು X:ಎಕ್ಸ್ Y:ವೈ Z:ಝಡ್|ಜೆಡ್"
    ),
    "Mlym": (
        "A:എ|ഏ B:ബി C:സി D:ഡി E:ഇ|ഈ F:എഫ് G:ജി H:എച്ച്|എച് I:ഐ J:ജെ|ജേ K:കെ|കേ L:എൽ|എല് M:എം "
        "N:എൻ|എന് O:ഒ|ഓ P:പി Q:ക്യൂ|ക്യു R:ആർ|ആര് S:എസ് T:ടി U:യു|യൂ V:വി W:ഡബ്ല്യൂ|ഡബ്ല്യു|ഡബ്ലിയു "
        "X:എക്സ് Y:വൈ Z:സെഡ്|ഇസഡ്"
    ),
}
"""Each letter with its spellings, by ISO 15924 code. Tamil writes D like T and B like P."""

_STATES = (
    "AP:ఆంధ్రప్రదేశ్ AS:অসম BR:बिहार CG:छत्तीसगढ़ DL:दिल्ली GA:गोवा GJ:ગુજરાત HP:हिमाचलप्रदेश "
    "HR:हरियाणा JH:झारखंड KA:ಕರ್ನಾಟಕ KL:കേരള|കേരളം MH:महाराष्ट्र|महा MP:मध्यप्रदेश OD:ଓଡ଼ିଶା|ଓଡିଶା "
    "PB:ਪੰਜਾਬ RJ:राजस्थान TG:తెలంగాణ TN:தமிழ்நாடு|தநா|டிஎன் TR:ত্রিপুরা UK:उत्तराखंड "
    "UP:उत्तरप्रदेश WB:পশ্চিমবঙ্গ|পব"
)
"""State names and abbreviations. Tamil plates belong to Tamil Nadu: டிஎன் is TN, never DN."""


def _spellings(table: str) -> list[tuple[str, str]]:
    entries = (entry.split(":") for entry in table.split())
    return [(spelling, latin) for latin, names in entries for spelling in names.split("|")]


LETTER_NAMES = [pair for table in _NAMES.values() for pair in _spellings(table)]
"""(spelling, letter); a spelling of two letters has two entries."""

STATE_WORDS = _spellings(_STATES)
"""(word, region code)."""


_MOST_RESULTS = 32
_Units = list[tuple[str, int]]


def _tables() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    letters: dict[str, tuple[str, ...]] = {}
    for spelling, latin in LETTER_NAMES:
        key = unicodedata.normalize("NFC", spelling)
        letters[key] = (*letters.get(key, ()), latin)
    states = {unicodedata.normalize("NFC", word): (code,) for word, code in STATE_WORDS}
    return letters, letters | states


_LETTERS, _AT_THE_START = _tables()
"""The letters that a spelling may stand for. State names are only allowed at the start."""

_LENGTHS = sorted({len(spelling) for spelling in _AT_THE_START}, reverse=True)


def transliterate(read: Characters) -> list[Characters]:
    """All transliterations of `read` to English letters and Arabic digits, at most 32.

    At each position the longest name is taken that leaves a readable rest: जेडी is J and D, since
    Z would leave a rest that is no name. A name of two letters gives both results. The list is
    empty if a native letter belongs to no name. A letter has the lowest confidence of its name.
    """
    text = arabic_digits(read.text)
    results: list[Characters] = []
    for units in _units(text, 0, set()):
        results.append(read.merge(units))
        if len(results) == _MOST_RESULTS:
            break
    return results


def _units(text: str, start: int, dead: set[int]) -> Iterator[_Units]:
    """Cut `text` from `start` on into pairs of an English letter and its native spelling's length.

    `dead` collects the positions from which the rest cannot be cut. Without it, names of two
    letters would be tried in all combinations.
    """
    if start == len(text):
        yield []
    if start >= len(text) or start in dead:
        return
    found = False
    for latins, length in _names_at(text, start):
        for latin in latins:
            for rest in _units(text, start + length, dead):
                found = True
                yield [(latin, length), *rest]
        if found:
            return
    dead.add(start)


def _names_at(text: str, start: int) -> Iterator[tuple[Sequence[str], int]]:
    """The letters that each name at `start` may stand for, and its length; longest name first."""
    if text[start].isascii():
        yield text[start], 1
        return
    names = _LETTERS if start else _AT_THE_START
    for length in _LENGTHS:
        spelling = text[start : start + length]
        if len(spelling) == length and spelling in names:
            yield names[spelling], length
