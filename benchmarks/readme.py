"""Brings the tables of scores in README.md up to date with docs/results/.

    python benchmarks/readme.py

`benchmarks/reader/ocr.py --docs` and `benchmarks/vehicles/vehicles.py --docs` do the same after
they have written their page, so README.md never has other figures than docs/results/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common.readme_tables import write_readme

if __name__ == "__main__":
    argparse.ArgumentParser(
        description="Brings README.md up to date with docs/results/."
    ).parse_args()
    write_readme(Path(__file__).parents[1])
