"""Random numbers as written on signs: prices, dates, telephone numbers, distances."""

from __future__ import annotations

import random
from collections.abc import Callable


def digits(rng: random.Random, low: int, high: int) -> str:
    """Draw between `low` and `high` ASCII digits."""
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(low, high)))


def _grouped(number: str) -> str:
    """Group digits as in India: 12,34,567."""
    head, tail = number[:-3], number[-3:]
    while len(head) > 2:
        tail = head[-2:] + "," + tail
        head = head[:-2]
    return f"{head},{tail}" if head else tail


def price(rng: random.Random) -> str:
    """Draw a price in rupees."""
    amount = str(rng.randint(1, 10 ** rng.randint(1, 7)))
    if rng.random() < 0.5:
        amount = _grouped(amount)
    amount += rng.choice(("", "", "", "/-", ".00", "." + digits(rng, 2, 2)))
    return rng.choice(("₹", "₹ ", "₹", "Rs.", "Rs. ")) + amount


def date(rng: random.Random) -> str:
    """Draw a date in digits."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1947, 2035)
    mark = rng.choice("/-.")
    if rng.random() < 0.3:
        return f"{day}{mark}{month}{mark}{year % 100:02d}"
    return f"{day:02d}{mark}{month:02d}{mark}{year}"


def time(rng: random.Random) -> str:
    """Draw a time of day, or a time range."""

    def one() -> str:
        return (
            f"{rng.randint(0, 23):0{rng.choice((1, 2))}d}{rng.choice(':.:')}{rng.randrange(60):02d}"
        )

    kind = rng.random()
    if kind < 0.4:
        return one()
    if kind < 0.7:
        return f"{one()} {rng.choice(('AM', 'PM', 'am', 'pm', 'a.m.', 'p.m.'))}"
    return one() + rng.choice(("-", " - ", " to ", "–")) + one()


def phone(rng: random.Random) -> str:
    """Draw an Indian telephone number."""
    mobile = rng.choice("6789") + digits(rng, 9, 9)
    kind = rng.random()
    if kind < 0.4:
        return mobile
    if kind < 0.55:
        return f"{mobile[:5]} {mobile[5:]}"
    if kind < 0.75:
        return rng.choice(("+91 ", "+91-", "+91", "0")) + mobile
    code = "0" + rng.choice("12345678") + digits(rng, 1, 2)
    return code + rng.choice("- ") + rng.choice("2345678") + digits(rng, 5, 7)


def _percent(rng: random.Random) -> str:
    return digits(rng, 1, 3) + rng.choice(
        ("%", "% OFF", " km", " KM", " m", "°C", "+", "x", "A", "½", " × " + digits(rng, 1, 3))
    )


def _road(rng: random.Random) -> str:
    return rng.choice(("NH", "NH-", "NH ", "SH", "SH-", "No. ", "No.", "#")) + digits(rng, 1, 3)


_PLAIN: tuple[tuple[float, Callable[[random.Random], str]], ...] = (
    (45, lambda rng: digits(rng, 1, 4)),
    (10, _percent),
    (10, lambda rng: f"{digits(rng, 1, 3)}{rng.choice('/-.')}{digits(rng, 1, 4)}"),
    (10, lambda rng: str(rng.randint(110001, 855999))),
    (10, lambda rng: _grouped(str(rng.randint(1000, 99999999)))),
    (8, lambda rng: f"({digits(rng, 1, 3)})"),
    (7, _road),
)


def plain(rng: random.Random) -> str:
    """Draw a house number, route, distance, percentage or PIN code."""
    weights, kinds = zip(*_PLAIN, strict=True)
    make: Callable[[random.Random], str] = rng.choices(kinds, weights)[0]
    return make(rng)


def quantity(rng: random.Random) -> str:
    """Draw any of the kinds above, in ASCII digits."""
    return rng.choices((plain, price, date, time, phone), (40, 18, 14, 13, 15))[0](rng)
