"""Gain of the reader by the language model, with the letter model alone and with its word list.

    python benchmarks/reader/language_model.py [--model FILE] [--words FILE.npz] [--tune]

The weight is chosen on the training part of the real sign crops and measured on the validation
part. A reader trained on the training part is overconfident there: tune with one that was not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ocr_readers import open_store
from rich.console import Console
from rich.table import Table

from lipiyana.learning.trainer.metrics import score_texts
from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.word_search import BONUS, UNKNOWN, WEIGHT, read_words
from lipiyana.ocr.recognition.decoding import greedy
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.scripts.label_order import to_text
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.real_crops import load_lines
from lipiyana.ocr.training.splits import Part

ROOT = Path(__file__).parents[2]
FIGURES = ("exact %", "CER %", "ms")
SIGNS = ("hi_mr_te_signs", "beng_signs")
WEIGHTS, BONUSES = (0.2, 0.35, 0.5, 0.7, 0.9), (1.0, 2.0, 3.0, 4.0)

Read = Callable[[npt.NDArray[np.float32]], str]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The reader's output for a crop, (steps, classes), and the crop's label."""

    probabilities: npt.NDArray[np.float32]
    truth: str


def seen(model: str, crops: Path, part: Part) -> tuple[dict[str, list[Line]], tuple[str, ...]]:
    """Run the reader over a part of the real crops.

    Returns:
        The lines by folder, and the reader's charset.
    """
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        store, name = open_store(model, Path(folder))
        session = store.session(name)
    for source, image, truth in load_lines(crops, part):
        probabilities = session.run(line_input(image)[None])[0][0]
        lines[source].append(Line(probabilities, normalize(truth)))
    return lines, session.charset


def measure(lines: Sequence[Line], read: Read) -> tuple[float, float, float]:
    """Return the share of exact lines, character error rate, and CPU milliseconds per line."""
    begin = time.process_time()
    texts = [read(line.probabilities) for line in lines]
    spent = time.process_time() - begin
    pairs = [
        (line.truth, normalize(to_text(text))) for line, text in zip(lines, texts, strict=True)
    ]
    score = score_texts(pairs)
    return score.exact, score.cer, 1000 * spent / len(lines)


def best_weights(
    lines: Sequence[Line], read: Callable[[float, float], Read]
) -> tuple[float, float]:
    """Find the best weight and bonus by grid search; the bonus is per unit of weight."""

    def worth(pair: tuple[float, float]) -> float:
        exact, cer, _ = measure(lines, read(*pair))
        return exact - cer

    return max(((w, w * b) for w, b in product(WEIGHTS, BONUSES)), key=worth)


def main() -> None:
    """Tune if asked, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default=str(ROOT / "models" / "reader.float.onnx.xz"),
                        help="an ONNX file, or a name in the installed manifest")  # fmt: skip
    parser.add_argument("--words", type=Path, default=ROOT / "models" / "language_model.npz")
    parser.add_argument("--crops", type=Path, default=ROOT / ".." / "shared" / "data" / "text")
    parser.add_argument("--tune", action="store_true", help="search for weight and bonus")
    args = parser.parse_args()
    validation, charset = seen(args.model, args.crops, "validation")

    def searching(weight: float, bonus: float, unknown: float = UNKNOWN) -> Read:
        # loaded again: a warm cache of earlier lines would understate its time
        words = LanguageModel.load(args.words)
        return lambda rows: read_words(rows, charset, words, weight, bonus, unknown).text

    console = Console()
    weight, bonus = WEIGHT, BONUS
    if args.tune:
        train, _ = seen(args.model, args.crops, "train")
        signs = [line for folder in SIGNS for line in train[folder]]
        weight, bonus = best_weights(signs, searching)
    console.print(f"weight {weight:.2f}, bonus {bonus:.2f}")
    ways = {
        "alone": lambda rows: greedy(rows, charset).text,
        "letters": searching(weight, bonus, 0.0),
        "words": searching(weight, bonus),
    }
    table = Table("crops", "lines", *(f"{figure}, {way}" for figure in FIGURES for way in ways))
    validation["signs"] = [line for folder in SIGNS for line in validation[folder]]
    for folder, lines in validation.items():
        exact, cer, times = zip(*(measure(lines, read) for read in ways.values()), strict=True)
        percents = [f"{100 * value:.1f}" for value in (*exact, *cer)]
        table.add_row(folder, str(len(lines)), *percents, *(f"{value:.2f}" for value in times))
    console.print(table)


if __name__ == "__main__":
    main()
