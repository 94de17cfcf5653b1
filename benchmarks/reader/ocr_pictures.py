"""Pictures for the comparison of readers: real validation crops and rendered lines.

Fonts and words of the rendered lines are held out from training.
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
import numpy.typing as npt

from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of
from lipiyana.ocr.training.real_crops import load_lines
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text.lines import render_line

Image = npt.NDArray[np.uint8]
_FEWEST = 5  # a script with fewer lines in a folder is counted as the folder's main script


@dataclass(frozen=True, slots=True, eq=False)
class LineSet:
    """Pictures of one kind in one script.

    Attributes:
        name: the folder of real crops, or "rendered".
        kind: "real" or "rendered".
        script: ISO 15924 code.
        images: (height, width, 3) RGB each, one line of text.
        truths: the label of each, normalized.
    """

    name: str
    kind: Literal["real", "rendered"]
    script: str
    images: tuple[Image, ...]
    truths: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name and script as one string."""
        return f"{self.name} {self.script}"

    def comparable(self, text: str) -> str:
        """Return the text to compare: normalized; for plates, only letters and digits."""
        text = normalize(text)
        return letters_and_digits(text) if self.name.endswith("plates") else text


def letters_and_digits(text: str) -> str:
    """Return only the letters, vowel signs and digits, in upper case."""
    return "".join(c for c in text if unicodedata.category(c)[0] in "LMN").upper()


def real_sets(root: Path) -> list[LineSet]:
    """Load the validation part of every folder of real crops, split by script."""
    folders: defaultdict[str, list[tuple[Image, str]]] = defaultdict(list)
    for folder, image, text in load_lines(root, "validation"):
        folders[folder].append((image, normalize(text)))
    return [
        _line_set(folder, "real", script, lines)
        for folder, members in folders.items()
        for script, lines in _by_script(members).items()
    ]


def _by_script(lines: Iterable[tuple[Image, str]]) -> dict[str, list[tuple[Image, str]]]:
    scripts: defaultdict[str, list[tuple[Image, str]]] = defaultdict(list)
    for line in lines:
        scripts[script_of(line[1])].append(line)
    counts = Counter({code: len(members) for code, members in scripts.items() if code != COMMON})
    main = counts.most_common(1)[0][0]
    for code in [c for c in scripts if c != main and (c == COMMON or counts[c] < _FEWEST)]:
        scripts[main] += scripts.pop(code)
    return dict(scripts)


def rendered_sets(words: Path, count: int, seed: int = 0) -> Iterator[LineSet]:
    """Render `count` lines per script; the same fonts and seed give the same lines."""
    cv2.setNumThreads(1)
    corpus = Corpus.load(words, split="held_out")
    library = FontLibrary.load()
    recipe = RenderRecipe(split="held_out")
    for number, script in enumerate(SCRIPTS):
        rng = np.random.default_rng([seed, number])
        generator = random.Random(f"{seed} {script}")
        lines: list[tuple[Image, str]] = []
        while len(lines) < count:
            sample = corpus.sample(generator, script)
            drawn = render_line(sample.drawn, script, rng, library, recipe=recipe)
            if drawn is not None:
                lines.append((drawn.image, sample.text))
        yield _line_set("rendered", "rendered", script, lines)


def _line_set(
    name: str, kind: Literal["real", "rendered"], script: str, lines: list[tuple[Image, str]]
) -> LineSet:
    images, truths = zip(*lines, strict=True)
    return LineSet(name, kind, script, images, truths)
