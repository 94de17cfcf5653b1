"""Scores of detectors: tables, Markdown, and a plot of precision by recall in SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common.plots import as_svg, figure
from common.report_tables import Marks, markdown_table, terminal_table, write_between
from rich.table import Table
from vehicles_defaults import Defaults

from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.taxonomy import TAXONOMY
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.evaluation import ClassScore

_SCORES: Marks = (
    "<!-- scores: written by benchmarks/vehicles/vehicles.py -->",
    "<!-- end of scores -->",
)
_SET_LEFT = {"class"}
_COLOURS = {entry.name: entry.colour for entry in TAXONOMY} | {PLATE: "#111827"}


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What one detector scored, how long it takes, and the bytes of its file.

    Attributes:
        name: of the detector.
        scores: by class.
        milliseconds: for a picture as it sees them.
        at_same_input: milliseconds for the input that all detectors were given.
        model_bytes: of its file.
        calibration_error: how far its confidences and the shares of right ones are apart.
    """

    name: str
    scores: Mapping[str, ClassScore]
    milliseconds: float
    at_same_input: float
    model_bytes: int
    calibration_error: float

    def mean(self, labels: Sequence[str] = CLASSES) -> tuple[float, float]:
        """AP50 and AP50-95, means over those of `labels` that it was scored on."""
        rows = [(s.ap50, s.ap) for label, s in self.scores.items() if label in labels]
        ap50, ap = np.mean(rows, axis=0)
        return float(ap50), float(ap)

    def figures(self) -> dict[str, object]:
        """All figures, for the JSON file."""
        by_class = {
            label: {"ap50": s.ap50, "ap": s.ap, "objects": s.objects}
            for label, s in self.scores.items()
        }
        ap50, ap = self.mean()
        return {
            "name": self.name,
            "map50": ap50,
            "map": ap,
            "milliseconds": self.milliseconds,
            "milliseconds_at_same_input": self.at_same_input,
            "bytes": self.model_bytes,
            "calibration_error": self.calibration_error,
            "classes": by_class,
        }


def headings(results: Sequence[Result]) -> list[str]:
    """Of the columns."""
    each = [f"{result.name} {kind}" for result in results for kind in ("AP50", "AP50-95")]
    return ["class", "objects", *each]


def rows(results: Sequence[Result]) -> list[list[str]]:
    """A row a class, means, time and size; the first result is the one to compare with."""
    every = [label for label in CLASSES if any(label in r.scores for r in results)]
    table_rows = []
    for label in every:
        objects = max(r.scores[label].objects for r in results if label in r.scores)
        pairs = [
            (r.scores[label].ap50, r.scores[label].ap) if label in r.scores else None
            for r in results
        ]
        table_rows.append([label, str(objects), *_percents(pairs)])
    shared = [label for label in every if all(label in r.scores for r in results)]
    table_rows.append(
        [f"mean of {len(shared)} in COCO", "", *_percents([r.mean(shared) for r in results])]
    )
    whole = [r.mean(every) if len(r.scores) == len(every) else None for r in results]
    table_rows.append([f"mean of all {len(every)}", "", *_percents(whole)])
    for heading, times in (
        ("the same input, one thread", [r.at_same_input for r in results]),
        ("one picture, one thread", [r.milliseconds for r in results]),
    ):
        cells = [c for t in times for c in (f"{t:.1f} ms", f"ratio {t / times[0]:.2f}")]
        table_rows.append([heading, "", *cells])
    rates = [
        cell
        for r in results
        for cell in (f"{1000 / r.milliseconds:.0f}/s", f"{r.model_bytes / 1e6:.1f} MB")
    ]
    table_rows.append(["pictures a second, file", "", *rates])
    errors = [cell for r in results for cell in (f"{100 * r.calibration_error:.1f}", "")]
    table_rows.append(["expected calibration error, %", "", *errors])
    return table_rows


def _percents(pairs: Sequence[tuple[float, float] | None]) -> list[str]:
    return [f"{100 * value:.1f}" if pair else "" for pair in pairs for value in pair or (0, 0)]


def table(results: Sequence[Result]) -> Table:
    """All of it, for the terminal."""
    return terminal_table("vehicles and plates, %", headings(results), rows(results), _SET_LEFT)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A detector's AP50 by parts of the labels, one column each; the title names the parts."""

    title: str
    columns: Mapping[str, Mapping[str, ClassScore]]

    @property
    def headings(self) -> list[str]:
        """Of the columns."""
        return ["class", *self.columns]

    def rows(self) -> list[list[str]]:
        """A row a class, in the order of `CLASSES`, and the mean: AP50 and objects."""
        lines = []
        for label in CLASSES:
            entries = [scores.get(label) for scores in self.columns.values()]
            if any(entries):
                cells = [f"{100 * e.ap50:.1f} of {e.objects}" if e else "" for e in entries]
                lines.append([label, *cells])
        means = [np.mean([entry.ap50 for entry in s.values()]) for s in self.columns.values()]
        return [*lines, ["mean", *(f"{100 * mean:.1f}" for mean in means)]]

    def figures(self) -> dict[str, object]:
        """All figures, for the JSON file."""
        return {
            name: {label: {"ap50": s.ap50, "objects": s.objects} for label, s in scores.items()}
            for name, scores in self.columns.items()
        }

    def table(self) -> Table:
        """The table for the terminal."""
        return terminal_table(self.title, self.headings, self.rows(), _SET_LEFT)


def defaults_rows(defaults: Mapping[str, Defaults]) -> list[list[str]]:
    """One row for each figure, one column for each detector."""
    columns = [dict(one.rows()) for one in defaults.values()]
    return [[name, *(column.get(name, "") for column in columns)] for name in columns[-1]]


def defaults_table(defaults: Mapping[str, Defaults]) -> Table:
    """Figures at the default confidence, for the terminal."""
    title = "at the default confidence"
    return terminal_table(title, ["", *defaults], defaults_rows(defaults), {""})


def write_markdown(
    path: Path,
    results: Sequence[Result],
    defaults: Mapping[str, Defaults],
    parts: Sequence[Parts],
) -> None:
    """Put the tables between the marks of a page, and leave the rest of the page alone.

    Raises:
        ValueError: the page has no marks.
    """
    texts = [markdown_table(headings(results), rows(results), _SET_LEFT)]
    if defaults:
        block = markdown_table(["at the default confidence", *defaults], defaults_rows(defaults),
                               {"at the default confidence"})  # fmt: skip
        texts += ["Scores at the default confidence:", block]
    for part in parts:
        texts += [f"{part.title}:", markdown_table(part.headings, part.rows(), _SET_LEFT)]
    write_between(path, _SCORES, texts)


def precision_plot(result: Result) -> str:
    """Precision by recall at an IoU of 0.5, one line for each class."""
    drawn = figure(8, 5)
    axes = drawn.subplots()
    for label, entry in result.scores.items():
        recalls = np.linspace(0, 100, len(entry.precision))
        axes.plot(
            recalls,
            100 * np.asarray(entry.precision),
            color=_COLOURS[label],
            label=f"{label} {100 * entry.ap50:.1f}",
        )
    axes.set(xlabel="recall, %", ylabel="precision, %", xlim=(0, 100), ylim=(0, 100))
    axes.set_title(f"Precision by recall, IoU 0.5, {result.name}")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return as_svg(drawn)
