"""Measures `lipiyana read --engine ray`: speed, memory, and rows after workers and runs are killed.

    python benchmarks/batch/batch_ray.py [--rows N] [--crops DIR] [--work DIR] [--json FILE]
        [--only actors,killed,driver,sizes] [--kills N]

The pictures are links to the crops of DIR, as many as asked for. With a thousand rows a batch and
two actors, runs of less than some ten thousand rows are mostly start.

    pictures_per_second  between the first batch and the last one, for one and for two actors
    cpu_ms_per_picture   CPU time of the actors between these, which other programs hardly change
    scaling              speed with two actors, as a multiple of that with one
    first_row_seconds    from the start of the command to the first file of rows
    rss_growth_percent   of an actor, from a fifth of its batches to the end
    killed               actors that were killed during one run, and its rows
    driver               runs that were killed, and the rows after the last one was completed
    sizes                MB that each extra adds to an installation
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

ROOT = Path(__file__).parents[2]
SUFFIXES = {".jpg", ".png"}
POLL_SECONDS = 0.1
EXTRAS = ("parquet", "ray", "s3")


def main() -> None:
    """Measure what is asked for, and print it as JSON."""
    arguments = parse()
    measured: dict[str, Any] = {"rows": arguments.rows}
    work = Path(tempfile.mkdtemp(prefix="batch-ray-", dir=arguments.work))
    try:
        pictures = link_pictures(work / "pictures", arguments.crops, arguments.rows)
        if "actors" in arguments.only:
            one, two = (watch(pictures, work / f"actors{n}", n) for n in (1, 2))
            measured |= {"one_actor": one, "two_actors": two}
            measured["scaling"] = two["pictures_per_second"] / one["pictures_per_second"]
        if "killed" in arguments.only:
            measured["killed"] = kill_actors(pictures, work / "killed", arguments.kills)
        if "driver" in arguments.only:
            measured["driver"] = kill_driver(pictures, work / "driver", arguments.kills)
        if "sizes" in arguments.only:
            measured["sizes"] = {extra: installed_mb(extra, work) for extra in EXTRAS}
    finally:
        shutil.rmtree(work)
    text = json.dumps(measured, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


def link_pictures(folder: Path, crops: Path, count: int) -> Path:
    """Make links to crops, in turn, a thousand a folder."""
    found = sorted(path.resolve() for path in crops.rglob("*") if path.suffix.lower() in SUFFIXES)
    for number, path in enumerate(islice(cycle(found), count)):
        link = folder / f"{number // 1000:04}" / f"{number % 1000:03}{path.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return folder


def start(pictures: Path, output: Path, actors: int, *options: str) -> subprocess.Popen[bytes]:
    """Start the command."""
    command = [sys.executable, "-m", "lipiyana", "read", str(pictures), "--layout", "line"]
    command += ["--engine", "ray", "--workers", str(actors), "--output", str(output), *options]
    return subprocess.Popen(command)


def watch(pictures: Path, output: Path, actors: int) -> dict[str, float]:
    """Run to the end; look at the files of rows and at the actors meanwhile."""
    began = time.monotonic()
    driver = start(pictures, output, actors)
    parts: list[tuple[float, float]] = []  # when a file of rows was seen, CPU time of the actors
    memory: dict[int, list[int]] = {}
    while driver.poll() is None:
        time.sleep(POLL_SECONDS)
        found = actors_of(driver.pid)
        new = len(files_of(output)) - len(parts)
        if new > 0:
            parts += [(time.monotonic(), sum(map(cpu_seconds, found)))] * new
        for pid in found:
            memory.setdefault(pid, []).append(resident(pid))
    rows = check_rows(output, pictures)
    if driver.returncode not in {0, 1}:
        raise SystemExit(f"the command ended with {driver.returncode}")
    share = (len(parts) - 1) / len(parts)
    (first, cpu_first), (last, cpu_last) = parts[0], parts[-1]
    return {
        "pictures_per_second": rows * share / (last - first),
        "cpu_ms_per_picture": 1000 * (cpu_last - cpu_first) / (rows * share),
        "first_row_seconds": first - began,
        "rss_mb": max(max(sizes) for sizes in memory.values()) / 1e6,
        "rss_growth_percent": max(map(growth, memory.values())),
    }


def growth(sizes: list[int]) -> float:
    """Growth in % after the models were loaded and some batches read."""
    after = sizes[len(sizes) // 5 :]
    settled = max(after[: max(1, len(after) // 5)])
    return 100 * (max(after[-3:]) / settled - 1)


def kill_actors(pictures: Path, output: Path, kills: int) -> dict[str, int]:
    """Kill an actor whenever another file of rows is there; the run must complete by itself."""
    driver = start(pictures, output, 2)
    killed = seen = 0
    while driver.poll() is None:
        time.sleep(POLL_SECONDS)
        count, found = len(files_of(output)), actors_of(driver.pid)
        if killed < kills and count > seen and found:
            seen = count
            os.kill(found[killed % len(found)], signal.SIGKILL)
            killed += 1
    return {"kills": killed, "rows": check_rows(output, pictures)}


def kill_driver(pictures: Path, output: Path, kills: int) -> dict[str, int]:
    """Kill the command whenever another file of rows is there, and continue it."""
    killed = 0
    while True:
        before = len(files_of(output))
        driver = start(pictures, output, 2, *(["--resume"] if before else []))
        while driver.poll() is None:
            time.sleep(POLL_SECONDS)
            if killed < kills and len(files_of(output)) > before:
                driver.kill()
                killed += 1
                break
        if driver.wait() != -signal.SIGKILL:
            return {"kills": killed, "rows": check_rows(output, pictures)}


def files_of(output: Path) -> list[Path]:
    """The files of rows."""
    return list(output.glob("*.parquet"))


def check_rows(output: Path, pictures: Path) -> int:
    """Check that each picture has exactly one row; return their number."""
    found = ds.dataset(output).to_table(columns=["path"])["path"].to_pylist()
    expected = {str(path) for path in pictures.rglob("*") if path.suffix}
    if len(found) != len(expected) or set(found) != expected:
        raise SystemExit(f"{len(found)} rows, {len(set(found))} paths, {len(expected)} pictures")
    return len(found)


def actors_of(driver: int) -> list[int]:
    """The processes that read for a driver: those of Ray Data below it."""
    parents = dict(processes())
    found = []
    for pid in parents:
        ancestor: int | None = pid
        while ancestor is not None and ancestor != driver:
            ancestor = parents.get(ancestor)
        if ancestor is not None and title(pid).startswith(b"ray::MapWorker"):
            found.append(pid)
    return sorted(found)


def processes() -> Iterator[tuple[int, int]]:
    """All processes with their parents."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := stat_of(int(folder.name))):
            yield int(folder.name), int(fields[1])


def stat_of(pid: int) -> list[str]:
    """The fields of a process from its state on; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def title(pid: int) -> bytes:
    """The command line of a process, which Ray sets."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def resident(pid: int) -> int:
    """Memory of a process in bytes."""
    fields = stat_of(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def cpu_seconds(pid: int) -> float:
    """CPU time of a process."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def installed_mb(extra: str, work: Path) -> int:
    """Install what the project needs, with and without an extra; compare."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"]
    base, more = work / "base", work / extra
    if not base.exists():
        install(base, needed)
    install(more, [*needed, *project["optional-dependencies"][extra]])
    size = megabytes(more) - megabytes(base)
    shutil.rmtree(more)
    return size


def install(folder: Path, requirements: list[str]) -> None:
    """Install packages into a folder."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--target"]
    subprocess.run([*command, str(folder), *requirements], check=True)


def megabytes(folder: Path) -> int:
    """Size of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


def parse() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--crops", type=Path, default=ROOT.parent / "shared" / "data" / "text")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=["actors", "killed", "driver", "sizes"]
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
