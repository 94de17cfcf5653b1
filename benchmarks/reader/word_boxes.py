"""How well the boxes of words fit, on rendered lines whose words are known.

    python benchmarks/reader/word_boxes.py --data ../shared/data/words [--lines 40]

A line is typeset once more up to each word and from each word, with the same face, which tells
where the word begins and ends. Each line is read as a crop, and once more on a larger picture in
which it has to be found. Fonts and words are those on which the reader was not trained.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana import LocalRecognizer, RawImage, RecognitionConfig
from lipiyana.arrays import RgbArray
from lipiyana.ocr.geometry import Quad, area, shared_area
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text import lines as rendered
from lipiyana.rendering.text.shaping import Raster
from lipiyana.rendering.text.typesetting import typeset
from lipiyana.types import TextLine, Word

_MOST_WORDS = 6
_AROUND = 3  # heights of a line around it on the larger picture


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A line: its crop, and the corners of each of its words in the order of the text."""

    image: RgbArray
    words: tuple[Quad, ...]


def sample(
    text: str, script: str, rng: np.random.Generator, library: FontLibrary, recipe: RenderRecipe
) -> Sample | None:
    """Render a line of several words; None if it cannot be, or its words are not known."""
    shares: list[tuple[float, float]] = []

    def recording(
        text: str, script: str, rng: np.random.Generator, *args: Any, **kwargs: Any
    ) -> Raster | None:
        def width(part: str) -> int:
            set_part = typeset(part, script, copy.deepcopy(rng), *args, **kwargs)
            return 0 if set_part is None else set_part.alpha.shape[1]

        words = text.split(" ")
        whole = width(text)
        for number in range(len(words)):
            if not whole:
                break
            start = 1 - width(" ".join(words[number:])) / whole
            end = width(" ".join(words[: number + 1])) / whole
            turned = SCRIPTS[script].direction == "rtl"
            shares.append((1 - end, 1 - start) if turned else (start, end))
        return typeset(text, script, rng, *args, **kwargs)

    with patch.object(rendered, "typeset", recording):
        drawn = rendered.render_line(text, script, rng, library, recipe=recipe)
    if drawn is None or not shares or any(end - start < 0.01 for start, end in shares):
        return None
    if any(a[1] > b[0] + 0.02 for a, b in zip(sorted(shares), sorted(shares)[1:], strict=False)):
        return None  # a part was set in another face
    flat = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, drawn.quad.astype(np.float32))
    words = []
    for start, end in shares:
        corners = np.array([[[start, 0], [end, 0], [end, 1], [start, 1]]], np.float32)
        words.append(cv2.perspectiveTransform(corners, matrix)[0].astype(np.float64))
    return Sample(drawn.image, tuple(words))


def along(quad: npt.ArrayLike) -> tuple[float, float]:
    """From which to which column a quadrilateral reaches, in the middle of its sides."""
    corners = np.asarray(quad, np.float64)
    return float(corners[[0, 3], 0].mean()), float(corners[[1, 2], 0].mean())


def interval_iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Intersection over union of two intervals."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)


def quad_iou(a: Quad, b: Quad) -> float:
    """Intersection over union of two quadrilaterals."""
    shared = shared_area(a, b)
    return shared / max(1e-6, area(a) + area(b) - shared)


def placed(image: RgbArray) -> tuple[RgbArray, int]:
    """Put a crop on a larger picture in the colour of its edge; also give the margin."""
    margin = _AROUND * image.shape[0]
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    tone = np.median(edge, axis=0).astype(int).tolist()
    larger = cv2.copyMakeBorder(
        image, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=tone
    )
    return np.asarray(larger, np.uint8), margin


def found_words(lines: Sequence[TextLine]) -> list[Word]:
    """All words of some lines."""
    return [word for line in lines for word in line.words]


