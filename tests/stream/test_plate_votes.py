from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.registrations import categorize, parse
from lipiyana.stream.tracks import PlateVote, VoteSettings, may_be
from lipiyana.types import Box, Category, Plate, PlateColour, Registration, RegistrationFormat

BOX = Box(0, 0, 90, 20)
TRUE = "KA01AB1234"
OTHER = "MH12DE5678"


def reading(canonical: str, sure: float = 0.95, unsure: dict[int, float] | None = None) -> Plate:
    """A plate that parses; `unsure` has the confidences of some of its characters."""
    confidences = [sure] * len(canonical)
    for index, confidence in (unsure or {}).items():
        confidences[index] = confidence
    registration = Registration(
        canonical,
        valid=True,
        format=RegistrationFormat.STANDARD,
        country="IN",
        character_confidences=tuple(confidences),
    )
    return Plate(canonical, 0.9, BOX, registration=registration)


def unparsed(text: str) -> Plate:
    return Plate(text, 0.9, BOX)


def shown(vote: PlateVote, *plates: Plate) -> list[str]:
    return [vote.see(plate).registration.canonical for plate in plates]


def test_a_wrong_reading_at_first_is_corrected() -> None:
    wrong = reading("KA01AB1284", unsure={8: 0.4})
    right = reading(TRUE)
    assert shown(PlateVote(), wrong, right, wrong, right) == [wrong.text, TRUE, TRUE, TRUE]


def test_other_settings_decide_otherwise() -> None:
    four_apart = reading("KA01AB8765", unsure={6: 0.4, 7: 0.4, 8: 0.4, 9: 0.4})
    assert shown(PlateVote(), reading(TRUE), four_apart) == [TRUE, "KA01AB8765"]
    lenient = PlateVote(VoteSettings(max_edits=4))
    assert shown(lenient, reading(TRUE), four_apart) == [TRUE, TRUE]


def test_one_bad_frame_does_not_sway() -> None:
    vote = PlateVote()
    bad = reading("KA07A81234", unsure={3: 0.4, 5: 0.6})
    assert shown(vote, reading(TRUE), bad, reading(TRUE), bad) == [TRUE] * 4


def test_text_confidence_and_box_of_the_frame_are_unchanged() -> None:
    vote = PlateVote()
    vote.see(reading(TRUE))
    bad = dataclasses.replace(reading("KA01A81234", unsure={5: 0.3}), confidence=0.77)
    plate = vote.see(bad)
    assert (plate.text, plate.confidence, plate.box) == (bad.text, bad.confidence, bad.box)
    assert plate.registration.alternatives == ("KA01A81234",)
    assert plate.registration.character_confidences == (0.95,) * 10


def test_text_that_does_not_parse() -> None:
    vote = PlateVote()
    vote.see(reading(TRUE))
    assert shown(vote, unparsed("KA 01\nAB 123")) == [TRUE]
    # what cannot be read is not known to be this plate
    assert shown(vote, unparsed(""), unparsed("GOODS CARRIER"), unparsed("KA 01")) == [""] * 3


def test_a_surely_read_plate_is_not_replaced() -> None:
    vote = PlateVote()
    for _ in range(4):
        vote.see(reading(TRUE))
    # one digit apart, as the buses of one fleet are
    assert shown(vote, reading("KA01AB1235"), reading(OTHER)) == ["KA01AB1235", OTHER]
    assert shown(vote, reading(TRUE)) == [TRUE]


def test_another_plate_takes_over_when_it_comes_again_and_again() -> None:
    vote = PlateVote()
    for _ in range(50):
        vote.see(reading(TRUE))
    assert shown(vote, *[reading(OTHER)] * 3) == [OTHER] * 3
    # and what was before is forgotten
    assert shown(vote, reading(TRUE), reading("MH12DE5673", unsure={9: 0.4})) == [TRUE, OTHER]


