"""What the wheel has: all that a checkout has, so that nothing is missing after `pip install`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from lipiyana.learning.finetune.reader.scoring import sample_lines
from lipiyana.samples import sample_folder

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lipiyana"
# folders of the root that links in `src/lipiyana` make subpackages
LINKED = ("models", "ocr", "samples", "vehicles")
# what belongs to a checkout alone: to build things with, and to read on its own pages
NOT_SHIPPED = {"__pycache__"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this checkout was unpacked to."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("src", *LINKED):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored, symlinks=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(built), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = built.glob("*.whl")
    with ZipFile(file) as archive:
        archive.extractall(built / "unpacked")
    return built / "unpacked"


def shipped_files() -> set[str]:
    """Every file of the package and of the folders linked into it, by its path in the wheel."""
    found = set()
    for folder in (PACKAGE, *(PACKAGE / name for name in LINKED)):
        for path in folder.rglob("*"):  # does not follow links by itself
            if path.is_file() and NOT_SHIPPED.isdisjoint(path.parts):
                found.add(path.relative_to(PACKAGE.parent).as_posix())
    return found


def test_the_links_are_those_of_the_root_folders() -> None:
    links = {path.name: path.resolve() for path in PACKAGE.iterdir() if path.is_symlink()}
    assert links == {name: ROOT / name for name in LINKED}


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    within = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    assert {name for name in within if name.startswith("lipiyana/")} == shipped_files()


def test_the_samples_are_scored_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    code = (
        "import lipiyana; from lipiyana.learning.finetune.common.job import Job\n"
        "from lipiyana.learning.finetune.reader.scoring import sample_lines\n"
        "samples = Job.__dataclass_fields__['samples'].default_factory()\n"
        "print(lipiyana.__file__, samples, len(sample_lines(samples)), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(wheel)},
    )  # fmt: skip
    module, folder, count = done.stdout.splitlines()
    assert Path(module) == wheel / "lipiyana" / "__init__.py"
    assert Path(folder) == wheel / "lipiyana" / "samples"
    assert int(count) == len(sample_lines(sample_folder())) > 100


def test_no_module_looks_for_files_outside_of_the_package() -> None:
    for folder in (PACKAGE, *(PACKAGE / name for name in LINKED)):
        for path in folder.rglob("*.py"):
            within = len(path.relative_to(PACKAGE.parent).parts) - 1
            for climbed in re.findall(r"__file__.*?\.parents\[(\d+)\]", path.read_text("utf-8")):
                assert int(climbed) < within, f"{path} looks outside of the installed package"
