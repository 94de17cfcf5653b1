from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# last: their modules have names that others have too
sys.path.extend(
    str(BENCHMARKS / name)
    for name in (".", "autoscaling", "drift", "plates", "reader", "serving", "vehicles")
)