def test_a_wrong_beginning_is_overtaken_by_two() -> None:
    vote = PlateVote()
    vote.see(reading("TN09ZZ9999", sure=0.7))
    assert shown(vote, reading(TRUE), reading(TRUE)) == [TRUE, TRUE]
    assert shown(vote, reading("KA01AB1284", unsure={8: 0.2})) == [TRUE]


def test_after_a_gap_one_reading_is_enough() -> None:
    vote = PlateVote()
    for _ in range(50):
        vote.see(reading(TRUE))
    assert vote.see(reading(OTHER), resumed=True).registration.canonical == OTHER
    assert shown(vote, reading("MH12DE5673", unsure={9: 0.4})) == [OTHER]
    # the same plate again is no reason to forget
    assert vote.see(reading("MH12DE567", sure=0.6), resumed=True).registration.canonical == OTHER


def test_repeated_frames_are_no_new_evidence() -> None:
    vote = PlateVote()
    vote.see(reading("KA01AB1284", sure=0.5))
    shown_again = [
        vote.see(reading("KA01AB1284", sure=0.5), repeated=True).registration.canonical
        for _ in range(50)
    ]
    assert shown_again == ["KA01AB1284"] * 50
    assert shown(vote, reading(TRUE), reading(TRUE)) == [TRUE, TRUE]

    rival = reading(OTHER)
    vote.see(rival)
    for _ in range(50):
        assert vote.see(rival, repeated=True).registration.canonical == OTHER
    assert shown(vote, reading("KA01AB1234", sure=0.7)) == [TRUE]


def test_a_vote_that_knows_nothing_takes_what_it_gets() -> None:
    vote = PlateVote()
    vote.see(reading(TRUE), repeated=True)
    assert shown(vote, unparsed("KA 01 AB 123")) == [TRUE]


def test_another_country_is_another_plate() -> None:
    nepali = dataclasses.replace(reading(TRUE).registration, canonical="KA01AB1235", country="NP")
    plate = dataclasses.replace(reading("KA01AB1235", sure=0.3), registration=nepali)
    assert not may_be(plate, reading(TRUE).registration)


def test_a_reading_may_be_each_of_its_alternatives() -> None:
    plate = reading("KA01AB1235")
    registration = dataclasses.replace(plate.registration, alternatives=(TRUE,))
    assert not may_be(plate, reading(TRUE).registration)
    assert may_be(dataclasses.replace(plate, registration=registration), reading(TRUE).registration)

    # though it dared not say so
    unread = dataclasses.replace(unparsed("K"), registration=Registration(alternatives=(TRUE,)))
    assert may_be(unread, reading(TRUE).registration)


@pytest.mark.parametrize(
    ("read", "unsure", "expected"),
    [
        (TRUE, (), True),
        ("KA01AB1284", (8,), True),
        ("KA01AB1284", (), False),
        ("KA01A81284", (5, 8), True),
        ("KA07A81284", (3, 5, 8), False),
        ("KA01AB123", (), True),  # nothing that was read has to change
        ("KA01AB12334", (9,), True),
        ("KA01AB12334", (), False),
        ("", (), False),
    ],
)
def test_which_readings_may_be_misreadings(
    read: str, unsure: tuple[int, ...], expected: bool
) -> None:
    plate = reading(read, unsure=dict.fromkeys(unsure, 0.5)) if read else unparsed("")
    assert may_be(plate, reading(TRUE).registration) is expected


@given(st.integers(0, 10**6))
def test_sure_readings_are_never_exchanged(seed: int) -> None:
    """A track that jumps at will between vehicles of different plates shows each its own."""
    dice = random.Random(seed)
    # digits that differ in every place: three edits are a misreading, six are another plate
    first = [dice.sample("0123456789", 3) for _ in range(6)]
    plates = ["KA{}{}AB{}{}{}{}".format(*digits) for digits in zip(*first, strict=True)]
    vote, current = PlateVote(), 0
    for _ in range(40):
        if dice.random() < 0.2:
            current = dice.randrange(3)
        plate = reading(plates[current], sure=0.92)
        assert (
            vote.see(plate, resumed=dice.random() < 0.1).registration.canonical == plates[current]
        )


