"""Which changes of a camera's pictures are noticed, how soon, and by what.

    python benchmarks/drift/injection.py --cache FILE [--data ../shared/data] [--by-day 32]
        [--by-night 20] [--seeds 5] [--docs docs/guides/drift.md]

Real street pictures, by day and made dark, are read once in every condition; FILE keeps what was
counted, so that a later run reads nothing again. A month of 28 days is drawn from them: the first
two weeks are the reference, the next two pass as usual, and give the false alarms. Then each change
begins, at another hour of day or night for each seed, and lasts two days. Counts are of pictures
since then, as median and worst of the seeds.
"""

from __future__ import annotations

import argparse
import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from month import HOURS, WEEK, Month, Outcome, false_alarms, inject, usual
from observations import USUAL, conditions, load, measure
from rich.console import Console
from rich.table import Table

from lipiyana.drift.watching.camera import LAST_WEEK, REFERENCE, STREAM, Camera
from lipiyana.drift.watching.stream import StreamChanges

ROOT = Path(__file__).parents[2]
AGAINST = (REFERENCE, LAST_WEEK, STREAM)
REFERENCE_HOURS = range(2 * WEEK)
QUIET_HOURS = range(2 * WEEK, 4 * WEEK)
LATE = 4 * WEEK
MARKS = "<!-- injection: written by benchmarks/drift/injection.py -->", "<!-- end of injection -->"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Result:
    """The outcomes of one condition over the seeds."""

    condition: str
    outcomes: list[Outcome]

    def row(self) -> tuple[str, ...]:
        """The row of the table."""
        first = [min(one.first.values()) if one.first else None for one in self.outcomes]
        signals = Counter(name for one in self.outcomes for name in one.signals)
        return (
            self.condition,
            pictures_until(first),
            pictures_until([one.dim for one in self.outcomes]),
            *(pictures_until([one.first.get(name) for one in self.outcomes]) for name in AGAINST),
            ", ".join(name for name, _ in signals.most_common(_SHOWN)),
        )


HEADS = (
    "change",
    "pictures until flagged",
    "without brightness",
    "by the reference",
    "by the week before",
    "by ADWIN",
    "signals that caught it",
)


def main() -> None:
    """Measure, draw the months, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--by-day", type=int, default=32, help="different pictures by day")
    parser.add_argument("--by-night", type=int, default=20, help="different pictures by night")
    parser.add_argument("--seeds", type=int, default=5, help="months that are drawn")
    parser.add_argument("--docs", type=Path, help="page with the marks of the table")
    args = parser.parse_args()
    measure(args.data, args.cache, args.by_day, args.by_night)
    pool = load(args.cache)
    alarms: Counter[str] = Counter()
    results = {name: Result(name, []) for name in conditions() if name != USUAL}
    for seed in range(args.seeds):
        month = Month(pool, seed)
        profile = month.profile(REFERENCE_HOURS)
        camera = Camera(profile, StreamChanges(profile))
        alarms.update(against for against, _ in false_alarms(month, camera, QUIET_HOURS))
        begin = LATE + int(np.random.default_rng(seed).integers(0, HOURS))
        camera = usual(month, camera, range(LATE, begin))
        for name, result in results.items():
            shown = copy.deepcopy(camera)
            found = inject(month, shown, name, range(begin, begin + 2 * HOURS))
            result.outcomes.append(found)
    weeks = args.seeds * len(QUIET_HOURS) / WEEK
    table = Table(*HEADS)
    for one in results.values():
        table.add_row(*one.row())
    Console(width=160).print(table)
    said = ", ".join(f"{alarms[name] / weeks:.2f} ({name})" for name in AGAINST)
    print(f"false alarms a week in {weeks:g} weeks without a change: {said}")
    if args.docs:
        lines = [HEADS, ("---", *["---:"] * (len(HEADS) - 2), "---")]
        lines += [one.row() for one in results.values()]
        below = f"False alarms a week, in {weeks:g} weeks without a change: {said}."
        write_table(args.docs, MARKS, lines, below)


def write_table(
    page: Path, marks: tuple[str, str], lines: Iterable[Sequence[str]], below: str
) -> None:
    """Write a table, its heads and their alignment first, between its marks in a page."""
    begin, end = marks
    text = page.read_text("utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    page.write_text(f"{before}{begin}\n\n{rows}\n\n{below}\n\n{end}{after}", "utf-8")


def pictures_until(counts: Sequence[int | None]) -> str:
    """Median and worst of the pictures until a change was flagged."""
    found = [count for count in counts if count is not None]
    if not found:
        return "never"
    text = f"{np.median(found):.0f} ({max(found)})"
    return text if len(found) == len(counts) else f"{text}, {len(found)} of {len(counts)}"


if __name__ == "__main__":
    main()
