"""The stages of dvc.yaml against DVC's documented schema, and against this project's programs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))


def with_item(node: Any, key: str, item: Any) -> Any:
    """Fill what a stage of `foreach` takes from its item; what parameters say stays."""
    if isinstance(node, dict):
        return {with_item(k, key, item): with_item(v, key, item) for k, v in node.items()}
    if isinstance(node, list):
        return [with_item(one, key, item) for one in node]
    if not isinstance(node, str):
        return node
    fields = item if isinstance(item, dict) else {}
    known = {"key": key, "item": item} | {f"item.{name}": one for name, one in fields.items()}
    return re.sub(r"\$\{((?:item|key)[\w.]*)\}", lambda match: str(known[match[1]]), node)


def each_stage() -> dict[str, dict[str, Any]]:
    """All stages, those of `foreach` one by one under the names that DVC gives them."""
    stages = {}
    for name, stage in FILE["stages"].items():
        if "foreach" not in stage:
            stages[name] = stage
            continue
        items = stage["foreach"]
        named = items if isinstance(items, dict) else {str(item): item for item in items}
        for key, item in named.items():
            stages[f"{name}@{key}"] = with_item(stage["do"], key, item)
    return stages


STAGES = each_stage()

STAGE_KEYS = {
    "cmd", "wdir", "deps", "params", "outs", "metrics", "plots", "frozen", "always_changed",
    "meta", "desc", "vars",
}  # fmt: skip
SHARED_OPTIONS = {
    "add_run_options": "src/lipiyana/learning/trainer/run_options.py",
    "add_variety_options": "vehicles/training/data/variety.py",
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
    for stage in FILE["stages"].values():
        assert "foreach" not in stage or set(stage) == {"foreach", "do"}
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
            module = command[2].replace(".", "/")
            source = (ROOT / "src" / f"{module}.py").read_text("utf-8")
            for function, file in SHARED_OPTIONS.items():
                if f"{function}(" in source:
                    source += (ROOT / file).read_text("utf-8")
        else:
            source = (ROOT / command[1]).read_text("utf-8")
        for option in (word for word in command if word.startswith("--")):
            assert f'"{option}"' in source, (name, option)
