"""Run tests with the oldest protobuf and gRPC that `pyproject.toml` allows, and resolve neighbours.

`make test` runs with the newest. The old packages are installed into a folder of their own, which
comes before those of the environment. Arguments go to pytest; by default the tests of messages,
clients and servers run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "oldest"
FAMILY = re.compile(r"(?:grpcio[a-z-]*|protobuf|googleapis-common-protos|onnx)(?=>=)")
TESTS = ("tests/wire", "tests/client", "tests/server/rpc", "tests/server/security/test_tls.py",
         "tests/inference")  # fmt: skip
NEIGHBOURS = ("tritonclient[grpc]>=2.73", "google-generativeai>=0.8")
"""Packages with bounds on protobuf that must go with ours, each for itself."""

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def oldest() -> list[str]:
    """Read the lower bounds, as pins: `grpcio==1.71.2`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    # the tests make models with onnx, whose newer versions need a newer protobuf
    wanted = [*project["dependencies"], *extras["server"], *extras["train"]]
    bounds = [item.partition(",")[0] for item in wanted if FAMILY.match(item)]
    return [bound.replace(">=", "==") for bound in bounds]


def main() -> None:
    """Install, run, resolve."""
    pins = oldest()
    print("with", *pins)  # noqa: T201
    only = ["--no-deps", "--only-binary", ":all:", "--upgrade", "--target", str(FOLDER)]
    subprocess.run([*PIP, *only, *pins], check=True)  # noqa: S603
    path = os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH"))))
    tests = sys.argv[1:] or [str(test) for test in TESTS if (ROOT / test).exists()]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not soak", *tests]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})  # noqa: S603
    if sys.argv[1:]:
        return
    for neighbour in NEIGHBOURS:
        together = ["--dry-run", "--ignore-installed", f"{ROOT}[server]", neighbour]
        subprocess.run([*PIP, *together], check=True)  # noqa: S603
        print("goes with", neighbour)  # noqa: T201


if __name__ == "__main__":
    main()
