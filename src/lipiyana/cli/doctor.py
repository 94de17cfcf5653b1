"""`lipiyana doctor`: what this machine and this installation can do, and what is in the way."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from lipiyana.cli import trial
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.cli.installation import extras, versions
from lipiyana.errors import LipiyanaError
from lipiyana.label_fonts import drawable_scripts
from lipiyana.ocr.scripts import SCRIPTS
from lipiyana.runtime import ModelStore, available_threads, cgroup_quota

Level = Literal["ok", "note", "wrong"]
_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}

_INT8_FLAGS = ("avx512_vnni", "avx_vnni", "asimddp")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; only `wrong` makes the doctor fail."""

    level: Level
    subject: str
    detail: str


def run(models: Path | None) -> int:
    """Print the findings as they come; exit 1 where one is wrong."""
    console = Console(soft_wrap=True, highlight=False)
    code = DONE
    for finding in examine(models):
        label = Text(f"{finding.level:<6}", _STYLES[finding.level])
        console.print(Text.assemble(label, f"{finding.subject}: {finding.detail}"))
        if finding.level == "wrong":
            code = FAILED
    return code


def examine(models: Path | None) -> Iterator[Finding]:
    """Look at everything, the cheap things first."""
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("ok", "packages", ", ".join(f"{name} {found}" for name, found in versions()))
    yield from _extras()
    yield cpu(Path("/proc/cpuinfo"))
    yield _threads()
    yield _fonts()
    yield from _guarded("models", lambda: _models(models))
    yield from _guarded("a picture", lambda: [_picture(models)])


def cpu(cpuinfo: Path) -> Finding:
    """Say whether the CPU multiplies 8-bit integers as the INT8 models want it."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return Finding("note", "cpu", f"{platform.machine()}; its features cannot be listed here")
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
        f"{name}, {lacking}: INT8 models are slower here and may lose accuracy by saturation; "
        "their float twins do not",
    )


def _extras() -> Iterator[Finding]:
    for extra, missing in extras():
        if missing:
            yield Finding("note", f"extra {extra}", f"not installed ({', '.join(missing)})")
        else:
            yield Finding("ok", f"extra {extra}", "installed")


def _threads() -> Finding:
    quota = cgroup_quota(Path("/sys/fs/cgroup"))
    limit = "" if quota is None else f", a quota of {quota:g}"
    return Finding("ok", "threads", f"{available_threads()} of {os.cpu_count()} CPUs{limit}")


def _fonts() -> Finding:
    lacking = [code for code in SCRIPTS if code not in drawable_scripts()]
    if lacking:
        return Finding(
            "note", "fonts", f"`annotate` cannot draw {', '.join(lacking)}: install Noto fonts"
        )
    return Finding("ok", "fonts", "`annotate` can draw every script")


def _models(models: Path | None) -> Iterator[Finding]:
    for check in ModelStore(models, threads=1).verify():
        level: Level = "ok" if check.ok else "wrong"
        yield Finding(level, "model", f"{check.entry.name}{check.problem and ': '}{check.problem}")


def _picture(models: Path | None) -> Finding:
    result = trial.read_rendered_plate(models)
    detail = f"loaded and read in {result.first:.2f} s, then {result.next * 1000:.0f} ms a picture"
    if result.registration != trial.REGISTRATION:
        return Finding("wrong", "a picture", f"{detail}, but read as {result.registration!r}")
    return Finding("ok", "a picture", detail)


def _guarded(subject: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except LipiyanaError as error:
        yield Finding("wrong", subject, error.message)
