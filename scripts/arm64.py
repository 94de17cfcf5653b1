"""Reads samples as an ARM64 machine does, in an emulator, and compares with this machine.

    python scripts/arm64.py [--pictures 20]

Debian's `qemu-user-static` emulates the processor. Below it run Debian's Python for ARM64 and the
packages' ARM64 wheels from PyPI, in `build/arm64`; the system stays as it is. It shows whether
answers are equal, not how fast a board is: a picture takes a minute. It needs `apt-get` and
`dpkg-deb`, and packages from Debian and PyPI.

It prints what differs: texts, labels and counts at all, places by more than 2 pixels, other
numbers, such as confidences, by more than 0.05. Exits with 1 if a label, a registration or a letter
differs; spaces, places, colours and confidences hang on single roundings, which are others on ARM.
The answers stay in `build/arm64/answers.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from lipiyana.client import Client

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "arm64"
SYSTEM, SITE = FOLDER / "root", FOLDER / "site"
EMULATOR = "qemu-aarch64-static"
PROGRAM = ROOT / "scripts" / "arm64_answers.py"
SYSTEM_PACKAGES = ("python3.11", "libstdc++6")
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
PINS = {"onnxruntime": "<1.27"}
"""Newer versions do not start in QEMU 7.2, of Debian 12."""

PIXELS, OTHERS = 2.0, 0.05
PLACES = {"x", "y", "x_min", "y_min", "x_max", "y_max"}


def main() -> int:
    """Install what is missing, read here and there, compare, and call a server there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=20, help="of samples/, the smallest ones")
    arguments = parser.parse_args()
    for program in (EMULATOR, "apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            say(f"{program} is missing; on Debian: apt-get install qemu-user-static")
            return 1
    install_system()
    install_packages()
    found = sorted((ROOT / "samples").glob("*/*.jpg"), key=lambda path: path.stat().st_size)
    pictures = [str(path) for path in found[: arguments.pictures]]
    here = read([sys.executable], pictures, os.environ | {"PYTHONPATH": str(ROOT / "src")})
    there = read(emulated(), pictures, emulated_environment())
    (FOLDER / "answers.json").write_text(json.dumps([pictures, here, there]), "utf-8")
    equal = alike = 0
    for picture, one, other in zip(pictures, here, there, strict=True):
        differences = list(compare(one, other))
        equal += not differences
        alike += said(one) == said(other)
        say(f"{Path(picture).name}: {'; '.join(differences[:5]) or 'equal'}")
    say(f"{len(pictures)} pictures: {equal} with equal answers, {alike} that say the same")
    served = call_server(pictures[0])
    differences = list(compare(here[0], served))
    say(f"over a server: {'; '.join(differences[:5]) or 'equal'}")
    return 1 if alike < len(pictures) or differences else 0


def said(answer: dict[str, Any]) -> list[list[str]]:
    """What an answer says: types of vehicles, registrations, and the letters of the lines."""
    return [
        sorted(str(one["label"]) for one in answer["vehicles"]),
        sorted(one["registration"]["canonical"] for one in answer["plates"]),
        sorted("".join(one["text"].split()) for one in answer["text_lines"]),
    ]


def install_system() -> None:
    """Unpack Debian's Python for ARM64 and what it needs."""
    if (SYSTEM / "usr" / "bin" / "python3.11").exists():
        return
    state, cache = FOLDER / "apt" / "state", FOLDER / "apt" / "cache"
    for folder in (state / "lists" / "partial", cache / "archives" / "partial", SYSTEM):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::State": state,
        "Dir::State::status": "/dev/null",  # nothing counts as installed
        "Dir::Cache": cache,
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    subprocess.run([*apt, "update"], check=True)  # noqa: S603
    download = ["install", "--yes", "--download-only", "--no-install-recommends"]
    subprocess.run([*apt, *download, *SYSTEM_PACKAGES], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    for package in (cache / "archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(SYSTEM)], check=True)  # noqa: S603, S607


def install_packages() -> None:
    """Install the ARM64 wheels of what a server needs."""
    if SITE.exists():
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    wanted += [name + bound for name, bound in PINS.items()]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    platforms = [f"--platform={name}_aarch64" for name in PLATFORMS]
    options = ["--python-version=3.11", "--only-binary=:all:", f"--target={SITE}", *platforms]
    subprocess.run([*pip, *options, *wanted], check=True)  # noqa: S603


def emulated() -> list[str]:
    """The command of the emulated Python."""
    return [EMULATOR, "-L", str(SYSTEM), str(SYSTEM / "usr" / "bin" / "python3.11")]


def emulated_environment() -> dict[str, str]:
    """Its environment; nothing of this machine's packages is seen."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONHOME": str(SYSTEM / "usr"),
        "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT / "src")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def read(
    python: Sequence[str], pictures: Sequence[str], environment: dict[str, str]
) -> list[dict[str, Any]]:
    """Read pictures with a Python; give the answers."""
    command = [*python, str(PROGRAM), *pictures]
    begun = time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)  # noqa: S603
    say(f"{Path(python[0]).name}: {time.monotonic() - begun:.0f} s")
    return [json.loads(line) for line in done.stdout.splitlines()]


def call_server(picture: str) -> dict[str, Any]:
    """Read a picture on a server in the emulator."""
    command = [*emulated(), str(PROGRAM)]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=emulated_environment()
    ) as server:
        feed, output = cast("IO[bytes]", server.stdin), cast("IO[bytes]", server.stdout)
        try:
            port = int(output.readline())
            with Client(f"127.0.0.1:{port}", timeout=600) as client:
                answer = client.recognize(Path(picture)).to_dict()
        finally:
            feed.close()
            server.wait(60)
    answer.pop("timings", None)
    return answer


def compare(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Say where two answers differ by more than rounding."""
    name = path.rpartition(".")[2]
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key != "cache_outcome":
                yield from compare(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"{path}: {len(one)} and {len(other)}"
        for a, b in zip(one, other, strict=False):
            yield from compare(a, b, path)
    elif isinstance(one, float) and isinstance(other, float):
        if abs(one - other) > (PIXELS if name in PLACES else OTHERS):
            yield f"{path}: {one:.3f} and {other:.3f}"
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
