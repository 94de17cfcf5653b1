#!/usr/bin/env python3
"""Estimate the size of the image of deploy/container/Dockerfile without building it.

    python scripts/image_size.py [--extras server,http,redis,otel] [--freeze]

Installs what the image installs into a temporary folder, and adds the base image. `--freeze` writes
the newest versions that go together into deploy/container/constraints.txt instead.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "container"
DOCKERFILE = FOLDER / "Dockerfile"
CONSTRAINTS = FOLDER / "constraints.txt"
BASE_MB = 124
"""Of python:3.11-slim for amd64, unpacked, as docker lists it; not measured here."""


def argument(name: str, dockerfile: Path = DOCKERFILE) -> str:
    """Return the default of an ARG."""
    found = re.search(rf"^ARG {name}=(\S+)$", dockerfile.read_text("utf-8"), re.MULTILINE)
    assert found is not None, f"{dockerfile} has no ARG {name}"
    return found[1]


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    subprocess.run([*command, *arguments], check=True)


def installed_sizes(extras: str) -> dict[str, float]:
    """Install, and return megabytes (10^6 bytes) by top-level folder, the largest first."""
    with TemporaryDirectory() as folder:
        _pip("--constraint", str(CONSTRAINTS), "--target", folder, f"{ROOT}[{extras}]")
        sizes: dict[str, float] = {}
        for path in Path(folder).rglob("*"):
            if path.is_file():
                top = path.relative_to(folder).parts[0].removesuffix(".libs")
                sizes[top] = sizes.get(top, 0.0) + path.stat().st_size / 1e6
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def freeze(extras: str) -> str:
    """Resolve the newest versions; return the text of the constraints."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _pip("--dry-run", "--ignore-installed", "--report", str(report), f"{ROOT}[{extras}]")
        items = json.loads(report.read_text("utf-8"))["install"]
    names = {re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower(): item for item in items}
    head = (
        "# Versions in the image: `python scripts/image_size.py --freeze` writes the newest ones.\n"
    )
    return head + "".join(
        f"{name}=={item['metadata']['version']}\n"
        for name, item in sorted(names.items())
        if name != "lipiyana"
    )


def main() -> None:
    """Print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", default=argument("EXTRAS"))
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    if options.freeze:
        CONSTRAINTS.write_text(freeze(options.extras), "utf-8")
        return
    sizes = installed_sizes(options.extras)
    for name, size in list(sizes.items())[:10]:
        print(f"{size:8.1f} MB  {name}")
    total = sum(sizes.values())
    print(f"{total:8.1f} MB  all that [{options.extras}] installs")
    print(f"{total + BASE_MB:8.1f} MB  with python:{argument('PYTHON')} ({BASE_MB} MB)")


if __name__ == "__main__":
    main()
