from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.language.word_set import WordSet

LETTERS = range(2, 12)
words = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=9).map(tuple)
sets = st.sets(words, max_size=60)


@given(sets)
def test_every_word_is_known(known):
    made = WordSet.of(known)
    assert len(made) == len(known)
    assert all(word in made for word in known)


@given(sets)
def test_a_packed_set_is_the_same(known):
    made = WordSet.of(known)
    assert WordSet.from_bytes(made.to_bytes()) == made


def test_one_of_a_thousand_other_words_passes_for_known():
    numbers = [(2 + n % 50, 2 + n // 50 % 50, 2 + n // 2500) for n in range(80_000)]
    made = WordSet.of(numbers[::2])
    assert len(made.to_bytes()) < 40_000 * 12.1 / 8
    wrong = sum(word in made for word in numbers[1::2])
    assert 10 < wrong < 100


@given(sets, words)
def test_near_words_are_known_and_differ_in_one_letter(known, word):
    made = WordSet.of(known)
    found = made.near(word, LETTERS)
    assert len(found) == len(set(found))
    for near in found:
        assert near in made
        assert near != word
        assert is_one_letter_away(near, word)


@given(sets, words)
def test_nothing_that_is_near_is_missed(known, word):
    near = {other for other in known if is_one_letter_away(other, word) and other != word}
    assert near <= set(WordSet.of(known).near(word, LETTERS))


def test_letters_that_may_not_come_in_do_not():
    made = WordSet.of([(2, 3, 4), (2, 4), (2, 5)])
    assert set(made.near((2, 3), [4])) == {(2, 3, 4), (2, 4)}
    assert made.near((2, 3, 4), []) == [(2, 4)]


def test_fingerprints_are_sorted_and_the_empty_set_knows_nothing():
    made = WordSet.of([(2, n) for n in range(2, 99)])
    assert all(a <= b for a, b in pairwise(made._fingerprints.tolist()))
    assert (2,) not in WordSet.of([])
    assert WordSet.of([]).near((2, 3), LETTERS) == []


def is_one_letter_away(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) <= 1
    short, long = sorted((one, other), key=len)
    return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
