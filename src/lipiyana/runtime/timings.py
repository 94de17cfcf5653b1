"""The speed of models on this machine, as measured by `lipiyana models bench`.

The file is `timings.json` in the cache folder of the user. Each figure belongs to one CPU model and
one model file, so the figures of a copied cache or of another model are never used by mistake.

The figures change which of two twins a `ModelStore` prefers. `lipiyana models list` and the log (at
INFO) say so.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lipiyana.files import parse_json, read_text, write_atomically
from lipiyana.runtime.manifest import ModelEntry

TWIN = "twin"
"""The parameter that names the model of the same weights in another arithmetic."""

_FILE = "timings.json"


def cache_folder() -> Path:
    """Give the folder of files that can be made again, below `$XDG_CACHE_HOME` or `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "lipiyana"


@lru_cache(maxsize=1)
def cpu_model() -> str:
    """Name the CPU and its instructions, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    flags = {"avx2", "avx512_vnni", "avx_vnni", "asimddp"} & set(
        fields.get("flags", fields.get("Features", "")).split()
    )
    name = fields.get("model name", platform.machine())
    return " ".join([name, *sorted(flags)])


def timings_file(folder: Path | None = None) -> Path:
    """Give the file of the timings, by default that of this user."""
    return (folder or cache_folder()) / _FILE


def read_timings(folder: Path | None = None) -> Mapping[str, float]:
    """Read milliseconds by sha256 of the model, for this CPU; empty where none are known."""
    try:
        stored = parse_json(read_text(timings_file(folder)))
        return {sha: float(ms) for sha, ms in stored[cpu_model()].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_timings(measured: Mapping[str, float], folder: Path | None = None) -> Path:
    """Add milliseconds by sha256 to those of this CPU; give the file.

    Raises:
        OSError: it cannot be written.
    """
    path = timings_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        stored = parse_json(read_text(path))
    except (OSError, ValueError):
        stored = {}
    if not isinstance(stored, dict):
        stored = {}
    stored[cpu_model()] = {**read_timings(path.parent), **measured}
    write_atomically(path, json.dumps(stored, indent=1, sort_keys=True).encode())
    return path


@dataclass(frozen=True, slots=True)
class Preference:
    """A model that comes before its twin because it was timed as faster on this machine.

    Attributes:
        preferred: its name.
        over: the twin's name.
        milliseconds: of one run of each, in this order.
    """

    preferred: str
    over: str
    milliseconds: tuple[float, float]

    def __str__(self) -> str:
        """Say it in a sentence, with where the figures come from."""
        its, mine = self.milliseconds
        return (
            f"{self.preferred} is used before {self.over}: {its:.2f} ms against {mine:.2f} ms on "
            f"this machine, by {timings_file()}, which `lipiyana models bench` wrote"
        )


def faster_first(
    entries: Iterable[ModelEntry], timings: Mapping[str, float]
) -> tuple[tuple[ModelEntry, ...], tuple[Preference, ...]]:
    """Put a model's twin before it where both were timed here and the twin is faster.

    Entries without a timed twin keep their places.

    Returns:
        The entries in their new order, and which twins were put first.
    """
    ordered = list(entries)
    by_name = {entry.name: entry for entry in ordered}
    preferences = []
    for entry in tuple(ordered):
        twin = by_name.get(entry.parameters.get(TWIN, ""))
        if twin is None or not twin.installed or twin.task is not entry.task:
            continue
        mine, its = timings.get(entry.sha256), timings.get(twin.sha256)
        here, there = ordered.index(entry), ordered.index(twin)
        if mine is not None and its is not None and its < mine and here < there:
            ordered.remove(twin)
            ordered.insert(ordered.index(entry), twin)
            preferences.append(Preference(twin.name, entry.name, (its, mine)))
    return tuple(ordered), tuple(preferences)
