"""Checks the machine, its packages, and the load that other processes put on it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lipiyana.cli.doctor.findings import Finding
from lipiyana.runtime.container import CGROUP, available_threads, cgroup_quota

PROC = Path("/proc")

LEAST_FREE = 512 * 1024 * 1024
"""With fewer free bytes of memory than this, loading the models may cause swapping."""

BUSY = 0.1
"""The load of other processes is reported above this share of the CPU time."""

_INT8_FLAGS = ("avx512_vnni", "avx_vnni", "asimddp")


def cpu(cpuinfo: Path = PROC / "cpuinfo") -> Finding:
    """Check for the 8-bit instructions of the CPU that INT8 models need."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return Finding("note", "cpu", f"{platform.machine()}; its features cannot be read here")
    fields = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    name = fields.get("model name", platform.machine())
    if found := [flag for flag in _INT8_FLAGS if flag in flags]:
        return Finding("ok", "cpu", f"{name}, 8-bit dot products ({', '.join(found)})")
    lacking = "no AVX2 and no VNNI" if "avx2" not in flags else "no VNNI"
    return Finding(
        "note",
        "cpu",
        f"{name}, {lacking}: sums in INT8 models may saturate, which costs accuracy; their float "
        "twins are not affected. `lipiyana models bench` measures which are faster here",
    )


def threads(root: Path = CGROUP) -> Finding:
    """Report the number of usable CPUs and the CPU quota."""
    usable, quota = available_threads(), cgroup_quota(root)
    detail = f"{usable} of {os.cpu_count()} CPUs"
    if quota is None:
        return Finding("ok", "threads", detail)
    detail += f", a quota of {quota:g}"
    if quota < 1:
        return Finding(
            "note", "threads", f"{detail}: every picture is throttled; raise it to 1 CPU"
        )
    if quota % 1:
        return Finding("ok", "threads", f"{detail}; the fraction of a CPU is not used")
    return Finding("ok", "threads", detail)


def memory(meminfo: Path = PROC / "meminfo", root: Path = CGROUP) -> Finding:
    """Report how much memory is free, on the machine and in the container."""
    sizes = {}
    try:
        for line in meminfo.read_text("ascii").splitlines():
            name, _, rest = line.partition(":")
            sizes[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return Finding("note", "memory", "cannot be measured here")
    free = [sizes.get("MemAvailable", 0)]
    limit, used = _number(root / "memory.max"), _number(root / "memory.current")
    if limit is not None and used is not None:
        free.append(limit - used)
    left = min(free)
    detail = f"{left / 2**30:.1f} GiB free"
    if left < LEAST_FREE:
        return Finding("note", "memory", f"{detail}: the models need 0.5 GiB; expect swapping")
    return Finding("ok", "memory", detail)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters of the kernel since its start, or, from `since`, of a span of time.

    Attributes:
        total: ticks of all CPUs.
        steal: ticks that the hypervisor gave to other machines.
        mine: ticks of this process and of its finished children.
        idle: idle ticks.
        swapped: pages read from or written to swap.
        periods: periods of the cgroup's CPU quota.
        throttled: periods in which the quota was exhausted.
    """

    total: int = 0
    steal: int = 0
    mine: int = 0
    idle: int = 0
    swapped: int = 0
    periods: int = 0
    throttled: int = 0

    @classmethod
    def now(cls, proc: Path = PROC, cgroup: Path = CGROUP) -> Usage:
        """Read the counters; a counter that this system lacks is 0."""
        ticks = [int(field) for field in _first_line(proc / "stat").split()[1:9]]
        memory_events = _counters(proc / "vmstat")
        quota = _counters(cgroup / "cpu.stat")
        times = os.times()
        own = round((times.user + times.system) * os.sysconf("SC_CLK_TCK"))
        return cls(
            total=sum(ticks),
            steal=ticks[7] if len(ticks) == 8 else 0,
            mine=own,
            idle=ticks[3] + ticks[4] if len(ticks) == 8 else 0,
            swapped=memory_events.get("pswpin", 0) + memory_events.get("pswpout", 0),
            periods=quota.get("nr_periods", 0),
            throttled=quota.get("nr_throttled", 0),
        )

    def since(self, before: Usage) -> Usage:
        """The counts since `before`."""
        return Usage(
            self.total - before.total,
            self.steal - before.steal,
            self.mine - before.mine,
            self.idle - before.idle,
            self.swapped - before.swapped,
            self.periods - before.periods,
            self.throttled - before.throttled,
        )


def neighbours(usage: Usage) -> Iterator[Finding]:
    """Report the load of other processes during a measurement."""
    if usage.total:
        steal = usage.steal / usage.total
        others = max(0, usage.total - usage.idle - usage.mine - usage.steal) / usage.total
        if steal > BUSY:
            yield Finding(
                "note",
                "neighbours",
                f"{steal:.0%} of the CPU time went to other virtual machines (steal): use another "
                "host or dedicated CPUs",
            )
        if others > BUSY:
            yield Finding(
                "note",
                "neighbours",
                f"other processes took {others:.0%} of the CPU time meanwhile: the times above "
                "are longer than on an idle machine",
            )
        if steal <= BUSY and others <= BUSY:
            yield Finding("ok", "neighbours", "nobody else took much CPU time")
    if usage.throttled:
        yield Finding(
            "note",
            "quota",
            f"the container was throttled in {usage.throttled} of {usage.periods} periods: raise "
            "its CPU quota, or lower the server's `threads`",
        )
    if usage.swapped:
        yield Finding(
            "note",
            "swap",
            f"{usage.swapped} pages were swapped meanwhile: there is too little memory",
        )


def _first_line(path: Path) -> str:
    try:
        return path.read_text("ascii").partition("\n")[0]
    except OSError:
        return ""


def _counters(path: Path) -> dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text("ascii").splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def _number(path: Path) -> int | None:
    text = _first_line(path)
    return int(text) if text.isdigit() else None


_PACKAGES = (
    "lipiyana", "onnxruntime", "numpy", "opencv-python-headless", "pillow", "grpcio", "protobuf",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def versions() -> Iterator[tuple[str, str]]:
    """Name and version of the packages that determine results and speed."""
    for name in _PACKAGES:
        yield name, _version(name) or "missing"


def extras() -> Iterator[tuple[str, list[str]]]:
    """Each extra of this project with those of its packages that are not installed."""
    missing: dict[str, list[str]] = {
        extra: [] for extra in metadata.metadata("lipiyana").get_all("Provides-Extra") or ()
    }
    for requirement in metadata.requires("lipiyana") or ():
        extra, name = _EXTRA.search(requirement), _NAME.match(requirement)
        if extra and name and not _version(name[0]):
            missing[extra[1]].append(name[0])
    yield from sorted(missing.items())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
