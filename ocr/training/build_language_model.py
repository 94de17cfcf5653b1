"""Builds the language model of `ocr/language/model.py`: counts n-grams and fingerprints words.

    python -m lipiyana.ocr.training.build_language_model --words DIR --out models/language_model.npz

Lists under a copyleft licence are excluded, and so are the words held out for evaluation. There
is no model for Latin: Latin text on roads is as often a name or a registration as a word.
"""

from __future__ import annotations

import argparse
import math
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lipiyana.ocr.language.model import EDGE, LEVELS, ORDER, Grams, LanguageModel, ScriptModel, pack
from lipiyana.ocr.language.settings import LANGUAGE
from lipiyana.ocr.language.word_set import WordSet
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import SCRIPTS, script_of
from lipiyana.rendering.contents.boards import Boards
from lipiyana.rendering.contents.words import COPYLEFT, is_held_out, load_word_list

KEPT = 520_000
"""Number of n-grams with three or more symbols that the model keeps, over all scripts."""

_ALL_KEPT = 2  # n-grams up to this length are never pruned

_Gram = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """The n-grams of one script before pruning.

    Attributes:
        letters: letters in the order of their numbers.
        smooth: n-gram to the smoothed probability of its last symbol, given the others.
        worth: n-gram that may be pruned, to its gain in log-likelihood of the word list.
        words: all words.
    """

    letters: str
    smooth: dict[_Gram, float]
    worth: dict[_Gram, float]
    words: WordSet

    def kept(self, least: float) -> ScriptModel:
        """Prune n-grams that are worth less than `least`."""
        tables: list[dict[_Gram, float]] = [{} for _ in range(ORDER)]
        for gram, probability in self.smooth.items():
            if self.worth.get(gram, least) >= least:
                tables[len(gram) - 1][gram] = probability
        return ScriptModel(self.letters, tuple(map(_grams, tables)), self.words)


def read_words(folder: Path) -> dict[str, list[str]]:
    """Read the words of the free lists by script, with letters in visual order."""
    charset = Charset.load()
    words: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("*.txt.xz")):
        if path.name.split(".")[0] not in COPYLEFT:
            found = load_word_list(path, charset)
            words[found.script] += [to_labels(w) for w in found.words if not is_held_out(w)]
    return words


def board_words() -> dict[str, set[str]]:
    """Collect the words of places, names and phrases by script, with letters in visual order."""
    words: defaultdict[str, set[str]] = defaultdict(set)
    for word in Boards(lambda *_: "").words():
        code = script_of(word)
        if code in SCRIPTS:
            runs = "".join(c if SCRIPTS[code].contains(c) else " " for c in normalize(word))
            words[code].update(map(to_labels, runs.split()))
    return words


def count_script(code: str, words: Iterable[str], known: Iterable[str] = ()) -> Counted:
    """Count n-grams and smooth by interpolation over all lengths (Witten and Bell 1991).

    Args:
        code: code of the script.
        words: words to count.
        known: words that are added to the word set but not counted.
    """
    words = [word for word in words if not set(word) & set(SCRIPTS[code].digits)]
    letters = "".join(sorted({letter for word in words for letter in word}))
    numbers = {letter: number for number, letter in enumerate(letters, EDGE + 1)}
    followers = _count([EDGE, *(numbers[c] for c in word), EDGE] for word in words)
    smooth = _smoothed(followers, len(letters) + 1)
    worth = {
        gram: followers[gram[:-1]][gram[-1]]
        * abs(math.log(probability / smooth[gram[1:]]) - LANGUAGE.back_off)
        for gram, probability in smooth.items()
        if len(gram) > _ALL_KEPT
    }
    every = [*words, *(word for word in known if numbers.keys() >= set(word))]
    numbered = WordSet.of([numbers[letter] for letter in word] for word in every)
    return Counted(letters, smooth, worth, numbered)


def build(
    scripts: Mapping[str, Iterable[str]],
    kept: int = KEPT,
    known: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> LanguageModel:
    """Build the model of all scripts with the `kept` most useful n-grams; `known` adds words."""
    counted = {
        code: count_script(code, words, known.get(code, ())) for code, words in scripts.items()
    }
    worths = sorted((w for one in counted.values() for w in one.worth.values()), reverse=True)
    least = worths[kept - 1] if kept <= len(worths) else 0.0
    return LanguageModel({code: one.kept(least) for code, one in counted.items()})


def _count(words: Iterable[list[int]]) -> dict[_Gram, Counter[int]]:
    followers: defaultdict[_Gram, Counter[int]] = defaultdict(Counter)
    for word in words:
        for end in range(1, len(word)):
            for start in range(max(0, end - ORDER + 1), end + 1):
                followers[tuple(word[start:end])][word[end]] += 1
    return followers


def _smoothed(followers: dict[_Gram, Counter[int]], symbols: int) -> dict[_Gram, float]:
    smooth: dict[_Gram, float] = {}
    for context in sorted(followers, key=len):
        counts = followers[context]
        total, kinds = counts.total(), len(counts)
        for symbol, count in counts.items():
            shorter = smooth[(*context[1:], symbol)] if context else 1 / symbols
            smooth[(*context, symbol)] = (count + kinds * shorter) / (total + kinds)
    return smooth


def _grams(table: dict[_Gram, float]) -> Grams:
    packed = sorted((pack(gram), probability) for gram, probability in table.items())
    levels = bytes(min(255, round(-LEVELS * math.log(p))) for _, p in packed)
    return Grams(array("Q", [key for key, _ in packed]), levels)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kept", type=int, default=KEPT, help="longer n-grams to keep")
    args = parser.parse_args()
    build(read_words(args.words), args.kept, board_words()).save(args.out)
    sys.stdout.write(f"{args.out}: {args.out.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
