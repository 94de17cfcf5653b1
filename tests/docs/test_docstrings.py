"""The examples in the docstrings of the public entry points run and give what they show."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest
from blocks import ROOT

import lipiyana

MODULES = {
    "lipiyana": {"lipiyana"},
    "lipiyana.client.asynchronous": {"AsyncClient"},
    "lipiyana.client.synchronous": {"Client"},
    "lipiyana.errors": {"LipiyanaError"},
    "lipiyana.inputs": {"Frame", "RawImage", "RecognitionConfig"},
    "lipiyana.pipeline": {"LocalRecognizer"},
    "lipiyana.recognizer": {"FrameResult", "Recognizer"},
    "lipiyana.rows.reader": {"RowReader"},
    "lipiyana.server": {"server"},
    "lipiyana.types": {"Box", "Recognition", "Registration"},
}
"""The modules, each with what has an example there."""

PACKAGE = Path(lipiyana.__file__).parent
ROOTS = "|".join(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert {test.name.rpartition(".")[2] for test in found} == MODULES[name]
    assert not [e for test in found for e in test.examples if doctest.SKIP in e.options]
    result = doctest.testmod(module)
    assert (result.failed, result.attempted) == (0, sum(len(test.examples) for test in found))


def test_entry_points_have_an_example() -> None:
    entries = set().union(*MODULES.values())
    assert {"AsyncClient", "Client", "LocalRecognizer", "RecognitionConfig"} <= entries
    assert entries - {"lipiyana", "server", "RowReader"} <= set(lipiyana.__all__)


def _exists(name: str) -> bool:
    """Whether a dotted name below the package is a module, or stands in the longest one of it."""
    place, parts = PACKAGE, name.removeprefix("lipiyana.").split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if parts and (place / f"{parts[0]}.py").is_file():
        place = place / f"{parts.pop(0)}.py"
    text = (place / "__init__.py" if place.is_dir() else place).read_text("utf-8")
    return all(re.search(rf"\b{part}\b", text) for part in parts)


def test_modules_that_docstrings_name_exist() -> None:
    folders = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "v1"]
    files = [*PACKAGE.glob("*.py"), *(file for path in folders for file in path.rglob("*.py"))]
    named = {
        (file.relative_to(PACKAGE).as_posix(), name)
        for file in files
        for name in re.findall(rf"`((?:lipiyana|{ROOTS})(?:\.\w+)+)`", file.read_text("utf-8"))
        if not name.startswith("lipiyana.v1.")
    }
    assert len(named) > 20
    assert [one for one in sorted(named) if not _exists(one[1])] == []
