"""Converts the compressed fonts of Fontsource packages to files that FreeType can open.

Usage: unpack_web_fonts.py NODE_MODULES FOLDER
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from fontTools.ttLib import TTFont

# subsets without a script of this project
SKIPPED = ("latin-ext", "vietnamese", "cyrillic", "greek")
FAMILY, TYPOGRAPHIC_FAMILY = 1, 16


def main(modules: Path, folder: Path) -> None:
    """Unpack every upright font below `modules` into `folder`, named after its family."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in sorted(modules.glob("@fontsource*/*")):
        variable = package.parent.name.endswith("variable")
        names = sorted((package / "files").glob("*-normal.woff2"))
        # use the file with the most axes; the others are subsets of it
        axes = next(
            (a for a in ("standard", "wdth", "wght") if any(f"-{a}-" in n.name for n in names)), ""
        )
        for path in names:
            subset = path.stem.removeprefix(package.name)
            if any(f"-{name}-" in subset for name in SKIPPED):
                continue
            if variable and f"-{axes}-" not in subset:
                continue
            font = TTFont(path)
            family = package.name.replace("-", " ").title()
            for name_id in (FAMILY, TYPOGRAPHIC_FAMILY):
                font["name"].setName(family, name_id, 3, 1, 0x409)
            weight = re.search(r"-(\d{3})-", subset)
            if weight and not variable:
                font["OS/2"].usWeightClass = int(weight[1])
            font.flavor = None
            font.save(folder / f"{path.stem}.ttf")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Unpacks the fonts of Fontsource packages.")
    parser.add_argument("modules", type=Path, metavar="NODE_MODULES")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    main(args.modules, args.folder)
