"""The Dockerfile: hadolint accepts it, and the files that it copies are in its context."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from chart import ROOT
from needs import DEPLOY
from packaging.requirements import Requirement
from typer.testing import CliRunner

from lipiyana.cli.main import app

DOCKERFILE = ROOT / "deploy" / "container" / "Dockerfile"
TEXT = DOCKERFILE.read_text("utf-8")
CONSTRAINTS = ROOT / "deploy" / "container" / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def image_size() -> object:
    spec = importlib.util.spec_from_file_location("image_size", ROOT / "scripts" / "image_size.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_in_context(path: str) -> bool:
    """Apply .dockerignore as Docker does: of the rules that match, the last one counts."""
    included = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removeprefix("**/")
        parents = [path, *map(str, Path(path).parents)][:-1]
        names = Path(path).parts
        anywhere = rule.startswith("**/")
        if any(fnmatch(name, pattern) for name in (names if anywhere else parents)):
            included = rule.startswith("!")
    return included


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_hadolint_finds_nothing() -> None:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}") or shutil.which(
        "hadolint"
    )
    if program is None:
        pytest.skip(DEPLOY)
    done = subprocess.run([program, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_last_stage_has_no_tools_and_no_root() -> None:
    *_, last = TEXT.split("\nFROM ")
    assert "apt-get" not in TEXT
    assert "pip install" not in last
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert re.fullmatch(r"3\.\d+\.\d+-slim-\w+", image_size().argument("PYTHON"))


def test_its_command_is_one_of_this_version() -> None:
    found = re.search(r'^CMD \["lipiyana", "serve", (.*)\]$', TEXT, re.MULTILINE)
    assert found is not None
    said = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["serve", "--help"]).output
    options = re.findall(r'"(--[a-z-]+)"', found[1])
    assert len(options) == 3
    assert [option for option in options if option not in said] == []


def test_what_it_copies_is_in_the_context_and_makes_the_same_wheel(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in filter(is_in_context, tracked()):
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, path, follow_symlinks=False)
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert [source for source in copied if not (context / source).exists()] == []
    top = {Path(source).parts[0] for source in copied}
    assert {path.name for path in context.iterdir()} == top
    assert not list(context.rglob("*.pem"))
    command = [sys.executable, "-m", "pip", "-qq", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(context)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    code = [name for name in tracked() if re.match(r"(src/lipiyana|ocr|vehicles)/.*\.py$", name)]
    code = [name.removeprefix("src/lipiyana/") for name in code]
    assert len(code) > 300
    assert {f"lipiyana/{name}" for name in code} <= packed


def test_the_constraints_fit_the_requirements() -> None:
    pinned = dict(
        line.split("==")
        for line in CONSTRAINTS.read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    extras = image_size().argument("EXTRAS").split(",")
    wanted = [
        *PROJECT["dependencies"],
        *(row for extra in extras for row in PROJECT["optional-dependencies"][extra]),
    ]
    for row in map(Requirement, wanted):
        assert pinned[row.name] in row.specifier, row


def test_the_constraints_name_nothing_that_the_image_lacks() -> None:
    needed: set[str] = set()
    python = ".".join(image_size().argument("PYTHON").split(".")[:2])

    def need(requirement: Requirement) -> None:
        asked = {f"{requirement.name}[{extra}]" for extra in requirement.extras} | {
            requirement.name
        }
        if asked <= needed:
            return
        needed.update(asked)
        for row in distribution(requirement.name).requires or []:
            inner = Requirement(row)
            places = [{"extra": e, "python_version": python} for e in ("", *requirement.extras)]
            if not inner.marker or any(inner.marker.evaluate(place) for place in places):
                need(inner)

    try:
        need(Requirement(f"lipiyana[{image_size().argument('EXTRAS')}]"))
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in needed}
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    pinned = {line.split("==")[0] for line in lines if not line.startswith("#")}
    assert pinned <= names


def test_the_image_is_that_of_the_version() -> None:
    version = PROJECT["version"]
    for path in ("deploy/compose.yaml", "deploy/container/Dockerfile"):
        assert f"lipiyana:{version}" in (ROOT / path).read_text("utf-8")
    chart = (ROOT / "deploy" / "helm" / "lipiyana" / "Chart.yaml").read_text("utf-8")
    assert f"appVersion: {version}\n" in chart
