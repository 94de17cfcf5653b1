"""Labels chosen by uncertainty against labels chosen at random: the error after fine-tuning.

    python benchmarks/learning/active.py --base MODEL --json docs/results/active.json

The pool is what nobody has labelled yet; `review`'s own measure says how unsure the base is of each
of its crops. For each number of labels the reader learns from the least sure crops and from random
ones, always from the base, and reads the test part. Pool and test part are contiguous blocks of
files; a registration, or a near-duplicate, that is in the test part is not in the pool. In the case
`rare`, one crop of 20 in the pool is a plate, the others are printed words; plates are what is
tested, and printed words of other books, which should not get worse.

So that several seeds are possible on a CPU, only neck and head learn: what the layers before
them make of each crop, and of a few variants of it, is computed once. Texts are read greedily,
without the language model and without the grammar of registrations.

The installed reader has learned from these crops: `--base` names one that has not, a float twin.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lipiyana.images.loading import load
from lipiyana.learning.finetune.common.parts import Part
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base
from lipiyana.learning.finetune.reader.checking import CheckedData, as_plates, check
from lipiyana.learning.finetune.reader.examples import Example, load_example
from lipiyana.learning.finetune.reader.labels import Label
from lipiyana.learning.finetune.reader.learner import grow_head
from lipiyana.learning.finetune.reader.scoring import letters_and_digits
from lipiyana.learning.trainer.metrics import edit_distance
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.training.batches import greedy_texts
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.ocr.training.real_crops import vary
from lipiyana.ocr.training.splits import validation_numbers
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review.unsureness import judge
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.types import CachePolicy, Layout, RecognitionConfig

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"
BUDGETS = (50, 100, 200)
HOWS = ("unsure", "random")
_TEST_BLOCK, _TEST_EVERY = 16, 64
"""Plates have no fixed parts of this size: of every 64 neighbours, 16 are the test part."""
_VARIANTS = 4
_BATCH = 16
_RATE = 3e-4


@dataclass(frozen=True, slots=True)
class Case:
    """Folders of crops; `plates` are scored as whole plates.

    `usual` is a folder of which `_USUAL_SHARE` of the pool is, with a source as third column.
    """

    folders: tuple[str, ...]
    plates: bool
    usual: str | None = None


_USUAL_SHARE = 0.95
_USUAL_TESTED = 5
"""One of so many sources of the usual crops is the test part."""

CASES = {
    "signs": Case(("hi_mr_te_signs", "beng_signs"), plates=False),
    "plates": Case(("in_plates2", "in_plates"), plates=True),
    "rare": Case(("in_plates2", "in_plates"), plates=True, usual="mozhi_hi_printed"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a crop: its text, and what the frozen layers make of it and of its variants."""

    text: str
    features: tuple[Tensor, ...]


def labels_of(case: Case, root: Path) -> list[Label]:
    """Return all labels with their parts: `validation` is the test part."""
    found = []
    for folder in case.folders:
        rows = (root / folder / "labels.tsv").read_text("utf-8").splitlines()
        for number, row in enumerate(rows):
            name, text = row.split("\t")
            if case.plates:
                held_out = number % _TEST_EVERY < _TEST_BLOCK
            else:
                held_out = int(Path(name).stem) in validation_numbers(folder)
            path = root / folder / name
            part: Part = "validation" if held_out else "train"
            found.append(Label(str(path), path, text, part=part))
    if case.plates:
        tested = {letters_and_digits(one.text) for one in found if one.part == "validation"}
        found = [
            one
            for one in found
            if one.part == "validation" or letters_and_digits(one.text) not in tested
        ]
        found = as_plates(found)
    if case.usual:
        usual = usual_labels(root / case.usual)
        rare = [one for one in found if one.part == "train"]
        count = round(sum(one.part == "train" for one in usual) * (1 / _USUAL_SHARE - 1))
        kept = set(random.Random(0).sample([one.where for one in rare], count))
        found = [one for one in found if one.part == "validation" or one.where in kept] + usual
    return found


def usual_labels(folder: Path) -> list[Label]:
    """Return the labels of a folder, with whole sources as the test part."""
    rows = [row.split("\t") for row in (folder / "labels.tsv").read_text("utf-8").splitlines()]
    sources = sorted({source for _, _, source in rows})
    tested = set(sources[::_USUAL_TESTED])
    return [
        Label(str(folder / name), folder / name, text, part=part)
        for name, text, source in rows
        for part in cast("list[Part]", ["validation" if source in tested else "train"])
    ]


def least_sure(paths: Sequence[str], case: Case, store: ModelStore) -> list[str]:
    """Order crops by how unsure a reader is of them, as `lipiyana review` does."""
    recognizer, reader = LocalRecognizer(store=store), LineReader(store)
    scores = {}
    for path in paths:
        pixels = load(path)
        layout = Layout.PLATE if case.plates and not is_usual(path, case) else Layout.LINE
        config = RecognitionConfig(layout=layout, cache_policy=CachePolicy.BYPASS)
        scores[path] = judge(recognizer.recognize_pixels(pixels, config), pixels, reader).score
    return sorted(paths, key=lambda path: -scores[path])


def is_usual(path: str, case: Case) -> bool:
    """Whether a crop is of the usual kind."""
    return Path(path).parent.name == case.usual


def store_of(base: Path, charset: str, folder: Path) -> ModelStore:
    """Make a store whose preferred reader is a file; it alone reads Latin, too."""
    new = NewModel(
        "base", Task.LINE_READER, base, "", "", "", "", charset,
        parameters={"latin_specialist": False},
    )  # fmt: skip
    add_models(folder, [new])
    return ModelStore(folder, threads=1)


