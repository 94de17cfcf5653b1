"""Read samples/, compare with the ground truth, draw the results, and call a server.

    python scripts/demo.py [--samples samples] [--output out/demo]

The pictures are rendered, so the plates on them belong to nobody. Exits with 1 if a step fails to
run; wrong readings are reported but are not a failure.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from lipiyana.annotation import draw
from lipiyana.client import Client
from lipiyana.errors import LipiyanaError
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.pipeline import LocalRecognizer
from lipiyana.samples import TruePicture, read_truth
from lipiyana.server import running_server
from lipiyana.types import CacheOutcome, Layout, Plate, Recognition, RecognitionConfig
from lipiyana.wire.results import recognition_to_json

ROOT = Path(__file__).resolve().parents[1]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Comparison of one labelled plate or line with its reading.

    Attributes:
        kind: `plate` or `line`.
        group: format of the registration, or script of the line.
        expected: the canonical registration, or the text.
        read: the reading at its position, None if nothing was found.
    """

    kind: str
    group: str
    expected: str
    read: str | None

    @property
    def exact(self) -> bool:
        """Whether it was read without an error."""
        return self.read == self.expected


def judge(truth: TruePicture, recognition: Recognition) -> list[Verdict]:
    """Compare the result of a picture with its row of `truth.jsonl`."""
    plates = [
        (_bounds([(p.box.x_min, p.box.y_min), (p.box.x_max, p.box.y_max)]), _reading(p))
        for p in recognition.plates
    ]
    whole = truth["layout"] == Layout.PLATE
    places = [None if whole else _bounds(plate["polygon"]) for plate in truth["plates"]]
    expected = [plate["canonical"] for plate in truth["plates"]]
    verdicts = [
        Verdict("plate", plate["format"], plate["canonical"], read)
        for plate, read in zip(truth["plates"], _matched(places, expected, plates), strict=True)
    ]
    lines = [(_bounds(line.polygon), normalize(line.text)) for line in recognition.text_lines]
    places = [_bounds(line["polygon"]) for line in truth["text_lines"]]
    expected = [normalize(line["text"]) for line in truth["text_lines"]]
    return verdicts + [
        Verdict("line", line["script"], text, read)
        for line, text, read in zip(
            truth["text_lines"], expected, _matched(places, expected, lines), strict=True
        )
    ]


def _reading(plate: Plate) -> str:
    return plate.registration.canonical or plate.text.replace("\n", " ")


def _matched(
    places: Sequence[Box | None], expected: Sequence[str], found: Iterable[tuple[Box, str]]
) -> list[str | None]:
    """Match a reading to each label: the one with the right text, else the largest overlap."""
    left = list(found)
    out: list[str | None] = []
    for place, text in zip(places, expected, strict=True):
        near = [item for item in left if place is None or _overlap(place, item[0]) > 0.5]
        chosen = max(
            near, key=lambda item: (item[1] == text, _overlap(place, item[0])), default=None
        )
        if chosen is not None:
            left.remove(chosen)
        out.append(None if chosen is None else chosen[1])
    return out


def _overlap(one: Box | None, other: Box) -> float:
    """Return the intersection of two boxes as a fraction of the smaller one."""
    if one is None:
        return 1.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return width * height / max(min(areas), 1e-9)


