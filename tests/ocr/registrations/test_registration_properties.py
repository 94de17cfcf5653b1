"""Properties of parsing over generated registrations and over arbitrary text.

The generators are written down here once more, from the rules and not from the pattern table.
"""

from __future__ import annotations

import itertools
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.registrations import CONFUSIONS, GRAMMAR, find, normalize_row, parse
from lipiyana.types import RegistrationFormat as Format

_CODES = (
    "AN AP AR AS BR CG CH DD DL GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD PB PY RJ SK TG "
    "TN TR UK UP WB TS DN OR UA"
)
CODES = _CODES.split()
SERIES = "ABCDEFGHJKLMNPQRSTUVWXYZ"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NATIVE_ZEROS = "०০੦૦୦௦౦೦൦"

codes = st.sampled_from(CODES)
letter = st.sampled_from(LETTERS)


def digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most)


def number(least: int, most: int) -> st.SearchStrategy[str]:
    return digits(least, most).filter(lambda text: int(text) > 0)


def series(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(SERIES, min_size=least, max_size=most)


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    strategies = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*strategies).map("".join)


not_delhi = codes.filter(lambda code: code != "DL")
month = st.integers(1, 12).map("{:02}".format)

INDIA: dict[Format, st.SearchStrategy[str]] = {
    Format.STANDARD: st.one_of(
        joined(not_delhi, number(1, 2), series(1, 3), number(1, 4)),
        joined(codes, number(2, 2), number(1, 4)),
    ),
    Format.DELHI: joined(
        "DL", number(1, 2), st.sampled_from("CSPRTVYE"), series(0, 2), number(4, 4)
    ),
    Format.BHARAT: joined(digits(2, 2), "BH", number(4, 4), series(1, 2)),
    Format.VINTAGE: joined(codes, "VA", series(2, 2), number(4, 4)),
    Format.TEMPORARY: st.one_of(
        joined("T", month, digits(2, 2), codes, number(4, 4), series(1, 2)),
        joined(codes, number(2, 2), "TC", number(1, 4), series(1, 1)),
        joined(codes, number(2, 2).map("20{}TR".format), number(4, 4), series(1, 1)),
    ),
    Format.TRADE: joined(
        codes, number(2, 2), st.sampled_from("ABCDEFGHIJ"), digits(4, 4), "TC", number(4, 4)
    ),
    Format.MILITARY: joined(digits(2, 2), letter, number(4, 6), letter),
    Format.DIPLOMATIC: joined(number(1, 3), st.sampled_from(["CD", "CC", "UN"]), number(1, 4)),
    Format.LEGACY: joined(letter, letter, letter, number(1, 4)).filter(
        lambda text: not text.startswith("IND")
    ),
}  # fmt: skip


def native(text: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(ch)) if ch.isdecimal() else ch for ch in text)


NEPAL = joined(
    st.sampled_from(["मे", "को", "स", "ज", "बा", "ना", "ग", "लु", "ध", "रा", "भे", "क", "से", "म"]),
    number(1, 3),
    st.sampled_from("कखगचजझपफब"),
    number(1, 4),
).map(lambda text: native(text, "०"))
BANGLADESH = joined(
    st.sampled_from(["ঢাকামেট্রো", "চট্টমেট্রো", "সিলেট", "কুমিল্লা", "গাজীপুর"]),
    st.sampled_from("কখগঘচছজঝটঠডনপবভমলহ"),
    number(2, 2),
    number(4, 4),
).map(lambda text: native(unicodedata.normalize("NFC", text), "০"))

indian = st.sampled_from(sorted(INDIA)).flatmap(lambda kind: st.tuples(st.just(kind), INDIA[kind]))
registrations = st.one_of(
    indian,
    st.tuples(st.just(Format.NEPAL), NEPAL),
    st.tuples(st.just(Format.BANGLADESH), BANGLADESH),
)
separators = st.sampled_from(["", "", " ", ".", "-", " - ", "·", "  "])


@st.composite
def painted(draw: st.DrawFn) -> tuple[Format, str, list[str]]:
    """A registration and rows that show it, with everything that plates put around it."""
    kind, canonical = draw(registrations)
    text = canonical
    if draw(st.booleans()):
        text = text.lower()
    if canonical.isascii() and draw(st.booleans()):
        text = native(text, draw(st.sampled_from(NATIVE_ZEROS)))
    clusters = _clusters(text)
    cut = draw(st.integers(0, len(clusters)))
    rows = [
        "".join(ch + draw(separators) for ch in part) for part in (clusters[:cut], clusters[cut:])
    ]
    noise = draw(st.sampled_from(["", "IND", "INDIA", "AA 123456789", "IND\nAA 12345678"]))
    if noise:
        rows.insert(draw(st.sampled_from([0, 2])), noise)
    return kind, canonical, rows


def _clusters(text: str) -> list[str]:
    """Letters with their marks; a virama holds on to the next letter."""
    clusters: list[str] = []
    for ch in text:
        mark = unicodedata.category(ch).startswith("M")
        if clusters and (mark or unicodedata.combining(clusters[-1][-1]) == 9):
            clusters[-1] += ch
        else:
            clusters.append(ch)
    return clusters