@given(st.integers(0, 10**6))
def test_the_usual_reading_wins(seed: int) -> None:
    dice = random.Random(seed)
    vote, read_right, right = PlateVote(), 0, 0
    for _ in range(30):
        letters, unsure = list(TRUE), {}
        if dice.random() < 0.3:
            index = dice.choice([2, 3, 6, 7, 8, 9])
            letters[index] = dice.choice("0123456789")
            unsure[index] = dice.uniform(0.3, 0.8)
        found = vote.see(reading("".join(letters), unsure=unsure)).registration.canonical
        read_right += "".join(letters) == TRUE
        right += found == TRUE
    assert right >= read_right
    assert found == TRUE


def test_a_conflict_is_that_of_what_is_shown() -> None:
    """Yellow says transport: so does the series T, and the C that it was misread as does not."""
    colour = PlateColour.BLACK_ON_YELLOW
    sure = [0.95] * 9
    taxi, misread = (
        Plate(text, 0.9, BOX, registration=parse(text, [confidences]), colour=colour)
        for text, confidences in (
            ("DL1TA1234", sure),
            ("DL1CA1234", [*sure[:3], 0.6, *sure[4:]]),
        )
    )
    misread = dataclasses.replace(misread, category_conflict=True)
    assert categorize(misread.registration, colour).conflict
    vote = PlateVote()
    for plate in (taxi, taxi, misread):
        seen = vote.see(plate, vehicle_label="car")
        assert seen.registration.canonical == "DL1TA1234"
        assert not seen.category_conflict


def test_a_conflict_with_the_vehicle_is_that_of_the_shown_registration() -> None:
    private = dataclasses.replace(
        reading(TRUE).registration, category=Category.PRIVATE, canonical=TRUE
    )
    vote = PlateVote()
    vote.see(dataclasses.replace(reading(TRUE), registration=private))
    unread = dataclasses.replace(unparsed("KA01AB12"), category_conflict=False)
    assert vote.see(unread, vehicle_label="auto_rickshaw").category_conflict
    assert not vote.see(unread, vehicle_label="car").category_conflict


@pytest.mark.parametrize("wrong", ["KA01AB1235", "KA01AB0294", "KAO1A81284", "KA01AB"])
@pytest.mark.parametrize("blurred", [1, 2, 3, 4])
def test_a_registration_read_five_times_is_not_replaced_by_its_misreading(
    wrong: str, blurred: int
) -> None:
    """However sure the blurred frames are, and though they agree with each other."""
    vote = PlateVote()
    clear, misread = reading(TRUE, sure=0.97), reading(wrong, sure=0.99)
    frames = [*[clear] * 5, *[misread] * blurred, clear, *[misread] * blurred]
    canonicals = shown(vote, *frames)
    near = wrong != "KA01AB"  # four edits away
    assert not near or set(canonicals) == {TRUE}
    assert shown(vote, clear) == [TRUE]


def test_a_frequent_reading_is_no_misreading() -> None:
    vote = PlateVote()
    far_away, near_by = reading("KA01AB1284", sure=0.7), reading(TRUE, sure=0.99)
    assert shown(vote, *[far_away] * 5, *[near_by] * 3)[-1] == "KA01AB1284"
    assert shown(vote, *[near_by] * 2)[-1] == TRUE


def test_a_doubtful_registration_is_shown_as_the_established_one() -> None:
    vote = PlateVote()
    for _ in range(5):
        vote.see(reading(TRUE))
    doubtful = reading(OTHER)
    doubtful = dataclasses.replace(
        doubtful, registration=dataclasses.replace(doubtful.registration, valid=False)
    )
    assert shown(vote, doubtful) == [TRUE]
    # after a gap it may be another vehicle
    assert vote.see(doubtful, resumed=True).registration.canonical == OTHER