def _bounds(points: Iterable[Sequence[float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def read_samples(
    console: Console, samples: Path, output: Path
) -> tuple[dict[str, list[Verdict]], float]:
    """Read every picture, write `results.jsonl` and annotated copies.

    Returns:
        The verdicts by path, and the seconds of reading.
    """
    rows = read_truth(samples)
    output.mkdir(parents=True, exist_ok=True)
    recognizer = LocalRecognizer()
    verdicts: dict[str, list[Verdict]] = {}
    seconds = 0.0
    with (output / "results.jsonl").open("w", encoding="utf-8") as results:
        for row in track(rows, "reading", console=console, transient=True):
            path = samples / row["path"]
            begun = time.perf_counter()
            recognition = recognizer.recognize(
                path, RecognitionConfig(layout=Layout(row["layout"]))
            )
            seconds += time.perf_counter() - begun
            verdicts[row["path"]] = judge(row, recognition)
            found = [
                {"kind": v.kind, "group": v.group, "expected": v.expected, "read": v.read}
                for v in verdicts[row["path"]]
            ]
            record = {"path": row["path"], "truth": found}
            record["recognition"] = recognition_to_json(recognition)
            results.write(json.dumps(record, ensure_ascii=False) + "\n")
            target = output / row["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.asarray(Image.open(path).convert("RGB"))
            Image.fromarray(draw(pixels, recognition)).save(target, quality=88)
    return verdicts, seconds


def pictures_table(verdicts: dict[str, list[Verdict]]) -> Table:
    """Build one row per picture: its plates as read, and the shares of exact plates and lines."""
    names = Column("picture", overflow="fold")
    table = Table(names, "registrations as read (✗: wrong)", "plates", "lines")
    for path, items in verdicts.items():
        plates = [v for v in items if v.kind == "plate"]
        lines = [v for v in items if v.kind == "line"]
        shown = [
            v.expected if v.exact else f"✗ {v.read or 'nothing'} instead of {v.expected}"
            for v in plates
        ]
        table.add_row(path, "\n".join(shown), _share(plates), _share(lines))
    return table


def groups_table(title: str, verdicts: Iterable[Verdict]) -> Table:
    """Build one row per format or script: labels, found and exact; the last row has the totals."""
    groups: dict[str, list[Verdict]] = defaultdict(list)
    everything = list(verdicts)
    for verdict in everything:
        groups[verdict.group].append(verdict)
    table = Table(title, "in the pictures", "found", "exactly right")
    for name, items in [*sorted(groups.items()), ("all", everything)]:
        found = sum(v.read is not None for v in items)
        exact = sum(v.exact for v in items)
        table.add_row(name, str(len(items)), str(found), str(exact))
    return table


def _share(items: Sequence[Verdict]) -> str:
    return f"{sum(v.exact for v in items)} of {len(items)}" if items else ""


def round_trip(picture: Path) -> list[tuple[CacheOutcome, float]]:
    """Send one picture twice to a server in this process; return cache outcomes and seconds.

    Raises:
        LipiyanaError: the server cannot start or answer.
    """
    recognizer = LocalRecognizer()
    recognizer.recognize(picture)  # loads the models, so that the round trip excludes it
    answers = []
    with running_server(recognizer) as server, Client(f"127.0.0.1:{server.port}") as client:
        for _ in range(2):
            begun = time.perf_counter()
            outcome = client.recognize(picture).cache_outcome
            answers.append((outcome, time.perf_counter() - begun))
    return answers


def main() -> int:
    """Run the demonstration and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, default=ROOT / "samples")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "demo")
    args = parser.parse_args()
    console = Console()
    try:
        verdicts, seconds = read_samples(console, args.samples, args.output)
        console.print(pictures_table(verdicts))
        everything = [v for items in verdicts.values() for v in items]
        plates = [v for v in everything if v.kind == "plate"]
        console.print(groups_table("plates by format", plates))
        lines = [v for v in everything if v.kind == "line"]
        console.print(groups_table("lines by script", lines))
        console.print(f"{len(verdicts)} pictures were read in {seconds:.1f} s, one at a time")
        console.print(
            f"annotated pictures and results.jsonl: {args.output}", soft_wrap=True, markup=False
        )
        first = args.samples / next(iter(verdicts))
        answers = round_trip(first)
    except (LipiyanaError, OSError) as error:
        console.print(f"failed: {error}", style="red", markup=False)
        return 1
    for outcome, latency in answers:
        console.print(f"gRPC round trip, cache {outcome.value}: {latency * 1000:.1f} ms")
    if [outcome for outcome, _ in answers] != [CacheOutcome.MISS, CacheOutcome.HIT]:
        console.print("failed: the server did not answer the second call from its cache")
        return 1
    console.print(
        "next: `. .venv/bin/activate`, then `lipiyana read PICTURE` with your own picture"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
