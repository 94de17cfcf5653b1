"""Whether what the reader makes of lines catches a new script, or other plates, sooner.

    python benchmarks/drift/line_feature.py --cache FILE [--seeds 6] [--docs docs/guides/drift.md]

FILE is that of `injection.py`, whose months these are. Each month is shown with all signals,
without `line_feature`, and with `line_feature` alone, which stands for a change that the other
signals of text do not see.
"""

from __future__ import annotations

import argparse
import copy
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from injection import LATE, QUIET_HOURS, REFERENCE_HOURS, pictures_until, write_table
from month import HOURS, WEEK, Month, false_alarms, inject, usual
from observations import CITY, SCRIPT, USUAL, load

from lipiyana.drift.counting.signals import LINE_FEATURE, SIGNALS, Observation
from lipiyana.drift.watching.camera import Camera

MARKS = "<!-- line feature: written by benchmarks/drift/line_feature.py -->", "<!-- end of it -->"
ALL, WITHOUT, ALONE = "all signals", f"without `{LINE_FEATURE}`", f"`{LINE_FEATURE}` alone"
HEADS = ("change", ALL, WITHOUT, ALONE)
CHANGES = (CITY, SCRIPT)


@dataclass(frozen=True, slots=True)
class ChosenMonth(Month):
    """A month of which only some signals are shown; the draws are the same for all choices.

    Attributes:
        how: the column.
    """

    how: str = ALL

    def hour(self, hour: int, condition: str = USUAL) -> Iterator[Observation]:
        """The pictures of an hour; see `Month.hour`."""
        for observation in Month.hour(self, hour, condition):
            yield {name: values for name, values in observation.items() if self._shows(name)}

    def _shows(self, name: str) -> bool:
        is_feature = SIGNALS[name].family == LINE_FEATURE
        return self.how == ALL or is_feature == (self.how == ALONE)


def main() -> None:
    """Draw the months, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6, help="months that are drawn")
    parser.add_argument("--docs", type=Path, help="page with the marks of the table")
    args = parser.parse_args()
    pool = load(args.cache)
    firsts: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    alarms: dict[str, int] = dict.fromkeys(HEADS[1:], 0)
    for how in HEADS[1:]:
        for seed in range(args.seeds):
            month = ChosenMonth(pool, seed, how)
            camera = Camera(month.profile(REFERENCE_HOURS))
            alarms[how] += len(false_alarms(month, camera, QUIET_HOURS))
            begin = LATE + int(np.random.default_rng(seed).integers(0, HOURS))
            camera = usual(month, camera, range(LATE, begin))
            for change in CHANGES:
                hours = range(begin, begin + 2 * HOURS)
                first = inject(month, copy.deepcopy(camera), change, hours).first
                firsts[change, how].append(min(first.values(), default=None))
            print(how, seed, {change: firsts[change, how][-1] for change in CHANGES}, flush=True)
    rows = [
        (change, *(pictures_until(firsts[change, how]) for how in HEADS[1:])) for change in CHANGES
    ]
    weeks = args.seeds * len(QUIET_HOURS) / WEEK
    said = ", ".join(f"{count / weeks:.2f} ({how})" for how, count in alarms.items())
    below = f"False alarms a week, in {weeks:g} weeks without a change: {said}."
    print(*rows, below, sep="\n")
    if args.docs:
        write_table(args.docs, MARKS, [HEADS, ("---", *["---:"] * 3), *rows], below)


if __name__ == "__main__":
    main()
