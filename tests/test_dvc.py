"""The stages of dvc.yaml against DVC's documented schema, and against this project's programs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
STAGES: dict[str, dict[str, Any]] = FILE["stages"]

STAGE_KEYS = {
    "cmd", "wdir", "deps", "params", "outs", "metrics", "plots", "frozen", "always_changed",
    "meta", "desc", "vars",
}  # fmt: skip
SHARED_OPTIONS = {
    "add_run_options": "ocr/training/run_options.py",
    "add_variety_options": "vehicles/training/variety.py",
}
OUTPUT_KEYS = {"cache", "remote", "persist", "desc", "type", "labels", "meta", "push"}


def value(key: str) -> object:
    found: Any = PARAMS
    for step in key.split("."):
        found = found[step]
    return found


def filled(text: str) -> str:
    return re.sub(r"\$\{([\w.]+)\}", lambda match: str(value(match[1])), text)


def outputs(stage: dict[str, Any]) -> list[str]:
    listed = [*stage.get("outs", []), *stage.get("metrics", [])]
    return [next(iter(one)) if isinstance(one, dict) else one for one in listed]


def commands(stage: dict[str, Any]) -> list[list[str]]:
    given = stage["cmd"]
    return [shlex.split(filled(c)) for c in (given if isinstance(given, list) else [given])]


def test_the_keys_are_dvc_s() -> None:
    assert set(FILE) <= {"stages", "vars", "params", "metrics", "plots", "artifacts", "datasets"}
    for stage in STAGES.values():
        assert set(stage) <= STAGE_KEYS
        for one in [*stage.get("outs", []), *stage.get("metrics", [])]:
            if isinstance(one, dict):
                assert all(set(options) <= OUTPUT_KEYS for options in one.values())


def test_the_steps_are_all_there_and_no_output_has_two_makers() -> None:
    steps = {name.split("_", 1)[1] for name in STAGES if name.startswith("reader_")}
    assert steps == {"corpus", "render", "train", "quantize", "evaluate"}
    made = [out for stage in STAGES.values() for out in outputs(stage)]
    assert len(made) == len(set(made))


@pytest.mark.parametrize("name", list(STAGES))
def test_parameters_and_files_exist(name: str) -> None:
    stage = STAGES[name]
    for key in stage.get("params", []):
        assert value(key) is not None
    made = {out for other in STAGES.values() for out in outputs(other)}
    for dependency in map(filled, stage["deps"]):
        outside = dependency.startswith("../shared")
        assert outside or dependency in made or (ROOT / dependency).exists(), dependency


@pytest.mark.parametrize("name", list(STAGES))
def test_programs_know_their_options(name: str) -> None:
    for command in commands(STAGES[name]):
        assert command[0] == "python"
        if command[1] == "-m":
            module = command[2].removeprefix("lipiyana.").replace(".", "/")
            source = (ROOT / f"{module}.py").read_text("utf-8")
            for function, file in SHARED_OPTIONS.items():
                if f"{function}(" in source:
                    source += (ROOT / file).read_text("utf-8")
        else:
            source = (ROOT / command[1]).read_text("utf-8")
        for option in (word for word in command if word.startswith("--")):
            assert f'"{option}"' in source, (name, option)
