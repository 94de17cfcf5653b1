"""How well the reader knows every akshara: each conjunct, with its signs, in clean large print.

    python benchmarks/reader/aksharas.py --words ../shared/data/words [--model FILE] [--write]

An akshara is an orthographic cluster: consonants that are joined, with their vowel sign and other
marks. All that occur in at least `--least` words of a script's lists are looked for. Each is
printed in one short word, black on white, in up to eight font families: half of them are held
out, as far as the script has so many. It is right if it stands at its place in what is read.

With `--write`, the table goes to docs/results/aksharas.md.
"""

from __future__ import annotations

import argparse
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

import cv2
import numpy as np
from common.report_tables import Marks, markdown_table, terminal_table, write_between
from ocr_readers import open_store
from rich.console import Console

from lipiyana.arrays import RgbArray
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.scripts.clusters import clusters
from lipiyana.ocr.scripts.normalization import normalize, spell_ra
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.rendering.contents.words import load_word_list
from lipiyana.rendering.fonts.families import FontLibrary, Split
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text.typesetting import typeset

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results" / "aksharas.md"
MARKS: Marks = ("<!-- aksharas: written by benchmarks/reader/aksharas.py -->", "<!-- end -->")
HEADINGS = (
    "script", "aksharas", "fonts trained", "exact %", "fonts held out", "exact held out %", "worst",
)  # fmt: skip
_BODY = 46.0  # pixels
_MARGIN = 0.2  # of the height
_FONTS = 8
_WORST = 12
_BATCH = 256
_PLAIN = RenderRecipe(bold=0.0, tracking=0.0)
_SPLITS: tuple[Split, Split] = ("train", "held_out")


@dataclass(slots=True)
class Tally:
    """How often an akshara was right, by split: [right, printed]."""

    counts: dict[Split, list[int]] = field(
        default_factory=lambda: {split: [0, 0] for split in _SPLITS}
    )

    def share(self, *splits: Split) -> float:
        """Share of right ones, 1 where it was not printed."""
        right, printed = (sum(self.counts[split][i] for split in splits) for i in (0, 1))
        return right / printed if printed else 1.0


@dataclass(frozen=True, slots=True)
class Print:
    """A word in one font, and the akshara that it was printed for."""

    akshara: str
    word: str
    split: Split
    image: RgbArray


def words_by_akshara(folder: Path, least: int) -> dict[str, dict[str, str]]:
    """By script: each akshara that stands in at least `least` words, and a short word with it."""
    charset = Charset.load()
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*.txt.xz")):
        words = load_word_list(path, charset)
        for listed in words.words:
            # in conjuncts Bengali and Assamese ra look the same
            word = spell_ra(listed, "")
            for part in set(clusters(word)):
                found[words.script][part].append(word)
    return {
        script: {
            part: min(words, key=_preference)
            for part, words in sorted(parts.items())
            if len(words) >= least
        }
        for script, parts in found.items()
    }


def _preference(word: str) -> tuple[int, int]:
    # neither alone nor in a long word; of equals, always the same one
    return abs(len(clusters(word)) - 3), zlib.crc32(word.encode())


def families(library: FontLibrary, script: str) -> list[tuple[Split, str]]:
    """Up to eight families, half of them held out if there are so many."""
    trained, held_out = (library.families(script, split) for split in _SPLITS)
    held_out = held_out[: _FONTS // 2]
    # evenly through the alphabet
    wanted = min(len(trained), _FONTS - len(held_out))
    picked = [trained[i * len(trained) // wanted] for i in range(wanted)]
    return [("train", name) for name in picked] + [("held_out", name) for name in held_out]


def prints(library: FontLibrary, script: str, words: dict[str, str]) -> Iterator[Print]:
    """Print each akshara's word in each family that can."""
    for split, family in families(library, script):
        one = FontLibrary(library.faces(script, family), {"held_out": {}})
        rng = np.random.default_rng(0)
        for akshara, word in words.items():
            raster = typeset(word, script, rng, one, recipe=_PLAIN, style="print", body=_BODY)
            if raster is not None:
                margin = round(raster.alpha.shape[0] * _MARGIN)
                ink = cv2.copyMakeBorder(
                    raster.alpha, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(0,)
                )
                page = np.repeat(255 - ink[:, :, None], 3, axis=2)
                yield Print(akshara, word, split, page.astype(np.uint8))


def stands_there(akshara: str, word: str, read: str) -> bool:
    """Whether every one of a word's aksharas of this kind is at its place in what was read."""
    truth, found = clusters(word), clusters(spell_ra(normalize(read), ""))
    kept: set[int] = set()
    for block in SequenceMatcher(None, truth, found, autojunk=False).get_matching_blocks():
        kept.update(range(block.a, block.a + block.size))
    return all(i in kept for i, part in enumerate(truth) if part == akshara)


def measure(
    reader: LineReader, library: FontLibrary, script: str, words: dict[str, str]
) -> dict[str, Tally]:
    """Print, read and compare."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    batch: list[Print] = []

    def settle() -> None:
        readings = reader.read([one.image for one in batch])
        for one, reading in zip(batch, readings, strict=True):
            count = tallies[one.akshara].counts[one.split]
            count[0] += stands_there(one.akshara, one.word, reading.text)
            count[1] += 1
        batch.clear()

    for one in prints(library, script, words):
        batch.append(one)
        if len(batch) == _BATCH:
            settle()
    settle()
    return tallies


def row(script: str, library: FontLibrary, tallies: dict[str, Tally]) -> tuple[str, ...]:
    """One row of the table; every akshara counts once."""
    names = [split for split, _ in families(library, script)]
    worst = sorted(tallies, key=lambda part: (tallies[part].share(*_SPLITS), part))[:_WORST]
    cells = [SCRIPTS[script].name, str(len(tallies))]
    for split in _SPLITS:
        shares = [tally.share(split) for tally in tallies.values() if tally.counts[split][1]]
        cells += [str(names.count(split)), f"{100 * float(np.mean(shares)):.1f}" if shares else ""]
    return (*cells, " ".join(worst))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--model", default="reader-int8", help="a name in the manifest or a file")
    parser.add_argument("--language-model", type=Path, help="for a file; none: letters alone")
    parser.add_argument("--least", type=int, default=3, help="words that an akshara stands in")
    parser.add_argument("--share", type=int, default=1, help="measure one akshara in so many")
    parser.add_argument("--scripts", nargs="*", help="ISO 15924 codes; all")
    parser.add_argument("--write", action="store_true", help="write docs/results/aksharas.md")
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    library = FontLibrary.load()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        reader = LineReader(*open_store(args.model, Path(folder), args.language_model))
        for script, words in words_by_akshara(args.words, args.least).items():
            if args.scripts and script not in args.scripts:
                continue
            chosen = {a: w for a, w in words.items() if zlib.crc32(a.encode()) % args.share == 0}
            rows.append(row(script, library, measure(reader, library, script, chosen)))
    Console().print(terminal_table("Aksharas", HEADINGS, rows, {"script", "worst"}))
    if args.write:
        write_between(PAGE, MARKS, [markdown_table(HEADINGS, rows, {"script", "worst"})])


if __name__ == "__main__":
    main()
