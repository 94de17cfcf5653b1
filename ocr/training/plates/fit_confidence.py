"""Fits `confidence_weights` of `ocr/plates/settings.py` on plates whose text is known.

    python -m lipiyana.ocr.training.plates.fit_confidence --readings FILE

The file has one JSON object a line for each registration that was read: its `measures`
(`choice.measures`), whether it is `right`, and optionally its `weight` and `set`.
`benchmarks/plates/plate_signs.py` writes it from the selection part and from rendered plates that
are hard to read. The weights are printed, to be reviewed and copied into the settings. Their signs
are fixed: more evidence never makes a registration less likely.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

SIGNS: Mapping[str, int] = {
    "likelihood": 1, "margin": 1, "other_model": -1, "second_look": -1, "usual": 1,
}  # fmt: skip
"""The measures, and the allowed sign of each weight."""

_STEPS = 4000
_RATE = 0.05
_SHRINKING = 1e-3

Floats = npt.NDArray[np.float64]


def fit(values: Floats, right: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Fit a logistic model by projected gradient descent (Adam) on standardized measures.

    Args:
        values: (readings, measures), in the order of `SIGNS`.
        right: (readings,), whether each reading is correct.
        weights: (readings,), weight of each reading.

    Returns:
        (1 + measures,): the bias, then the weight of each measure, not standardized.
    """
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    inputs = np.concatenate([np.ones((len(values), 1)), (values - mean) / deviation], axis=1)
    share = weights / weights.sum()
    allowed = np.array(list(SIGNS.values()))
    found = np.zeros(inputs.shape[1])
    first, second = np.zeros_like(found), np.zeros_like(found)
    for step in range(1, _STEPS + 1):
        probability = 1 / (1 + np.exp(-inputs @ found))
        gradient = inputs.T @ (share * (probability - right)) + _SHRINKING * np.r_[0, found[1:]]
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
        found = found - _RATE * corrected[0] / (np.sqrt(corrected[1]) + 1e-9)
        found[1:] = np.where(found[1:] * allowed > 0, found[1:], 0)
    scaled = found[1:] / deviation
    return np.concatenate([[found[0] - float(scaled @ mean)], scaled])


def load(lines: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Parse the file into values, correctness and weights."""
    rows = [json.loads(line) for line in lines]
    return (
        np.array([[row["measures"][name] for name in SIGNS] for row in rows], np.float64),
        np.array([row["right"] for row in rows], np.bool_),
        np.array([row.get("weight", 1.0) for row in rows], np.float64),
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="fits the weights of the plate confidence")
    parser.add_argument("--readings", type=Path, required=True)
    args = parser.parse_args()
    console = Console()
    found = fit(*load(args.readings.read_text("utf-8").splitlines()))
    for name, weight in zip(("bias", *SIGNS), found, strict=True):
        console.print(f'    "{name}": {weight:.3f},')


if __name__ == "__main__":
    main()
