"""Registrations of Nepal: zones (until 2018) and provinces, in Devanagari and in Latin letters.

Zone plates: zone, lot, class letter, number (बा १२ च ३४५६, BA 12 CHA 3456). Province plates, often
in three rows: province, transport office, lot, class letter, number (प्रदेश ३-०१-००१ च १२३४, बागमती
०१-००१ च १२३४). Embossed plates: province, class letter
A to K, two letters, number (BAGMATI B AB 1234). Classes as in the schedules of the Motor Vehicles
and Transport Management Rules 2054.
"""

from __future__ import annotations

from collections.abc import Mapping

from lipiyana.ocr.registrations.slots import DIGITS, Pattern, Slot, digits, same
from lipiyana.types import Category, RegistrationFormat

DEVANAGARI_DIGITS = "०१२३४५६७८९"

ZONES = {
    "मे": ("ME", "Mechi"),
    "को": ("KO", "Koshi"),
    "स": ("SA", "Sagarmatha"),
    "ज": ("JA", "Janakpur"),
    "बा": ("BA", "Bagmati"),
    "ना": ("NA", "Narayani"),
    "ग": ("GA", "Gandaki"),
    "लु": ("LU", "Lumbini"),
    "ध": ("DHA", "Dhaulagiri"),
    "रा": ("RA", "Rapti"),
    "भे": ("BHE", "Bheri"),
    "क": ("KA", "Karnali"),
    "से": ("SE", "Seti"),
    "म": ("MA", "Mahakali"),
}
"""Zone as painted: in English letters, and its name."""

_SHORT_ZONES = {"DH": "DHA", "BH": "BHE"}
"""Zones whose last letter is left out in English letters."""

PROVINCES = (
    ("Koshi", ("कोशी", "को"), ("KOSHI", "KO")),
    ("Madhesh", ("मधेश", "म"), ("MADHESH", "MA")),
    ("Bagmati", ("बागमती", "बा"), ("BAGMATI", "BA")),
    ("Gandaki", ("गण्डकी", "ग"), ("GANDAKI", "GA")),
    ("Lumbini", ("लुम्बिनी", "लु"), ("LUMBINI", "LU")),
    ("Karnali", ("कर्णाली", "क"), ("KARNALI", "KA")),
    ("Sudurpashchim", ("सुदूरपश्चिम", "सु"), ("SUDURPASHCHIM", "SU")),
)
"""Provinces 1 to 7: name, then how it is painted in Devanagari and in Latin letters."""

CLASSES = {
    "क": "KA",
    "ख": "KHA",
    "ग": "GA",
    "घ": "GHA",
    "च": "CHA",
    "ज": "JA",
    "झ": "JHA",
    "ञ": "NYA",
    "त": "TA",
    "थ": "THA",
    "द": "DA",
    "प": "PA",
    "फ": "PHA",
    "ब": "BA",
    "म": "MA",
    "य": "YA",
    "ह": "HA",
}

_OWNERS = {
    Category.PRIVATE: "क च प",
    Category.TRANSPORT: "ख ज फ थ",
    Category.GOVERNMENT: "ग झ ब",
}
CLASS_CATEGORIES = {
    letter: owner for owner, letters in _OWNERS.items() for letter in letters.split()
}
_LATIN_CATEGORIES = {CLASSES[letter]: owner for letter, owner in CLASS_CATEGORIES.items()}


def _devanagari_provinces() -> tuple[dict[str, str], dict[str, str]]:
    words: dict[str, str] = {}
    names: dict[str, str] = {}
    for number, (name, painted, latin) in enumerate(PROVINCES, start=1):
        for digit in (DIGITS[number], DEVANAGARI_DIGITS[number]):
            words[f"प्रदेश{digit}"] = f"PRADESH{number}"
            names[f"प्रदेश{digit}"] = f"{name} Province"
        words[painted[0]] = latin[0]
        names[painted[0]] = f"{name} Province"
        for word, roman in zip(painted, latin, strict=True):
            for province, roman_word in (("प्रदेश", "PRADESH"), ("प्र", "PRA")):
                words[f"{word}{province}"] = f"{roman}{roman_word}"
                names[f"{word}{province}"] = f"{name} Province"
    return words, names


