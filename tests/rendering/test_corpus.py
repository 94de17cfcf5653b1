from __future__ import annotations

import lzma
import random
from collections import Counter
from pathlib import Path

import pytest

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.clusters import clusters
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import LANGUAGES, SCRIPTS, script_of, script_of_char
from lipiyana.rendering.contents import numbers, registration_texts
from lipiyana.rendering.contents.boards import Boards, load_vocabularies
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.contents.words import (
    Coverage,
    HardWords,
    TrigramModel,
    WordList,
    is_held_out,
    load_word_list,
)

CHARSET = Charset.load()


def syllables(code: str) -> list[str]:
    """Make four hundred words from the script's coverage strings."""
    rng = random.Random(5)
    source = Coverage(code, CHARSET, [])
    words = {normalize(source.sample(rng) + source.sample(rng)) for _ in range(400)}
    return sorted(word for word in words if " " not in word and script_of(word) == code)


def lists() -> list[WordList]:
    first = {code: language for language, code in reversed(list(LANGUAGES.items()))}
    return [WordList(first[code], code, tuple(syllables(code)), {}) for code in SCRIPTS]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(lists(), CHARSET)


@pytest.mark.parametrize("code", SCRIPTS)
def test_samples_are_normalized_and_within_the_charset(corpus: Corpus, code: str) -> None:
    rng = random.Random(1)
    for _ in range(600):
        sample = corpus.sample(rng, code)
        assert sample.text
        assert normalize(sample.text) == sample.text
        assert normalize(sample.drawn) == sample.text
        assert CHARSET.covers(sample.text)
        assert sample.script == ("Latn" if sample.text.isascii() else code)


@pytest.mark.parametrize("code", SCRIPTS)
def test_every_character_is_drawn(code: str) -> None:
    rng = random.Random(2)
    source = Coverage(code, CHARSET, [])
    seen = set("".join(normalize(source.sample(rng)) for _ in range(12_000)))
    assert {ch for ch in CHARSET.characters if script_of_char(ch) == code} <= seen


def test_the_same_seed_gives_the_same_lines(corpus: Corpus) -> None:
    first, second = random.Random(3), random.Random(3)
    assert [corpus.sample(first) for _ in range(50)] == [corpus.sample(second) for _ in range(50)]


def test_weights_choose_the_scripts() -> None:
    rng = random.Random(4)
    drawn = Corpus(lists(), CHARSET, weights={"Taml": 3.0, "Orya": 1.0, "Deva": 0.0})
    counts = Counter(drawn.sample(rng).script for _ in range(800))
    assert set(counts) <= {"Taml", "Orya", "Latn"}
    assert counts["Taml"] > 1.8 * counts["Orya"] > 0


def test_coverage_is_a_fifth(corpus: Corpus) -> None:
    rng = random.Random(6)
    kinds = Counter(corpus.sample(rng, "Telu").kind for _ in range(4000))
    assert 0.17 < kinds["coverage"] / 4000 < 0.23


def test_a_rare_conjunct_is_drawn_more_often_than_its_share_of_words() -> None:
    words = [f"{a}{b}ল" for a in "কখগচছজতদ" for b in "পফমনসহ"] + ["লক্ষণ"]
    hard = HardWords(words, SCRIPTS["Beng"].virama)
    rng = random.Random(4)
    drawn = Counter(hard.hard(rng) for _ in range(2000))
    assert set(drawn) == set(words)
    assert drawn["লক্ষণ"] > 3 * 2000 / len(words)


def test_reph_is_drawn_more_often_than_other_conjuncts() -> None:
    hard = HardWords(["অর্ক", "অল্ক"], SCRIPTS["Beng"].virama)
    rng = random.Random(4)
    drawn = Counter(hard.hard(rng) for _ in range(2000))
    assert drawn["অর্ক"] > 1.1 * drawn["অল্ক"]


def test_short_words_have_two_clusters_at_most() -> None:
    hard = HardWords(["की", "किया", "राष्ट्र", "विद्यालय"], SCRIPTS["Deva"].virama)
    rng = random.Random(4)
    assert {hard.short(rng) for _ in range(60)} == {"की", "किया"}
    assert HardWords([], "").short(rng) == HardWords([], "").hard(rng) == ""