class Times:
    """CPU seconds of the same calls with and without words."""

    def __init__(self, recognizer: LocalRecognizer) -> None:
        self._recognizer = recognizer
        self._calls = 0
        self.seconds = {False: 0.0, True: 0.0}

    def read(self, image: RgbArray, layout: str, features: Sequence[str] = ()) -> list[TextLine]:
        """Read a picture both ways; the lines with words."""
        raw = RawImage.from_array(image, "rgb8")
        lines: list[TextLine] = []
        self._calls += 1
        for words in (True, False) if self._calls % 2 else (False, True):
            config = RecognitionConfig(features, layout, words=words, min_confidence=0.0)
            began = time.process_time()
            found = list(self._recognizer.recognize(raw, config).text_lines)
            self.seconds[words] += time.process_time() - began
            lines = found if words else lines
        return lines


def on_samples(recognizer: LocalRecognizer, samples: Path) -> list[float]:
    """Overlaps of the words of the drawn scenes whose line has no other word."""
    scores = []
    config = RecognitionConfig(["text"], words=True)
    for record in map(json.loads, (samples / "truth.jsonl").read_text("utf-8").splitlines()):
        if record["layout"] != "scene":
            continue
        found = found_words(recognizer.recognize(samples / record["path"], config).text_lines)
        for line in record["text_lines"]:
            if " " not in line["text"]:
                truth = np.array(line["polygon"], np.float64)
                overlaps = (quad_iou(np.array(one.polygon), truth) for one in found)
                scores.append(max(overlaps, default=0.0))
    return scores


def row(name: str, scores: Sequence[float]) -> str:
    """One row of the table."""
    values = np.array(scores)
    over = 100 * float((values > 0.5).mean()) if len(values) else 0.0
    median = float(np.median(values)) if len(values) else 0.0
    return f"{len(values):5d} words  median {median:.3f}  over 0.5 {over:5.1f} %  {name}"


def main() -> None:
    """Render, read and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--lines", type=int, default=40, help="lines a script")
    parser.add_argument("--scripts", nargs="*", default=[*SCRIPTS])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    corpus, library = Corpus.load(args.data, split="held_out"), FontLibrary.load()
    recipe = RenderRecipe(split="held_out")
    recognizer = LocalRecognizer(threads=1)
    crops, scenes = Times(recognizer), Times(recognizer)
    all_crops: list[float] = []
    all_scenes: list[float] = []
    read = whole = 0
    for number, script in enumerate(args.scripts):
        rng, chance = np.random.default_rng([1, number]), random.Random(f"1 {script}")
        own_crops: list[float] = []
        own_scenes: list[float] = []
        done = tried = 0
        while done < args.lines and tried < 40 * args.lines:
            tried += 1
            text = corpus.sample(chance, script).drawn
            if not 1 < len(text.split(" ")) <= _MOST_WORDS:
                continue
            line = sample(text, script, rng, library, recipe)
            if line is None:
                continue
            done += 1
            words = found_words(crops.read(line.image, "line"))
            read += 1
            if len(words) == len(line.words):  # otherwise the reading is at fault, not the places
                whole += 1
                pairs = zip(words, line.words, strict=True)
                own_crops += [interval_iou(along(a.polygon), along(b)) for a, b in pairs]
            larger, margin = placed(line.image)
            seen = found_words(scenes.read(larger, "scene", ["text"]))
            for truth in line.words:
                own_scenes.append(
                    max(
                        (quad_iou(np.array(one.polygon), truth + margin) for one in seen),
                        default=0.0,
                    )
                )
        print(row(f"{script} crops, along the line", own_crops))
        print(row(f"{script} pictures, whole boxes", own_scenes), flush=True)
        all_crops += own_crops
        all_scenes += own_scenes
    samples = Path(__file__).parents[2] / "samples"
    print(row("lines of one word in samples/", on_samples(recognizer, samples)))
    print(row("all crops, along the line", all_crops))
    print(row("all pictures, whole boxes", all_scenes))
    print(f"{whole} of {read} crops were read with as many words as they have")
    for name, times in (("crops", crops), ("pictures", scenes)):
        cost = 100 * (times.seconds[True] / times.seconds[False] - 1)
        print(f"{name}: words cost {cost:.1f} % CPU time")


if __name__ == "__main__":
    main()
