"""How well vehicles and plates are found, fp32 and INT8, beside COCO's YOLOX-nano.

    python benchmarks/vehicles.py [--float FILE] [--int8 FILE] [--data ../shared/data]
        [--docs docs] [--out FOLDER] [--json FILE]

Average precision on the validation pictures, each class on the sources that label all of it, and
the time of each model alone on one thread, the models in turns; for INT8 again without what is
small, and by country. `--docs` writes the tables and a plot of precision by recall; `--out` a sheet
of the worst misses, which shows real pictures and must stay out of the repository.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from vehicles_models import Detector, coco_detector, own_detector, timed
from vehicles_parts import scores_by_country, scores_by_size
from vehicles_report import Parts, Result, precision_plot, table, write_markdown
from vehicles_sheet import misses, sheet

from lipiyana.packed import PACKED, read_unpacked
from lipiyana.vehicles.training.evaluation import Found, find, score
from lipiyana.vehicles.training.export_detector import FLOAT_FILE, INT8_FILE
from lipiyana.vehicles.training.street_pictures import StreetPicture, load_pictures

ROOT = Path(__file__).parents[1]


def measure(
    detectors: list[Detector], pictures: list[StreetPicture], rounds: int
) -> tuple[list[Result], list[list[Found]]]:
    """Score every detector on its classes, and time them in turns."""
    shown = [picture.pixels() for picture in pictures[:8]]
    own_input = timed(detectors, shown, rounds)
    same_input = timed([replace(d, shape=detectors[0].shape) for d in detectors], shown, rounds)
    results, everything = [], []
    for detector, median, same in zip(detectors, own_input, same_input, strict=True):
        found = find(pictures, detector.predict, detector.shape)
        scores = score(pictures, found, detector.classes)
        size = len(read_unpacked(detector.path))
        results.append(Result(detector.name, scores, median, same, size))
        everything.append(found)
    return results, everything


def parts_of(
    detector: Detector, pictures: list[StreetPicture], found: list[Found]
) -> dict[str, Parts]:
    """Score what a detector found again by parts, by what they are called in JSON."""
    by_size = scores_by_size(pictures, found, detector.classes)
    sides = {f"{side} pixels or more" if side else "all": s for side, s in by_size.items()}
    return {
        "ap50_by_least_side": Parts(
            f"AP50 of {detector.name} again, by the shorter side of what is labelled, in pixels "
            "of pictures of 416 at most. What is smaller is neither asked for nor wrong to find",
            sides,
        ),
        "ap50_by_country": Parts(
            f"AP50 of {detector.name} again, by the country of the pictures. Those of Bangladesh "
            "are of a photographer of whom no other picture was trained on",
            scores_by_country(pictures, found, detector.classes),
        ),
    }


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--float", type=Path, default=ROOT / "models" / (FLOAT_FILE + PACKED))
    parser.add_argument("--int8", type=Path, default=ROOT / "models" / INT8_FILE)
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=40, help="timed runs of each model")
    parser.add_argument("--docs", type=Path, help="folder for the table and the plot")
    parser.add_argument("--out", type=Path, help="folder for the sheet of misses")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    if args.out and args.out.resolve().is_relative_to(ROOT.resolve()):
        parser.error("real pictures do not belong into the repository: name a folder outside of it")
    coco = args.data / "weights" / "yolox_nano.onnx"
    for path in (args.float, args.int8, coco):
        if not path.is_file():
            parser.error(f"there is no {path}")

    detectors = [
        coco_detector("YOLOX-nano, COCO", coco),
        own_detector("fp32", args.float),
        own_detector("INT8", args.int8),
    ]
    pictures = load_pictures(args.data / "vehicles" / "train", "validation")
    # every source among the first pictures, which are timed
    order = np.random.default_rng(0).permutation(len(pictures))
    pictures = [pictures[index] for index in order]
    results, found = measure(detectors, pictures, args.rounds)
    parts = parts_of(detectors[-1], pictures, found[-1])
    Console().print(table(results), *(part.table() for part in parts.values()))
    if args.docs:
        write_markdown(args.docs / "vehicle-scores.md", results, list(parts.values()))
        plot = precision_plot(results[-1])
        (args.docs / "vehicle-precision.svg").write_text(plot, "utf-8")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        sheet(misses(pictures, found[-1])).save(args.out / "worst_misses.png")
    if args.json:
        figures = {
            "detectors": [result.figures() for result in results],
            **{name: part.figures() for name, part in parts.items()},
        }
        args.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