def test_a_board_word_is_one_word_of_a_board(corpus: Corpus) -> None:
    by_hand = {normalize(word.casefold()) for word in Boards(lambda *_: "").words()}
    rng = random.Random(4)
    drawn = [sample for sample in (corpus.sample(rng, "Beng") for _ in range(1500))
             if sample.kind == "board word"]  # fmt: skip
    assert len(drawn) > 100
    assert all(" " not in sample.text for sample in drawn)
    assert sum(sample.text in by_hand for sample in drawn) > 0.6 * len(drawn)


def test_held_out_words_are_never_trained_on() -> None:
    words = lists()
    held_out = Corpus(words, CHARSET, "held_out")
    train = Corpus(words, CHARSET, "train")
    kept_back = {word for code in SCRIPTS for word in held_out.words(code)}
    trained = {word for code in SCRIPTS for word in train.words(code)}
    assert kept_back
    assert not kept_back & trained
    assert kept_back | trained == {word for group in words for word in group.words}
    rng = random.Random(7)
    script = next(code for code in SCRIPTS if held_out.words(code))
    for _ in range(50):
        sample = held_out.sample(rng, script)
        assert sample.kind in {"word", "line"}
        assert any(word in sample.text for word in held_out.words(script))


def test_one_word_in_fifty_is_held_out() -> None:
    words = [f"word{i}" for i in range(20_000)]
    assert 300 < sum(map(is_held_out, words)) < 500
    assert not is_held_out("abc")
    assert is_held_out("word7") == is_held_out("WORD7")


def test_hand_written_words_are_in_their_script() -> None:
    boards = Boards(lambda rng, code: "x")
    assert sum(1 for _ in boards.words()) > 4000
    for language, vocabulary in load_vocabularies().items():
        code = LANGUAGES[language]
        for text in (*vocabulary.places, *vocabulary.given_names, *vocabulary.surnames):
            assert CHARSET.covers(normalize(text)), text
            assert {script_of_char(ch) for ch in normalize(text)} <= {code, "Zyyy"}, text


@pytest.mark.parametrize(
    "language",
    ["hi", "bn", "ta", "te", "kn", "ml", "mr", "gu", "pa", "or", "ur", "as", "ne", "en"],
)
def test_every_language_has_thirty_phrases(language: str) -> None:
    assert len(load_vocabularies()[language].phrases) >= 30


def test_all_fields_of_phrases_are_filled(corpus: Corpus) -> None:
    rng = random.Random(8)
    boards = Boards(lambda rng, code: "x")
    for code in SCRIPTS:
        for _ in range(400):
            assert "{" not in boards.phrase(rng, code)


def test_registrations_of_three_countries() -> None:
    rng = random.Random(9)
    for _ in range(300):
        assert (
            registration_texts.indian(rng).strip(" -").replace(" ", "").replace("-", "").isalnum()
        )
        assert script_of(registration_texts.nepali(rng)) in {"Deva", "Zyyy"}
        assert script_of(registration_texts.bangladeshi(rng)) in {"Beng", "Zyyy"}
        assert numbers.quantity(rng)


def test_a_broken_word_list_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "te.txt.xz"
    words = ["హార్డ్\u200cవేర్", "road", "ాక", "కాా", "క్ా", "తెలుగు", "తెలుగు", "१२", ""]
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(words))
    words_read = load_word_list(path, CHARSET)
    assert words_read.words == ("హార్డ్వేర్", "తెలుగు")
    assert words_read.drawn == {"హార్డ్వేర్": "హార్డ్\u200cవేర్"}


def test_lost_chillus_are_restored(tmp_path: Path) -> None:
    path = tmp_path / "ml.txt.xz"
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write("അക്രമികള്\nഅച്ഛന്\nആണ്\n")
    assert load_word_list(path, CHARSET).words == ("അക്രമികൾ", "അച്ഛൻ", "ആണ്")


def test_the_trigram_model_makes_new_words_of_seen_characters() -> None:
    model = TrigramModel(["abab", "abba"])
    rng = random.Random(10)
    made = {model.sample(rng) for _ in range(200)}
    assert made - {"abab", "abba"}
    assert set("".join(made)) <= {"a", "b"}
    assert TrigramModel([]).sample(rng) == ""


def test_the_real_lists_contain_only_their_script(shared_data: Path) -> None:
    for path in sorted((shared_data / "words").glob("*.txt.xz"))[::5]:
        read = load_word_list(path, CHARSET)
        assert len(read.words) > 1000
        assert {script_of_char(ch) for word in read.words for ch in word} == {read.script}
        assert all(clusters(word) for word in read.words[:200])
