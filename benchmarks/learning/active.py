"""Labels chosen by uncertainty against labels chosen at random: the error after fine-tuning.

    python benchmarks/learning/active.py --base MODEL --json docs/results/active.json

The pool is what nobody has labelled yet; `review`'s own measure says how unsure the base is of each
of its crops. For each number of labels the reader is fine-tuned on the least sure crops and on
random ones, always from the base, and reads the test part. Pool and test part are contiguous blocks
of files; a registration that is in the test part is not in the pool.

The installed reader has learned from these crops: `--base` names one that has not, a float twin.

Each result is written as soon as it is there; those in the file already are not measured again.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipiyana.images.loading import load
from lipiyana.learning.finetune.common.course import STOPPED, CourseState, Limits, run_course
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base
from lipiyana.learning.finetune.reader.checking import as_plates, check, registrations
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.scoring import (
    LineCase,
    letters_and_digits,
    plates_with,
    read_lines,
    score_cases,
)
from lipiyana.learning.trainer.metrics import edit_distance
from lipiyana.learning.trainer.run import Recipe
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.ocr.training.splits import validation_numbers
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review.unsureness import judge
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.types import CachePolicy, Layout, RecognitionConfig

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"
BUDGETS = (50, 100, 200)
STEEP = Recipe(
    body_rate=4e-4,
    head_rate=1.6e-3,
    warm_up_steps=10,
    fade_steps=0,
    decay_share=0.6,
    ema_decay=0.95,
)
"""Four times the rates of `lipiyana finetune`, so that a quarter of its steps say something."""
_TEST_BLOCK, _TEST_EVERY = 16, 64
"""Plates have no fixed parts of this size: of every 64 neighbours, 16 are the test part."""


@dataclass(frozen=True, slots=True)
class Case:
    """Folders of crops; `plates` are read and scored as whole plates."""

    folders: tuple[str, ...]
    plates: bool


CASES = {
    "signs": Case(("hi_mr_te_signs", "beng_signs"), plates=False),
    "plates": Case(("in_plates2", "in_plates"), plates=True),
}


@dataclass(frozen=True, slots=True)
class Crop:
    """A labelled crop."""

    path: Path
    text: str


def split(case: Case, root: Path) -> tuple[list[Crop], list[Crop]]:
    """Return the pool and the test part."""
    pool: list[Crop] = []
    test: list[Crop] = []
    for folder in case.folders:
        rows = (root / folder / "labels.tsv").read_text("utf-8").splitlines()
        for number, row in enumerate(rows):
            name, text = row.split("\t")
            if case.plates:
                held_out = number % _TEST_EVERY < _TEST_BLOCK
            else:
                held_out = int(Path(name).stem) in validation_numbers(folder)
            (test if held_out else pool).append(Crop(root / folder / name, text))
    if case.plates:
        known = {letters_and_digits(crop.text) for crop in test}
        pool = [crop for crop in pool if letters_and_digits(crop.text) not in known]
    return pool, test


def least_sure(crops: Sequence[Crop], case: Case, store: ModelStore, name: str) -> list[Crop]:
    """Order crops by how unsure a reader is of them, as `lipiyana review` does."""
    recognizer, reader = LocalRecognizer(store=store), LineReader(store, name)
    layout = Layout.PLATE if case.plates else Layout.LINE
    config = RecognitionConfig(layout=layout, cache_policy=CachePolicy.BYPASS)
    scores = []
    for crop in crops:
        pixels = load(crop.path)
        found = recognizer.recognize_pixels(pixels, config)
        scores.append(judge(found, pixels, reader).score)
    order = sorted(range(len(crops)), key=lambda index: (-scores[index], index))
    return [crops[index] for index in order]


def folder_of(reader: Path, base: ChosenBase, folder: Path) -> ModelStore:
    """Make a store whose preferred reader is a file; it alone reads Latin, too."""
    new = NewModel(
        "measured", Task.LINE_READER, reader, "", "", "", "", base.reader.charset.sha256,
        parameters={"latin_specialist": False},
    )  # fmt: skip
    add_models(folder, [new])
    return ModelStore(folder, threads=1)


def train(crops: Sequence[Crop], case: Case, base: ChosenBase, work: Path, seed: int, steps: int
) -> Path:  # fmt: skip
    """Fine-tune on these crops; return the file of the reader."""
    ordered = sorted(crops, key=lambda crop: crop.path)
    labels = [Label(crop.path.name, crop.path, crop.text) for crop in ordered]
    if case.plates:
        labels = as_plates(labels)
    data = check(labels, base.reader.charset)
    # what is learned is measured, not what is forgotten: no lines unlike the labelled ones
    mix = LineMix(
        data.train,
        data.charset.characters,
        base.words,
        tuple(registrations(data.train).values()) if case.plates else (),
        real_share=0.65,
        similar_share=0.35,
        seed=seed,
    )
    work.mkdir()
    recipe = ReaderRecipe(
        training=STEEP, workers=0, threads=1, int8=False, retain=0, retained_lines=0
    )
    learner = ReaderLearner(work, base.reader, mix, data.validation, recipe)
    # the number of steps is what is equal, however busy the machine is
    limits = Limits(minutes=600, steps=steps, measure_every_steps=15)
    ended = run_course(learner, work, CourseState(str(seed)), limits)
    if ended.ending in STOPPED:
        raise KeyboardInterrupt
    weights = load_weights(work / BEST)
    net = LineReaderNet(ReaderShape.of_weights(weights))
    net.load_state_dict(weights)
    export_float(net, data.charset, work / "reader.onnx")
    return work / "reader.onnx"


def measure(store: ModelStore, case: Case, test: Sequence[Crop]) -> dict[str, float]:
    """Read the test part: CER, exact share, and characters to type for a crop."""
    reader = LineReader(store, "measured")
    if case.plates:
        cases = [LineCase("", load(c.path), letters_and_digits(c.text)) for c in test]
        read = plates_with(store)
    else:
        cases = [LineCase("", load(c.path), normalize(c.text)) for c in test]
        read = read_lines
    score = score_cases(reader, cases, read)
    texts = read(reader, cases)
    typed = sum(len(c.text) for c in cases) / len(cases)
    edits = [edit_distance(c.text, text) for c, text in zip(cases, texts, strict=True)]
    return {
        "cer": round(score.cer, 4),
        "exact": round(score.exact, 4),
        "typed_characters": round(typed, 2),
        "corrected_characters": round(sum(edits) / len(cases), 2),
    }


def run_case(name: str, seed: int, args: argparse.Namespace, known: dict[str, Any]) -> None:
    """Measure what is not in `known` yet, and add it there."""
    case, base = CASES[name], choose_base(ModelStore(), str(args.base))
    results = known.setdefault(name, {})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pool, test = split(case, args.crops)
        store = folder_of(args.base, base, root / "base")
        if "base" not in results:
            results["base"] = {"pool": len(pool), "test": len(test), **measure(store, case, test)}
            write(args.json, known, name, "base")
        unsure = least_sure(pool, case, store, "measured")
        mixed = random.Random(seed).sample(pool, len(pool))
        for count in args.budgets:
            for how, order in (("unsure", unsure), ("random", mixed)):
                key = f"{how}-{count}-{seed}"
                if key in results:
                    continue
                began = time.process_time()
                with tempfile.TemporaryDirectory() as work:
                    path = Path(work)
                    new = train(order[:count], case, base, path / "course", seed, args.steps)
                    scores = measure(folder_of(new, base, path / "m"), case, test)
                seconds = round(time.process_time() - began, 1)
                results[key] = scores | {"cpu_seconds": seconds}
                write(args.json, known, name, key)


def write(path: Path | None, known: dict[str, Any], name: str, key: str) -> None:
    """Print a result and write all of them."""
    print(name, key, json.dumps(known[name][key]), flush=True)
    if path is not None:
        path.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="float twin to start from")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--crops", type=Path, default=SHARED, help="folder of the real crops")
    parser.add_argument("--case", choices=list(CASES), action="append", help="only these cases")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, help="labels")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=150, help="of training, each time")
    args = parser.parse_args(arguments)
    known: dict[str, Any] = {}
    if args.json and args.json.is_file():
        known = json.loads(args.json.read_text("utf-8"))
    for seed in range(args.seeds):
        for name in args.case or list(CASES):
            run_case(name, seed, args, known)


if __name__ == "__main__":
    main()
