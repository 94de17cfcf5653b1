"""How fast models are on this machine, as `lipiyana models bench` wrote it down.

The file is `timings.json` in the cache folder of the user. Its figures belong to one CPU model
and one model file each, so a copied cache or another model is never taken for a measured one.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from lipiyana.files import parse_json, read_text, write_atomically
from lipiyana.runtime.manifest import ModelEntry

TWIN = "twin"
"""The parameter that names the model of the same weights in another arithmetic."""

_FILE = "timings.json"


def cache_folder() -> Path:
    """Give the folder of what can be made again, below `$XDG_CACHE_HOME` or `~/.cache`."""
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


def read_timings(folder: Path | None = None) -> Mapping[str, float]:
    """Read milliseconds by sha256 of the model, for this CPU; empty where none are known."""
    try:
        stored = parse_json(read_text((folder or cache_folder()) / _FILE))
        return {sha: float(ms) for sha, ms in stored[cpu_model()].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_timings(measured: Mapping[str, float], folder: Path | None = None) -> Path:
    """Add milliseconds by sha256 to what is known of this CPU; returns the file.

    Raises:
        OSError: it cannot be written.
    """
    folder = folder or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    try:
        stored = parse_json(read_text(path))
    except (OSError, ValueError):
        stored = {}
    if not isinstance(stored, dict):
        stored = {}
    stored[cpu_model()] = {**read_timings(folder), **measured}
    write_atomically(path, json.dumps(stored, indent=1, sort_keys=True).encode())
    return path


def faster_first(
    entries: Iterable[ModelEntry], timings: Mapping[str, float]
) -> tuple[ModelEntry, ...]:
    """Put a model's twin before it where both were timed here and the twin is faster.

    Entries without a timed twin keep their places.
    """
    ordered = list(entries)
    by_name = {entry.name: entry for entry in ordered}
    for entry in tuple(ordered):
        twin = by_name.get(entry.parameters.get(TWIN, ""))
        if twin is None or not twin.installed or twin.task is not entry.task:
            continue
        mine, its = timings.get(entry.sha256), timings.get(twin.sha256)
        here, there = ordered.index(entry), ordered.index(twin)
        if mine is not None and its is not None and its < mine and here < there:
            ordered.remove(twin)
            ordered.insert(ordered.index(entry), twin)
    return tuple(ordered)