@given(painted())
def test_every_registration_comes_back_with_exactly_its_digits(
    case: tuple[Format, str, list[str]],
) -> None:
    kind, canonical, rows = case
    parsed = parse([row for noisy in rows for row in noisy.split("\n")])
    assert parsed.valid
    assert parsed.canonical == canonical
    assert parsed.format is kind
    assert parsed.romanized.isascii()
    assert parsed.number
    assert canonical.count(parsed.number) >= 1
    assert parsed == parse("\n".join(rows))


@given(registrations)
def test_a_valid_registration_is_never_repaired(case: tuple[Format, str]) -> None:
    kind, canonical = case
    assert GRAMMAR.accepts(canonical)
    parsed = parse(canonical)
    assert (parsed.canonical, parsed.format, parsed.alternatives) == (canonical, kind, ())


@given(registrations, st.data())
def test_every_prefix_is_allowed(case: tuple[Format, str], data: st.DataObject) -> None:
    _, canonical = case
    end = data.draw(st.integers(0, len(canonical)))
    assert GRAMMAR.allows_prefix(canonical[:end])
    state = GRAMMAR.automaton.run(canonical[:end])
    assert state is not None
    if end < len(canonical):
        assert canonical[end] in GRAMMAR.automaton.next_characters(state)


@given(indian, st.data())
def test_a_repair_is_the_only_one_of_the_fewest_changes(
    case: tuple[Format, str], data: st.DataObject
) -> None:
    _, canonical = case
    places = [index for index, ch in enumerate(canonical) if ch in CONFUSIONS]
    chosen = data.draw(st.sets(st.sampled_from(places), max_size=2)) if places else set()
    read = "".join(
        data.draw(st.sampled_from(CONFUSIONS[ch])) if index in chosen else ch
        for index, ch in enumerate(canonical)
    )
    parsed = parse(read)
    if parsed.valid:
        changes = sum(a != b for a, b in zip(read, parsed.canonical, strict=True))
        possible = [_variants(read, count) for count in range(changes + 1)]
        # of a format that is never repaired (BBC001 read as 8BC001) another one may be nearest
        assert changes <= len(chosen) or not _is_repair(read, canonical)
        if changes == 0:
            assert parsed.canonical == read
        else:
            fewer = list(itertools.chain(*possible[:changes]))
            assert not any(_is_repair(read, text) for text in fewer)
            repaired = [text for text in possible[changes] if _is_repair(read, text)]
            assert repaired == [parsed.canonical]
    elif parsed.alternatives:
        assert len(parsed.alternatives) > 1
        assert all(map(GRAMMAR.accepts, parsed.alternatives))
        assert not GRAMMAR.accepts(read)


def _is_repair(read: str, text: str) -> bool:
    """Whether `text` is valid, not LEGACY, and most of its last number was read as digits."""
    reading = GRAMMAR.reading(text)
    if reading is None or reading.pattern.format is Format.LEGACY:
        return False
    number = read[reading.span("number")]
    return sum(ch.isdecimal() for ch in number) * 2 >= len(number)


def _variants(text: str, count: int) -> list[str]:
    """Every string that differs from `text` by exactly `count` confusions."""
    found = []
    for places in itertools.combinations(range(len(text)), count):
        options = [CONFUSIONS.get(text[place], "") for place in places]
        for letters in itertools.product(*options):
            changed = list(text)
            for place, ch in zip(places, letters, strict=True):
                changed[place] = ch
            found.append("".join(changed))
    return found


plate_text = st.text(st.sampled_from("ABCDGHIKLMNOPQRSTUZ0123456789 .-/\nकोबाপ্রमঢ१২"), max_size=24)


@given(st.one_of(st.text(), plate_text))
def test_any_text_is_accepted(text: str) -> None:
    parsed = parse(text)
    assert parsed.valid == bool(parsed.canonical)
    assert all(unicodedata.category(ch)[0] in "LMN" for ch in parsed.canonical)
    assert parsed.canonical == parsed.canonical.upper()
    again = parse(parsed.canonical)
    assert (again.canonical, again.format) == (parsed.canonical, parsed.format)
    found = find(text)
    assert found is None or found == parsed


@given(st.lists(st.one_of(st.text(), plate_text), max_size=8))
def test_any_rows_are_accepted(rows: list[str]) -> None:
    parsed = parse(rows)
    read = "".join(map(normalize_row, rows))
    if read.isascii():
        assert len(parsed.canonical) <= len(read)


@given(st.one_of(st.text(), plate_text), st.data())
def test_every_character_keeps_a_confidence(text: str, data: st.DataObject) -> None:
    unit = st.floats(0, 1, width=16)
    confidences = [data.draw(unit) for _ in text.replace("\n", "")]
    rows, spread, start = text.split("\n"), [], 0
    for row in rows:
        spread.append(confidences[start : start + len(row)])
        start += len(row)
    parsed = parse(rows, spread)
    assert parsed.canonical == parse(rows).canonical
    if confidences:
        assert len(parsed.character_confidences) == len(parsed.canonical)
        assert set(parsed.character_confidences) <= set(confidences)


@given(plate_text)
def test_the_automaton_is_the_pattern_table(text: str) -> None:
    split = [pattern.format for pattern in GRAMMAR.patterns if pattern.split(text) is not None]
    assert [reading.pattern.format for reading in GRAMMAR.readings(text)] == split
    assert GRAMMAR.accepts(text) == bool(split)
