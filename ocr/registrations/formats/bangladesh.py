"""Registrations of Bangladesh: city, class letter, class number, number (ঢাকা মেট্রো-গ ১১-৫৯৫৪).

Class letters: Bangladesh Road Transport Authority.
"""

from __future__ import annotations

import unicodedata

from lipiyana.ocr.registrations.formats.record import Country, Example, Format, SceneRule, Variant
from lipiyana.ocr.registrations.slots import DIGITS, Slot
from lipiyana.types import Category, PlateColour, RegistrationFormat

BANGLADESH = Country("BD")

BENGALI_DIGITS = "০১২৩৪৫৬৭৮৯"

_METRO = "মেট্রো"
_METROS = {
    "Dhaka Metro": "ঢাকা",
    "Chattogram Metro": "চট্ট চট্টগ্রাম",
    "Rajshahi Metro": "রাজ রাজশাহী",
    "Khulna Metro": "খুলনা",
    "Sylhet Metro": "সিলেট",
    "Barishal Metro": "বরিশাল",
    "Rangpur Metro": "রংপুর",
    "Gazipur Metro": "গাজীপুর",
    "Mymensingh Metro": "ময়মনসিংহ",
}
_DISTRICTS = {
    "Bagerhat": "বাগেরহাট",
    "Bandarban": "বান্দরবান",
    "Barguna": "বরগুনা",
    "Barishal": "বরিশাল",
    "Bhola": "ভোলা",
    "Bogura": "বগুড়া",
    "Brahmanbaria": "ব্রাহ্মণবাড়িয়া",
    "Chandpur": "চাঁদপুর",
    "Chapainawabganj": "চাঁপাইনবাবগঞ্জ",
    "Chattogram": "চট্টগ্রাম",
    "Chuadanga": "চুয়াডাঙ্গা",
    "Cox's Bazar": "কক্সবাজার",
    "Cumilla": "কুমিল্লা",
    "Dhaka": "ঢাকা",
    "Dinajpur": "দিনাজপুর",
    "Faridpur": "ফরিদপুর",
    "Feni": "ফেনী",
    "Gaibandha": "গাইবান্ধা",
    "Gazipur": "গাজীপুর",
    "Gopalganj": "গোপালগঞ্জ",
    "Habiganj": "হবিগঞ্জ",
    "Jamalpur": "জামালপুর",
    "Jashore": "যশোর",
    "Jhalokati": "ঝালকাঠি",
    "Jhenaidah": "ঝিনাইদহ",
    "Joypurhat": "জয়পুরহাট",
    "Khagrachhari": "খাগড়াছড়ি",
    "Khulna": "খুলনা",
    "Kishoreganj": "কিশোরগঞ্জ",
    "Kurigram": "কুড়িগ্রাম",
    "Kushtia": "কুষ্টিয়া",
    "Lakshmipur": "লক্ষ্মীপুর লক্ষীপুর",
    "Lalmonirhat": "লালমনিরহাট",
    "Madaripur": "মাদারীপুর",
    "Magura": "মাগুরা",
    "Manikganj": "মানিকগঞ্জ",
    "Meherpur": "মেহেরপুর",
    "Moulvibazar": "মৌলভীবাজার",
    "Munshiganj": "মুন্সিগঞ্জ মুন্সীগঞ্জ",
    "Mymensingh": "ময়মনসিংহ",
    "Naogaon": "নওগাঁ",
    "Narail": "নড়াইল",
    "Narayanganj": "নারায়ণগঞ্জ",
    "Narsingdi": "নরসিংদী",
    "Natore": "নাটোর",
    "Netrokona": "নেত্রকোণা নেত্রকোনা",
    "Nilphamari": "নীলফামারী",
    "Noakhali": "নোয়াখালী",
    "Pabna": "পাবনা",
    "Panchagarh": "পঞ্চগড়",
    "Patuakhali": "পটুয়াখালী",
    "Pirojpur": "পিরোজপুর",
    "Rajbari": "রাজবাড়ী রাজবাড়ি",
    "Rajshahi": "রাজশাহী",
    "Rangamati": "রাঙ্গামাটি রাঙামাটি",
    "Rangpur": "রংপুর",
    "Satkhira": "সাতক্ষীরা",
    "Shariatpur": "শরীয়তপুর",
    "Sherpur": "শেরপুর",
    "Sirajganj": "সিরাজগঞ্জ",
    "Sunamganj": "সুনামগঞ্জ",
    "Sylhet": "সিলেট",
    "Tangail": "টাঙ্গাইল টাংগাইল",
    "Thakurgaon": "ঠাকুরগাঁও",
}

CITIES = {
    unicodedata.normalize("NFC", word + suffix): name
    for table, suffix in ((_METROS, _METRO), (_DISTRICTS, ""))
    for name, words in table.items()
    for word in words.split()
}
"""Metropolitan areas and districts as painted, in NFC and without separators, with their names."""

_ROMAN_CLASSES = (
    "A I U E KA KHA GA GHA NGA CHA CHHA JA JHA TA THA DA DHA TA THA DA DHA NA "
    "PA PHA BA BHA MA YA RA LA SHA SA HA"
)
CLASSES = dict(
    zip(
        "অইউএকখগঘঙচছজঝটঠডঢতথদধনপফবভমযরলশসহ",
        _ROMAN_CLASSES.split(),
        strict=True,
    )
)
"""Class letters, romanized. Dental and retroflex letters have the same romanization."""

_OWNERS = {
    Category.PRIVATE: "ক খ গ ঘ চ দ ভ এ হ ল",
    Category.TRANSPORT: "ছ জ ঝ থ প",
    Category.GOVERNMENT: "য",
}
CLASS_CATEGORIES = {
    letter: owner for owner, letters in _OWNERS.items() for letter in letters.split()
}


def _romanize(name: str) -> str:
    return "".join(ch for ch in name.upper() if ch.isalpha())


def _variant(painted_digits: str) -> Variant:
    def run(role: str, length: int) -> Slot:
        return Slot(role, alphabet=painted_digits, least=length, most=length, nonzero=True)

    return Variant(
        (
            Slot("region", words={city: _romanize(name) for city, name in CITIES.items()}),
            Slot("class", words=CLASSES),
            run("lot", 2),
            run("number", 4),
        ),
        CITIES,
        class_categories=CLASS_CATEGORIES,
        in_scene=SceneRule(shortest=0, fewest_digits=4),
    )


FORMATS: tuple[Format, ...] = (
    Format(
        RegistrationFormat.BANGLADESH,
        BANGLADESH,
        # one plate has one kind of digits
        variants=tuple(map(_variant, (BENGALI_DIGITS, DIGITS))),
        examples=(
            Example(("ঢাকা মেট্রো-গ", "১১-৫৯৫৪"), "ঢাকামেট্রোগ১১৫৯৫৪"),
            Example(("চট্ট মেট্রো-থ", "12-2234"), "চট্টমেট্রোথ122234"),
        ),
        colours={
            Category.PRIVATE: {PlateColour.BLACK_ON_WHITE: Category.PRIVATE},
            Category.TRANSPORT: {
                PlateColour.BLACK_ON_GREEN: Category.TRANSPORT,
                PlateColour.WHITE_ON_GREEN: Category.TRANSPORT,
            },
        },
    ),
)
"""Private plates are white; plates of transport vehicles are green."""
