"""Scores of the vehicle detector, fp32 and INT8, compared with COCO's YOLOX-nano and the previous
version.

    python benchmarks/vehicles/vehicles.py [--models FOLDER] [--before FOLDER] [--part report]
        [--data ../shared/data] [--docs docs/results] [--out FOLDER] [--json FILE]

Measures the average precision of each class, on the pictures in which it is labelled completely;
scores at the default confidence; the calibration error; and the time of each model on one thread,
the models in turns. For INT8 also by minimum size of the objects and by country. Pictures are those
of the selection part, on which everything was chosen. `--part report` is for the final table of a
version, and `--docs` writes it and a plot of precision by recall. `--out` makes a sheet of worst
misses, which shows real pictures and must stay out of the repository.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common.readme_tables import write_readme
from rich.console import Console
from vehicles_defaults import Defaults, at_defaults
from vehicles_models import Detector, coco_detector, own_detector, timed
from vehicles_parts import scores_by_country, scores_by_size
from vehicles_report import Parts, Result, defaults_table, precision_plot, table, write_markdown
from vehicles_sheet import misses, sheet

from lipiyana.runtime.manifest import Task
from lipiyana.runtime.packed import read_unpacked
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.calibration import calibration_error, judge
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, load_part, load_signs
from lipiyana.vehicles.training.evaluation import Found, score

ROOT = Path(__file__).parents[2]


def detectors_of(folder: Path, prefix: str, *, twin: bool) -> list[Detector]:
    """Return the default detector of a folder of models, after its float model if `twin`.

    Names in the tables begin with `prefix`.
    """
    store = ModelStore(folder, threads=1)
    served = store.default_for_task(Task.VEHICLE_DETECTOR)
    detectors = [own_detector(f"{prefix}INT8", store, served)]
    if twin:
        entry = store.entry(served.parameters["twin"])
        detectors.insert(0, own_detector(f"{prefix}fp32", store, entry))
    return detectors


def measure(
    detectors: Sequence[Detector],
    pictures: Sequence[StreetPicture],
    signs: Sequence[StreetPicture],
    rounds: int,
) -> tuple[list[Result], list[Defaults], list[list[Found]]]:
    """Score every detector on its classes, ours also at the default confidence, and time them."""
    shown = [picture.pixels() for picture in pictures[:8]]
    own_input = timed(detectors, shown, rounds)
    same_input = timed([replace(d, shape=detectors[0].shape) for d in detectors], shown, rounds)
    results, defaults, everything = [], [], []
    for detector, median, same in zip(detectors, own_input, same_input, strict=True):
        found = [detector.detect(picture.pixels()) for picture in pictures]
        scores = score(pictures, found, detector.classes)
        size = len(read_unpacked(detector.path))
        error = calibration_error(judge(pictures, found), {})
        results.append(Result(detector.name, scores, median, same, size, error))
        everything.append(found)
        if len(detector.classes) == len(detectors[-1].classes):
            defaults.append(at_defaults(pictures, found, signs, detector.detect))
    return results, defaults, everything


def parts_of(
    detector: Detector, pictures: Sequence[StreetPicture], found: Sequence[Found]
) -> dict[str, Parts]:
    """Score the detections by size and by country; keys are those of the JSON file."""
    by_size = scores_by_size(pictures, found, detector.classes)
    sides = {f"{side} pixels or more" if side else "all": s for side, s in by_size.items()}
    return {
        "ap50_by_least_side": Parts(
            f"AP50 of {detector.name} by the shorter side of labelled objects, in pixels of the "
            "picture. Smaller objects are ignored",
            sides,
        ),
        "ap50_by_country": Parts(
            f"AP50 of {detector.name} by the country of the pictures",
            scores_by_country(pictures, found, detector.classes),
        ),
    }


def main() -> None:
    """Measure, print the tables, and write the requested files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--models", type=Path, default=ROOT / "models", help="folder with a manifest"
    )
    parser.add_argument("--before", type=Path, help="models of the version to compare with")
    parser.add_argument("--part", choices=["selection", "report"], default="selection")
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=40, help="timed runs of each model")
    parser.add_argument("--docs", type=Path, help="folder for the table and the plot")
    parser.add_argument("--out", type=Path, help="folder for the sheet of misses")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    if args.out and args.out.resolve().is_relative_to(ROOT.resolve()):
        parser.error("real pictures do not belong in the repository: name a folder outside of it")
    if args.docs and args.part != "report":
        parser.error("the tables are of --part report: on selection everything was chosen")
    coco = args.data / "weights" / "yolox_nano.onnx"
    for path in (coco, args.models / "manifest.toml"):
        if not path.is_file():
            parser.error(f"there is no {path}")

    detectors = [coco_detector("YOLOX-nano, COCO", coco)]
    if args.before:
        detectors += detectors_of(args.before, "before, ", twin=False)
    detectors += detectors_of(args.models, "", twin=True)
    pictures = load_part(args.data, args.part)
    # every source among the first pictures, which are timed
    order = np.random.default_rng(0).permutation(len(pictures))
    pictures = [pictures[index] for index in order]
    signs = load_signs(args.data, args.part)
    results, defaults, found = measure(detectors, pictures, signs, args.rounds)
    parts = parts_of(detectors[-1], pictures, found[-1])
    names = [result.name for result in results][-len(defaults) :]
    by_name = dict(zip(names, defaults, strict=True))
    Console().print(table(results), defaults_table(by_name), *(p.table() for p in parts.values()))
    if args.docs:
        write_markdown(args.docs / "vehicles.md", results, by_name, list(parts.values()))
        plot = precision_plot(results[-1])
        (args.docs / "vehicle-precision.svg").write_text(plot, "utf-8")
        if args.docs.resolve() == (ROOT / "docs" / "results").resolve():
            write_readme(ROOT)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        sheet(misses(pictures, found[-1])).save(args.out / "worst_misses.png")
    if args.json:
        figures = {
            "part": args.part,
            "detectors": [result.figures() for result in results],
            "defaults": {name: dict(one.rows()) for name, one in by_name.items()},
            **{name: part.figures() for name, part in parts.items()},
        }
        args.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
