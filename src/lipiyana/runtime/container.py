"""How many CPUs and how much memory this process may use, in a container or on the machine."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MOST_THREADS = 1024
"""Maximum that may be chosen; the system refuses to start many more."""


def available_threads() -> int:
    """Count the CPUs that this process may use: affinity, then the cgroup's quota.

    ONNX Runtime looks at neither and would start one thread per CPU of the host.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota(CGROUP)
    return max(1, count if quota is None else min(count, int(quota)))


def cgroup_quota(root: Path) -> float | None:
    """Read the CPU quota of a cgroup, version 2 or 1, in CPUs; None if there is none."""
    try:
        quota, period = (root / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text("ascii").strip()
        except OSError:
            return None
    try:
        cpus = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return None
    return cpus if cpus > 0 else None


def container_memory(root: Path) -> int | None:
    """Read the memory limit of a cgroup, version 2 or 1, in bytes; None if there is none."""
    for file in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        try:
            limit = int(file.read_text("ascii"))
        except (OSError, ValueError):  # none, or "max"
            continue
        machine = machine_memory()
        # version 1 writes a number near 2^63 for "none"
        return limit if machine is None or limit < machine else None
    return None


def machine_memory() -> int | None:
    """Read the memory of the machine, in bytes; None if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
