"""Compares readers of lines on the same pictures in one run: this project, Tesseract 5, RapidOCR.

    python benchmarks/reader/ocr.py [--float FILE] [--int8 FILE] [--data ../shared/data] [--quick]

Needs `tesseract` with Debian's tesseract-ocr-all and the fonts of `scripts/install_fonts.sh`.
Pictures are the validation part of the real crops, lines rendered in held-out fonts and words, and
whole signs, rendered or composed of real words. Character error rate (CER) and exact lines are
computed on normalized text, for plates on letters and digits only. Tesseract reads every set with
two packs in three modes; the best result counts. This project's reader is measured alone, float and
INT8, and as in `lipiyana read --layout line`: INT8 with language model and the reader for Latin.
Times are CPU time on one thread, one line at a time, without loading. The loss of INT8 needs more
lines than the comparison: `--alone --lines 1000 --only real rendered`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from common.readme_tables import write_readme
from common.report_tables import write_between
from ocr_pictures import LineSet, real_sets, rendered_sets
from ocr_readers import (
    Engine,
    OurEngine,
    RapidEngine,
    TesseractEngine,
    interleaved_medians,
    open_store,
)
from ocr_report import (
    INT8_LOSS,
    SCORES,
    lines_table,
    losses_markdown,
    losses_table,
    markdown,
    signs_table,
    svg,
)
from ocr_scores import Row, differences, folder_totals, measure
from ocr_signs import (
    SCENE_MODES,
    Sign,
    SignScore,
    load_signs,
    read_with,
    read_with_tesseract,
    score,
)
from rich.console import Console
from rich.progress import track
from sign_collages import FOLDERS, load_collages

from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore

ROOT = Path(__file__).parents[2]
FLOAT, INT8, AS_USED = "lipiyana float", "lipiyana INT8", "lipiyana as used"
PICTURES = ("real", "rendered", "signs", "collages")
"""Of these all but `signs`, the scenes of `samples/`, are made of `--data`."""
WIDTHS = (96, 128, 160)
COLLAGES = (0, 1, 2)
"""Seeds: every real word is put on a street once with each."""
_WIDTH = 110  # of the table, in columns


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    shared = ROOT / ".." / "shared" / "data"
    models = ROOT / "models"
    parser.add_argument(
        "--float",
        dest="whole",
        default=str(models / "reader.float.onnx.xz"),
        help="an ONNX file, or a name in the installed manifest",
    )
    parser.add_argument("--int8", default=str(models / "reader.int8.onnx.gz"), help="the same")
    parser.add_argument(
        "--language-model",
        type=Path,
        default=models / "language_model.npz",
        help="language model of the INT8 reader",
    )
    parser.add_argument("--data", type=Path, default=shared, help="folder of crops and words")
    parser.add_argument("--lines", type=int, default=200, help="rendered lines a script")
    parser.add_argument("--quick", action="store_true", help="20 rendered lines a script")
    parser.add_argument(
        "--only",
        nargs="*",
        choices=PICTURES,
        default=PICTURES,
    )
    parser.add_argument("--alone", action="store_true", help="measure only this project")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument(
        "--docs",
        type=Path,
        help="folder whose reader.md and reader-scores.svg are updated; with --alone only the "
        "table of what INT8 loses. docs/results updates README.md too",
    )
    return parser.parse_args()


def line_sets(args: argparse.Namespace) -> list[LineSet]:
    """Gather the pictures."""
    sets = []
    if "real" in args.only:
        sets += real_sets(args.data / "text")
    if "rendered" in args.only:
        sets += rendered_sets(args.data / "words", 20 if args.quick else args.lines)
    return sets


def sign_sets(args: argparse.Namespace) -> dict[str, list[Sign]]:
    """Gather the rendered scenes of `samples/`, and real words put on streets."""
    sets = {}
    if "signs" in args.only:
        sets["rendered scenes"] = load_signs(ROOT / "samples")
    if "collages" in args.only:
        for folder in FOLDERS:
            sets[f"{folder} on streets"] = load_collages(args.data, folder, seeds=COLLAGES)
    return sets


def sign_scores(
    pictures: str, signs: Sequence[Sign], stores: dict[str, ModelStore], *, alone: bool
) -> list[SignScore]:
    """Read whole signs with each reader."""
    scores = [
        score(pictures, name, signs, *read_with(LocalRecognizer(store), signs))
        for name, store in stores.items()
    ]
    if not alone:
        tried = [
            score(pictures, f"Tesseract 5, psm {mode}", signs, *read_with_tesseract(signs, mode))
            for mode in SCENE_MODES
        ]
        scores.append(max(tried, key=lambda one: one.exact))
    return scores


def main() -> None:
    """Measure, print the tables, and write the requested files."""
    args = arguments()
    console = Console(width=max(_WIDTH, Console().width))
    with contextlib.ExitStack() as folders:
        float_folder, int8_folder, used_folder = (
            Path(folders.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)
        )
        float_store, float_name = open_store(args.whole, float_folder)
        int8_store, int8_name = open_store(args.int8, int8_folder)
        used_store, used_name = open_store(args.int8, used_folder, args.language_model)
        ours = [
            OurEngine(FLOAT, LineReader(float_store, float_name)),
            OurEngine(INT8, LineReader(int8_store, int8_name)),
            OurEngine(AS_USED, installed_reader(used_store, used_name)),
        ]
        others: list[Engine] = [] if args.alone else [TesseractEngine(), RapidEngine()]
        rows: list[Row] = []
        for line_set in track(line_sets(args), "reading lines", console=Console(stderr=True)):
            rows += measure(line_set, [*ours, *others])
        rows += folder_totals(rows)
        rows.sort(key=lambda row: (row.kind, row.name))
        lost = differences(rows, INT8, FLOAT)
        sessions = (float_store.session(float_name), int8_store.session(int8_name))
        ratios = {width: interleaved_medians(sessions, width) for width in WIDTHS}
        stores = {FLOAT: float_store, AS_USED: used_store}
        sets = sign_sets(args).items()
        signs = [
            one
            for pictures, members in track(sets, "reading signs", console=Console(stderr=True))
            for one in sign_scores(pictures, members, stores, alone=args.alone)
        ]
    if rows:
        console.print(lines_table(rows), losses_table(lost, ratios))
    if signs:
        console.print(signs_table(signs))
    if args.json:
        figures = {
            "lines": [row.as_json() for row in rows],
            "int8_against_float": [asdict(one) for one in lost],
            "milliseconds": ratios,
            "signs": [asdict(one) for one in signs],
        }
        args.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if args.docs:
        page = args.docs / "reader.md"
        write_between(page, INT8_LOSS, [losses_markdown(lost)])
        if not args.alone:
            write_between(page, SCORES, markdown(rows, signs, ratios))
            plot = svg(rows, [AS_USED, *(engine.name for engine in others)])
            (args.docs / "reader-scores.svg").write_text(plot, "utf-8")
        if args.docs.resolve() == (ROOT / "docs" / "results").resolve():
            write_readme(ROOT)


if __name__ == "__main__":
    main()
