"""Random registrations of India, Nepal and Bangladesh as strings, for lines of text."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from lipiyana.rendering.contents.numbers import digits

_STATES = (
    "AN", "AP", "AR", "AS", "BR", "CG", "CH", "DD", "DL", "GA", "GJ", "HP", "HR", "JH", "JK", "KA",
    "KL", "LA", "LD", "MH", "ML", "MN", "MP", "MZ", "NL", "OD", "PB", "PY", "RJ", "SK", "TG", "TN",
    "TR", "UK", "UP", "WB", "TS", "DN", "OR", "UA",
)  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_NEPALI_ZONES = ("बा", "को", "ना", "लु", "ग", "ज", "स", "मे", "ध", "रा", "क", "भे", "से", "म")
_NEPALI_CLASSES = "चजकखपफतथदगघञझबलमयह"
_NEPALI_PROVINCES = ("कोशी", "मधेश", "बागमती", "गण्डकी", "लुम्बिनी", "कर्णाली", "सुदूरपश्चिम")
_BANGLADESHI_CITIES = (
    "ঢাকা মেট্রো", "চট্ট মেট্রো", "রাজ মেট্রো", "খুলনা মেট্রো", "সিলেট মেট্রো", "ঢাকা", "গাজীপুর",
    "কুমিল্লা", "নারায়ণগঞ্জ", "চট্টগ্রাম", "ময়মনসিংহ", "বগুড়া", "যশোর", "রংপুর", "বরিশাল", "ফেনী",
    "নোয়াখালী", "টাঙ্গাইল", "কক্সবাজার", "দিনাজপুর", "পাবনা", "ফরিদপুর", "কুষ্টিয়া", "সিলেট", "খুলনা",
)  # fmt: skip
_BANGLADESHI_CLASSES = "কখগঘঙচছজঝটঠডঢতথদধনপফবভমযরলশসহঅইউএ"


def _join(rng: random.Random, parts: Sequence[str]) -> str:
    """Join the parts with a random separator, or return one of the two rows."""
    parts = [part for part in parts if part]
    kind = rng.random()
    if kind < 0.4:
        return "".join(parts)
    if kind < 0.7:
        return " ".join(parts)
    if kind < 0.8:
        return "-".join(parts)
    cut = rng.randint(1, len(parts) - 1)
    rows = parts[:cut], parts[cut:]
    return rng.choice(("", " ", "-")).join(rng.choice(rows))


def _series(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(rng.randint(low, high)))


def _standard(rng: random.Random) -> list[str]:
    district = f"{rng.randint(1, 99):0{rng.choice((1, 2, 2, 2))}d}"
    number = str(rng.randint(1, 9999)).zfill(rng.choice((1, 4, 4)))
    return [rng.choice(_STATES), district, _series(rng, 0, 3), number]


def _delhi(rng: random.Random) -> list[str]:
    letters = rng.choice("CSPRTVYE") + _series(rng, 0, 2)
    return ["DL", str(rng.randint(1, 16)), letters, digits(rng, 4, 4)]


def _temporary(rng: random.Random) -> list[str]:
    month = f"T{rng.randint(1, 12):02d}{digits(rng, 2, 2)}"
    return [month, rng.choice(_STATES), digits(rng, 4, 4), _series(rng, 1, 2)]


def _military(rng: random.Random) -> list[str]:
    return [digits(rng, 2, 2) + rng.choice(_LETTERS), digits(rng, 5, 6) + rng.choice(_LETTERS)]


_REGISTRATIONS: tuple[tuple[float, Callable[[random.Random], list[str]]], ...] = (
    (74, _standard),
    (10, _delhi),
    (6, lambda rng: [str(rng.randint(20, 39)), "BH", digits(rng, 4, 4), _series(rng, 1, 2)]),
    (2, lambda rng: [rng.choice(_STATES), "VA", _series(rng, 2, 2), digits(rng, 4, 4)]),
    (3, _temporary),
    (2, _military),
    (1, lambda rng: [digits(rng, 1, 3), rng.choice(("CD", "CC", "UN")), digits(rng, 1, 4)]),
    (2, lambda rng: [_series(rng, 3, 3), digits(rng, 1, 4)]),
)


def registration_parts(rng: random.Random) -> list[str]:
    """Draw an Indian registration as parts that may have separators between them."""
    weights, kinds = zip(*_REGISTRATIONS, strict=True)
    make: Callable[[random.Random], list[str]] = rng.choices(kinds, weights)[0]
    return make(rng)


def indian(rng: random.Random) -> str:
    """Draw an Indian registration in Latin letters."""
    return _join(rng, registration_parts(rng))


def indian_in_script(rng: random.Random, letters: Mapping[str, str], native: str) -> str:
    """Draw an Indian registration with its letters spelled by name, as on second plates."""
    separator = rng.choice(("", "", ".", " "))
    table = str.maketrans("0123456789", native) if rng.random() < 0.6 else {}
    parts = []
    for part in registration_parts(rng):
        if part.isalpha():
            parts.append(separator.join(letters[letter] for letter in part))
        else:
            parts.append("".join(letters.get(ch, ch) for ch in part).translate(table))
    return _join(rng, parts)


def nepali(rng: random.Random) -> str:
    """Draw a registration of Nepal, or one of its rows, with ASCII digits."""
    number = str(rng.randint(1, 9999))
    kind = rng.random()
    if kind < 0.15:
        province = rng.choice(_NEPALI_PROVINCES)
        office = f"{rng.randint(1, 7)}-{rng.randint(1, 9):02d}-{rng.randint(1, 99):03d}"
        rows = [rng.choice((f"प्रदेश {office}", f"{province} प्रदेश", f"{province} {office}")),
                f"{rng.choice(_NEPALI_CLASSES)} {number.zfill(4)}"]  # fmt: skip
        return rng.choice((*rows, " ".join(rows)))
    zone, lot, letter = (
        rng.choice(_NEPALI_ZONES),
        str(rng.randint(1, 99)),
        rng.choice(_NEPALI_CLASSES),
    )
    top = rng.choice((f"{zone}.{lot}{letter}", f"{zone} {lot} {letter}", f"{zone}{lot}{letter}",
                      f"{zone}. {lot} {letter}", f"{zone} {lot}{letter}"))  # fmt: skip
    return rng.choice((top, number, f"{top} {number}", f"{top} {number}"))


def bangladeshi(rng: random.Random) -> str:
    """Draw a registration of Bangladesh, or one of its rows, with ASCII digits."""
    top = f"{rng.choice(_BANGLADESHI_CITIES)}-{rng.choice(_BANGLADESHI_CLASSES)}"
    number = f"{digits(rng, 2, 2)}-{digits(rng, 4, 4)}"
    return rng.choice((top, number, f"{top} {number}"))
