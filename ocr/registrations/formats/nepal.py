"""Registrations of Nepal: zones (until 2018) and provinces, in Devanagari and in Latin letters.

Zone plates: zone, lot, class letter, number (बा १२ च ३४५६, BA 12 CHA 3456). Province plates, often
in three rows: province, transport office, lot, class letter, number (प्रदेश ३-०१-००१ च १२३४, बागमती
०१-००१ च १२३४). Embossed plates: province, class letter A to K, two letters, number (BAGMATI B AB
1234). Source of the classes: schedules of the Motor Vehicles and Transport Management Rules 2054.
"""

from __future__ import annotations

from collections.abc import Mapping

from lipiyana.ocr.registrations.formats.record import (
    MISSING_DIGIT,
    SELDOM,
    Country,
    Example,
    Format,
    Prior,
    SceneRule,
    Variant,
)
from lipiyana.ocr.registrations.slots import DIGITS, LETTERS, Slot, digits, same
from lipiyana.types import Category, PlateColour, RegistrationFormat

NEPAL = Country("NP")

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
"""By the zone as painted: its English letters and its name."""

_SHORT_ZONES = {"DH": "DHA", "BH": "BHE"}
"""Zones whose last letter may be left out in English letters (DH for DHA)."""

PROVINCES = (
    ("Koshi", ("कोशी", "को"), ("KOSHI", "KO")),
    ("Madhesh", ("मधेश", "म"), ("MADHESH", "MA")),
    ("Bagmati", ("बागमती", "बा"), ("BAGMATI", "BA")),
    ("Gandaki", ("गण्डकी", "ग"), ("GANDAKI", "GA")),
    ("Lumbini", ("लुम्बिनी", "लु"), ("LUMBINI", "LU")),
    ("Karnali", ("कर्णाली", "क"), ("KARNALI", "KA")),
    ("Sudurpashchim", ("सुदूरपश्चिम", "सु"), ("SUDURPASHCHIM", "SU")),
)
"""Provinces 1 to 7: name, then its long and short form in Devanagari and in Latin letters."""

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
COLOURS: Mapping[Category, PlateColour] = {
    Category.PRIVATE: PlateColour.WHITE_ON_RED,
    Category.TRANSPORT: PlateColour.WHITE_ON_BLACK,
    Category.GOVERNMENT: PlateColour.RED_ON_WHITE,
}
"""Colour of the plates of each category; the class letter gives the category."""

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


# An Indian MP20X30 could be a size, so India needs eight characters. Lines of this form with four
# digits are neither prices nor sizes.
_IN_SCENE = SceneRule(shortest=0, fewest_digits=4)


def _devanagari(painted_digits: str) -> tuple[Variant, Variant]:
    """Zone and province plates with letters in Devanagari and one kind of digits."""

    def run(role: str, least: int, most: int) -> Slot:
        return Slot(role, alphabet=painted_digits, least=least, most=most, nonzero=True)

    def variant(region: Slot, names: Mapping[str, str], *lots: Slot) -> Variant:
        return Variant(
            (region, *lots, Slot("class", words=CLASSES), run("number", 1, 4)),
            names,
            class_categories=CLASS_CATEGORIES,
            prior=Prior(missing_digit=MISSING_DIGIT),
            in_scene=_IN_SCENE,
        )

    zone = Slot("region", words={zone: roman for zone, (roman, _) in ZONES.items()})
    province = Slot("region", words=_PROVINCE_WORDS)
    return (
        variant(zone, {zone: name for zone, (_, name) in ZONES.items()}, run("lot", 1, 3)),
        variant(province, _PROVINCE_NAMES, run("office", 2, 2), run("lot", 3, 3)),
    )


def _latin(
    slots: tuple[Slot, ...],
    names: Mapping[str, str],
    classes: Mapping[str, Category] = _LATIN_CATEGORIES,
    *,
    rank: int = 0,
) -> Variant:
    return Variant(
        slots,
        names,
        class_categories=classes,
        rank=rank,
        prior=Prior(penalty=SELDOM / 2, missing_digit=MISSING_DIGIT),
        in_scene=_IN_SCENE,
    )


def _latin_zones(zones: Mapping[str, str], *, shortest: int = 2, rank: int = 0) -> Variant:
    """Zone plates in English letters; `shortest` is the fewest letters of a class."""
    classes = [word for word in CLASSES.values() if len(word) >= shortest]
    slots = (
        Slot("region", words=zones),
        digits("lot", 1, 3, nonzero=True),
        Slot("class", words=same(*classes)),
        digits("number", 1, 4, nonzero=True),
    )
    return _latin(slots, {painted: _ZONE_NAMES[zone] for painted, zone in zones.items()}, rank=rank)


_ZONE_NAMES = dict(ZONES.values())
_INDIAN_TOO = same("GA", "KA")
"""Zones whose letters are also codes of Indian states (Goa, Karnataka)."""

FORMATS: tuple[Format, ...] = (
    Format(
        RegistrationFormat.NEPAL,
        NEPAL,
        variants=(
            # preferred to India's: no series of Goa or Karnataka has three letters, so KA 2 CHA
            # 9081 is of Nepal
            _latin_zones(_INDIAN_TOO, shortest=3, rank=-1),
            *_devanagari(DEVANAGARI_DIGITS),
            *_devanagari(DIGITS),
            _latin_zones(
                same(*(zone for zone in _ZONE_NAMES if zone not in _INDIAN_TOO)) | _SHORT_ZONES
            ),
            # KA 12 PA 3456 may also be of Karnataka, which is preferred; the colours may decide
            _latin_zones(_INDIAN_TOO),
            _latin(
                (
                    Slot("region", words=same(*_EMBOSSED_NAMES)),
                    digits("office", 2, nonzero=True),
                    digits("lot", 3, nonzero=True),
                    Slot("class", words=same(*CLASSES.values())),
                    digits("number", 1, 4, nonzero=True),
                ),
                _EMBOSSED_NAMES,
            ),
            # embossed plates; the categories of their class letters are unknown
            _latin(
                (
                    Slot("region", words=same(*_EMBOSSED_NAMES)),
                    Slot("class", words=same(*"ABCDEFGHIJK")),
                    Slot("lot", alphabet=LETTERS, least=2, most=2),
                    digits("number", 4, nonzero=True),
                ),
                _EMBOSSED_NAMES,
                {},
            ),
        ),
        examples=(
            Example(("KA 2 CHA", "9081"), "KA2CHA9081"),
            Example(("बा १२ च", "३४५६"), "बा१२च३४५६"),
            Example(("प्रदेश ३-०१", "००१ च", "१२३४"), "प्रदेश३०१००१च१२३४"),
            Example(("बा 12 च", "3456"), "बा12च3456"),
            Example(("बागमती 01-001 च", "1234"), "बागमती01001च1234"),
            Example(("BA 12 CHA", "3456"), "BA12CHA3456"),
            Example(("KA 12 PA", "3456"), "KA12PA3456", PlateColour.WHITE_ON_RED),
            Example(("PRADESH 3-01", "024 CHA", "1234"), "PRADESH301024CHA1234"),
            Example(("BAGMATI", "B AB 1234"), "BAGMATIBAB1234"),
        ),
        colours={owner: {colour: owner} for owner, colour in COLOURS.items()},
        # KA 12 PA 3456 in white on red is of the zone Karnali, not of Karnataka
        colours_decide=True,
    ),
)
