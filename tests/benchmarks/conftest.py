from __future__ import annotations

import sys
from pathlib import Path

# last: its modules have names that others have too
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