def net_of(base: ChosenBase, data: CheckedData) -> LineReaderNet:
    """Make the base's network, with a head for the characters of the labels."""
    weights = grow_head(dict(base.reader.weights), base.reader.charset, data.charset)
    net = LineReaderNet(ReaderShape.of_weights(weights)).eval()
    net.load_state_dict(weights)
    return net


def rows_of(net: LineReaderNet, examples: Sequence[Example], variants: int) -> dict[str, list[Row]]:
    """Compute what the frozen layers make of the lines of each crop, by its path."""
    rng = np.random.default_rng(0)
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for example in examples:
        image = np.ascontiguousarray(load_example(example))
        images = [image, *(vary(image, rng) for _ in range(variants))]
        with torch.inference_mode():
            made = [net.blocks(net.stem(torch.from_numpy(line_input(one))[None])) for one in images]
        rows[example.where].append(Row(example.text, tuple(one.clone() for one in made)))
    return dict(rows)


def learned(
    base: ChosenBase, data: CheckedData, rows: Sequence[Row], seed: int, steps: int
) -> LineReaderNet:
    """Teach neck and head."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    net = net_of(base, data)
    parameters = [*net.neck.parameters(), *net.head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=0.01)
    by_width: defaultdict[int, list[tuple[Tensor, list[int]]]] = defaultdict(list)
    for row in rows:
        classes = data.charset.encode(to_labels(row.text))
        for features in row.features:
            by_width[features.shape[-1]].append((features, classes))
    widths = list(by_width)
    weights = [len(by_width[width]) for width in widths]
    for step in range(steps):
        members = by_width[rng.choices(widths, weights)[0]]
        chosen = rng.sample(members, min(_BATCH, len(members)))
        logits = net.head(net.neck(torch.cat([features for features, _ in chosen]).clone()))
        loss = functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            torch.tensor([label for _, classes in chosen for label in classes]),
            torch.full((len(chosen),), logits.shape[1], dtype=torch.long),
            torch.tensor([len(classes) for _, classes in chosen]),
            zero_infinity=True,
        )
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 20) * (1 - step / steps)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
    return net.eval()


def measured(
    net: LineReaderNet, data: CheckedData, test: dict[str, list[Row]], *, plates: bool
) -> dict[str, float]:
    """Read the test part: CER, exact share, and characters to type or to correct for a crop."""
    edits, lengths, exact = 0, 0, 0
    for rows in test.values():
        texts = []
        for row in rows:
            with torch.inference_mode():
                logits = net.head(net.neck(row.features[0]))
            texts += greedy_texts(logits, data.charset)
        wanted, found = "".join(row.text for row in rows), "".join(texts)
        if plates:
            wanted, found = letters_and_digits(wanted), letters_and_digits(found)
        wrong = edit_distance(wanted, found)
        edits, lengths, exact = edits + wrong, lengths + len(wanted), exact + (not wrong)
    return {
        "cer": round(edits / lengths, 4),
        "exact": round(exact / len(test), 4),
        "typed_characters": round(lengths / len(test), 2),
        "corrected_characters": round(edits / len(test), 2),
    }


def run_case(case: Case, args: argparse.Namespace) -> dict[str, object]:
    """Measure all numbers of labels, chosen both ways, with every seed."""
    base = choose_base(ModelStore(), str(args.base))
    data = check(labels_of(case, args.crops), base.reader.charset)
    net = net_of(base, data)
    pool, tested = rows_of(net, data.train, _VARIANTS), rows_of(net, data.validation, 0)
    usual = {path: rows for path, rows in tested.items() if is_usual(path, case)}
    test = {path: rows for path, rows in tested.items() if path not in usual}
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(args.base, base.reader.charset.sha256, Path(folder))
        unsure = least_sure(list(pool), case, store)
    before = measured(net, data, test, plates=case.plates)
    if usual:
        before["usual_cer"] = measured(net, data, usual, plates=False)["cer"]
    print("base", len(pool), len(test), json.dumps(before), flush=True)
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in range(args.seeds):
        mixed = random.Random(seed).sample(list(pool), len(pool))
        for count in args.budgets:
            for how, order in zip(HOWS, (unsure, mixed), strict=True):
                rows = [row for path in order[:count] for row in pool[path]]
                made = learned(base, data, rows, seed, args.steps)
                scores = measured(made, data, test, plates=case.plates)
                if usual:
                    scores["usual_cer"] = measured(made, data, usual, plates=False)["cer"]
                    scores["rare"] = sum(not is_usual(path, case) for path in order[:count])
                runs[f"{how}-{count}"].append(scores)
                print(how, count, seed, json.dumps(scores), flush=True)
    summary = {
        key: {
            "cer": round(mean(one["cer"] for one in found), 4),
            "cer_sd": round(stdev(one["cer"] for one in found), 4) if len(found) > 1 else 0.0,
            "seeds": len(found),
            **{
                name: round(mean(one[name] for one in found), 4)
                for name in ("exact", "usual_cer", "rare")
                if name in found[0]
            },
        }
        for key, found in runs.items()
    }
    return {"pool": len(pool), "test": len(test), "base": before, **summary}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="float twin to start from")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--crops", type=Path, default=SHARED, help="folder of the real crops")
    parser.add_argument("--case", choices=list(CASES), action="append", help="only these cases")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, help="labels")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=120, help="of training, each time")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    known = json.loads(args.json.read_text("utf-8")) if args.json and args.json.is_file() else {}
    for name in args.case or list(CASES):
        print(name, flush=True)
        known[name] = run_case(CASES[name], args)
        if args.json:
            args.json.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