def _latin_provinces() -> dict[str, str]:
    names: dict[str, str] = {}
    for number, (name, _, latin) in enumerate(PROVINCES, start=1):
        numbered = [f"{word}{number}" for word in ("PRADESH", "PROVINCE", "STATE")]
        named = [f"{short}{word}" for short in latin for word in ("PRADESH", "PROVINCE")]
        names |= dict.fromkeys([*numbered, *named], f"{name} Province")
    return names


_PROVINCE_WORDS, _PROVINCE_NAMES = _devanagari_provinces()
_LATIN_PROVINCE_NAMES = _latin_provinces()
_EMBOSSED_NAMES = _LATIN_PROVINCE_NAMES | {
    latin[0]: f"{name} Province" for name, _, latin in PROVINCES
}


def _devanagari(painted_digits: str) -> tuple[Pattern, Pattern]:
    """Zone and province plates with letters in Devanagari and one kind of digits."""

    def run(role: str, least: int, most: int) -> Slot:
        return Slot(role, alphabet=painted_digits, least=least, most=most, nonzero=True)

    def pattern(region: Slot, names: Mapping[str, str], *lots: Slot) -> Pattern:
        slots = (region, *lots, Slot("class", words=CLASSES), run("number", 1, 4))
        return Pattern(
            RegistrationFormat.NEPAL, "NP", slots, names, class_categories=CLASS_CATEGORIES
        )

    zone = Slot("region", words={zone: roman for zone, (roman, _) in ZONES.items()})
    province = Slot("region", words=_PROVINCE_WORDS)
    return (
        pattern(zone, {zone: name for zone, (_, name) in ZONES.items()}, run("lot", 1, 3)),
        pattern(province, _PROVINCE_NAMES, run("office", 2, 2), run("lot", 3, 3)),
    )


def _latin(region: Slot, names: Mapping[str, str], *lots: Slot, classes: Slot) -> Pattern:
    return Pattern(
        RegistrationFormat.NEPAL,
        "NP",
        (region, *lots, classes, digits("number", 1, 4, nonzero=True)),
        names,
        class_categories=_LATIN_CATEGORIES,
    )


def _latin_zones(zones: Mapping[str, str], *, longest: int = 3, shortest: int = 2) -> Pattern:
    """Zone plates in English letters; `longest` and `shortest` are lengths of a class."""
    names = {painted: _ZONE_NAMES[zone] for painted, zone in zones.items()}
    classes = [word for word in CLASSES.values() if shortest <= len(word) <= longest]
    return _latin(
        Slot("region", words=zones),
        names,
        digits("lot", 1, 3, nonzero=True),
        classes=Slot("class", words=same(*classes)),
    )


_ZONE_NAMES = dict(ZONES.values())
_INDIAN_TOO = same("GA", "KA")
"""Zones whose letters are codes of Indian states (Goa, Karnataka) as well."""

NEPAL_BEFORE_INDIA = (_latin_zones(_INDIAN_TOO, shortest=3),)
"""No series of Goa or Karnataka has three letters, let alone those of a class of Nepal."""

NEPAL_PATTERNS = (
    *_devanagari(DEVANAGARI_DIGITS),
    *_devanagari(DIGITS),
    _latin_zones(same(*(zone for zone in _ZONE_NAMES if zone not in _INDIAN_TOO)) | _SHORT_ZONES),
    # KA 12 PA 3456 is Karnataka's as well, which comes first; the colours may decide
    _latin_zones(_INDIAN_TOO),
    _latin(
        Slot("region", words=same(*_EMBOSSED_NAMES)),
        _EMBOSSED_NAMES,
        digits("office", 2, nonzero=True),
        digits("lot", 3, nonzero=True),
        classes=Slot("class", words=same(*CLASSES.values())),
    ),
    Pattern(
        RegistrationFormat.NEPAL,
        "NP",
        (
            Slot("region", words=same(*_EMBOSSED_NAMES)),
            Slot("class", words=same(*"ABCDEFGHIJK")),
            Slot("lot", alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", least=2, most=2),
            digits("number", 4, nonzero=True),
        ),
        _EMBOSSED_NAMES,
    ),
)
