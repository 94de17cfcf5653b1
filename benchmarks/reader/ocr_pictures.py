"""Pictures for the comparison of readers: real validation crops, and rendered lines.

Rendered lines use fonts and words on which the reader was not trained.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of
from lipiyana.ocr.training.real_crops import load_lines
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text.lines import render_line

_FEWEST = 5  # a script with fewer lines in a folder goes with the folder's main one


@dataclass(frozen=True, slots=True, eq=False)
class LineSet:
    """Pictures of one kind in one script.

    Attributes:
        name: the folder of real crops, or "rendered".
        kind: where the pictures come from.
        script: ISO 15924 code.
        images: (height, width, 3) RGB each, one line of text.
        truths: what each says, normalized.
    """

    name: str
    kind: Literal["real", "rendered"]
    script: str
    images: tuple[RgbArray, ...]
    truths: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name and script in one."""
        return f"{self.name} {self.script}"

    def comparable(self, text: str) -> str:
        """The compared part of a text: all of it, normalized; for plates letters and digits."""
        text = normalize(text)
        return letters_and_digits(text) if self.name.endswith("plates") else text


def letters_and_digits(text: str) -> str:
    """Letters, vowel signs and digits alone, upper case."""
    return "".join(c for c in text if unicodedata.category(c)[0] in "LMN").upper()


def real_sets(root: Path) -> list[LineSet]:
    """The validation part of every folder of real crops, by script."""
    folders: defaultdict[str, list[tuple[RgbArray, str]]] = defaultdict(list)
    for folder, image, text in load_lines(root, "validation"):
        folders[folder].append((image, normalize(text)))
    return [
        _line_set(folder, "real", script, lines)
        for folder, members in folders.items()
        for script, lines in _by_script(members).items()
    ]


def _by_script(lines: Iterable[tuple[RgbArray, str]]) -> dict[str, list[tuple[RgbArray, str]]]:
    scripts: defaultdict[str, list[tuple[RgbArray, str]]] = defaultdict(list)
    for line in lines:
        scripts[script_of(line[1])].append(line)
    counts = Counter({code: len(members) for code, members in scripts.items() if code != COMMON})
    main = counts.most_common(1)[0][0]
    for code in [c for c in scripts if c != main and (c == COMMON or counts[c] < _FEWEST)]:
        scripts[main] += scripts.pop(code)
    return dict(scripts)


def rendered_sets(words: Path, count: int, seed: int = 0) -> Iterator[LineSet]:
    """Draw `count` lines a script, the same ones each time on machines with the same fonts."""
    cv2.setNumThreads(1)
    corpus = Corpus.load(words, split="held_out")
    library = FontLibrary.load()
    recipe = RenderRecipe(split="held_out")
    for number, script in enumerate(SCRIPTS):
        rng = np.random.default_rng([seed, number])
        chance = random.Random(f"{seed} {script}")
        lines: list[tuple[RgbArray, str]] = []
        while len(lines) < count:
            sample = corpus.sample(chance, script)
            drawn = render_line(sample.drawn, script, rng, library, recipe=recipe)
            if drawn is not None:
                lines.append((drawn.image, sample.text))
        yield _line_set("rendered", "rendered", script, lines)


def _line_set(
    name: str, kind: Literal["real", "rendered"], script: str, lines: list[tuple[RgbArray, str]]
) -> LineSet:
    images, truths = zip(*lines, strict=True)
    return LineSet(name, kind, script, images, truths)
