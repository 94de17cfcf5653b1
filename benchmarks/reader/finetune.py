"""Gain of fine-tuning on few real crops, and forgetting on the project's samples.

    python benchmarks/reader/finetune.py --json docs/results/finetune.json
    python benchmarks/reader/finetune.py --quick
    python benchmarks/reader/finetune.py --student DIR --json docs/results/finetune.json

Each case fine-tunes a reader on real crops, with the code of `lipiyana finetune reader` and
`plates`. The installed reader was trained on crops of the same sources; `--base` names one that was
not. Folds are contiguous blocks; in a case with three folds, the errors are over all its crops,
each read by the model that was not trained on it.

`--student` compares the text detector of `lipiyana models distill --out DIR` with its teacher on
the project's samples; then cases are run only with `--case`. Earlier figures in the file that are
not measured again are kept.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lipiyana.learning.distill.finishing import compare, sample_scenes
from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.reader.labels import LABELS
from lipiyana.learning.finetune.reader.learner import ReaderRecipe
from lipiyana.learning.finetune.reader.run import Finetuned, ReaderJob, finetune_reader
from lipiyana.learning.trainer.metrics import score_texts
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.training.splits import folds, load_crops, validation_numbers
from lipiyana.runtime.container import available_threads
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore
from lipiyana.samples import sample_folder

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"
QUICK_MINUTES = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """Crops to train on.

    Attributes:
        folder: of the real crops.
        crops: to learn from, drawn from the training part; None for all of them.
        folds: how many times to train; each crop is validated once where there are three.
        plates: they are plates: `lipiyana finetune plates`, and the error is of whole plates.
    """

    folder: str
    crops: int | None = None
    folds: int = 1
    plates: bool = False


CASES = {
    "nepali_plates": Case("ne_plates", folds=3, plates=True),
    "kannada_print": Case("kn_words", crops=100),
    "bengali_signs": Case("beng_signs", crops=100),
}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """CER of the validation lines or plates, seconds of the longest fine-tuning, and of that which
    forgot most the points of exact samples and of the samples' CER.
    """

    error_before: float
    error_after: float
    seconds: float
    samples_change: float
    samples_cer_change: float


def run_case(
    case: Case, root: Path, base: str | None, minutes: float, store: ModelStore
) -> CaseResult:
    """Fine-tune once a fold.

    Raises:
        FileNotFoundError: the crops are missing.
    """
    pairs_before: list[tuple[str, str]] = []
    pairs_after: list[tuple[str, str]] = []
    changes: list[float] = []
    cer_changes: list[float] = []
    seconds: list[float] = []
    for fold in range(case.folds):
        with tempfile.TemporaryDirectory() as work:
            data, out = Path(work) / "data", Path(work) / "models"
            write_fold(case, root, fold, data)
            began = time.monotonic()
            job = ReaderJob(
                data=data,
                out=out,
                plates=case.plates,
                base=base,
                limits=Limits(minutes=minutes),
                recipe=ReaderRecipe(threads=available_threads()),
            )
            made = finetune_reader(job, store)
            seconds.append(time.monotonic() - began)
        before, after = _pairs(made)
        pairs_before += before
        pairs_after += after
        change, cer_change = _changes(made)
        changes.append(change)
        cer_changes.append(cer_change)
    return CaseResult(
        error_before=round(score_texts(pairs_before).cer, 4),
        error_after=round(score_texts(pairs_after).cer, 4),
        seconds=round(max(seconds), 1),
        samples_change=round(min(changes), 2),
        samples_cer_change=round(max(cer_changes), 2),
    )


def write_fold(case: Case, root: Path, fold: int, data: Path) -> None:
    """Write a labels.tsv that names the crops where they are, with their parts.

    Raises:
        FileNotFoundError: the crops are missing.
    """
    folder = root / case.folder
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist; it should contain the real crops")
    train, validation = _parts(case, folder, fold)
    data.mkdir(parents=True)
    rows = [(path, text, "train") for path, text in train]
    rows += [(path, text, "validation") for path, text in validation]
    lines = "".join(f"{path.resolve()}\t{text}\t{part}\n" for path, text, part in rows)
    (data / LABELS).write_text(lines, "utf-8")


def _parts(
    case: Case, folder: Path, fold: int
) -> tuple[list[tuple[Path, str]], list[tuple[Path, str]]]:
    everything = [(path, text) for path, text, _ in load_crops(folder, "all")]
    if case.folds > 1 and folds(folder.name) < case.folds:
        # no folds are laid down: thirds of neighbours
        size = -(-len(everything) // case.folds)
        held_out = set(range(fold * size, (fold + 1) * size))
        chosen = [index in held_out for index in range(len(everything))]
    else:
        numbers = validation_numbers(folder.name, fold)
        chosen = [int(path.stem) in numbers for path, _ in everything]
    train = [row for row, held in zip(everything, chosen, strict=True) if not held]
    validation = [row for row, held in zip(everything, chosen, strict=True) if held]
    if case.crops is not None and len(train) > case.crops:
        train = random.Random(0).sample(train, case.crops)
    return train, validation


def _pairs(made: Finetuned) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    compared = made.validation
    if compared is None:
        raise RuntimeError("the fine-tuning was interrupted")
    truths = [case.text for case in compared.cases]
    return (
        list(zip(truths, compared.before, strict=True)),
        list(zip(truths, compared.after, strict=True)),
    )


def _changes(made: Finetuned) -> tuple[float, float]:
    samples = made.samples
    if samples is None:
        raise RuntimeError("the project's samples are missing; run from a checkout")
    before, after = samples.score_before, samples.score_after
    return 100 * (after.exact - before.exact), 100 * (after.cer - before.cer)


def compare_student(folder: Path) -> dict[str, float]:
    """Time both detectors, and count the lines of the samples that they find."""
    samples = sample_folder()
    stores = (ModelStore(threads=1), ModelStore(folder, threads=1))
    teacher, student = (
        TextDetector(store, name=store.default_for_task(Task.TEXT_DETECTOR).name)
        for store in stores
    )
    return compare(teacher, student, sample_scenes(samples)).as_json()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--crops", type=Path, default=SHARED, help="folder of the real crops")
    parser.add_argument("--base", help="reader to start from; by default the one in use")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, for each fold")
    parser.add_argument("--case", choices=list(CASES), action="append", help="only these cases")
    parser.add_argument("--quick", action="store_true", help="one short fold, as a smoke test")
    parser.add_argument("--student", type=Path, help="folder of models with a distilled detector")
    args = parser.parse_args(arguments)
    store = ModelStore()
    known = json.loads(args.json.read_text("utf-8")) if args.json and args.json.is_file() else {}
    results: dict[str, dict[str, float]] = dict(known.get("cases", {}))
    chosen = args.case or ([] if args.student else list(CASES))
    for name in chosen[:1] if args.quick else chosen:
        case, minutes = CASES[name], args.minutes
        if args.quick:
            case, minutes = replace(case, crops=30, folds=1), min(minutes, QUICK_MINUTES)
        results[name] = asdict(run_case(case, args.crops, args.base, minutes, store))
        print(name, json.dumps(results[name]), flush=True)
    measured = known | {"cases": results}
    if args.student:
        measured["detector"] = compare_student(args.student)
        print("detector", json.dumps(measured["detector"]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
