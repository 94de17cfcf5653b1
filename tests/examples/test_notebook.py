"""The notebook runs from its first cell to its last, and is stored without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "notebook" / "lipiyana.ipynb"

# a process of its own: warnings of Jupyter's packages are errors here
RUN = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The cells with code, with their outputs."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    folder = tmp_path_factory.mktemp("notebook")
    target = folder / "run.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK), str(target)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "IPYTHONDIR": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return [cell for cell in json.loads(target.read_text())["cells"] if cell.get("outputs")]


def said(cells: list[dict[str, Any]], text: str) -> str:
    """What the cell with this code printed."""
    (cell,) = (cell for cell in cells if text in "".join(cell["source"]))
    outputs = (
        output.get("text") or output["data"].get("text/html") or output["data"].get("text/plain")
        for output in cell["outputs"]
    )
    return "".join("".join(part) for part in outputs)


def test_the_notebook_runs(cells: list[dict[str, Any]]) -> None:
    assert "श्री गणेश मिष्ठान भंडार" in said(cells, "recognizer = LocalRecognizer()")
    assert "<td>DL10R9956</td>" in said(cells, "def plate_rows")
    assert "missing.jpg" in said(cells, "recognize_batch")
    assert "auto_rickshaw" in said(cells, "recognize_stream")
    assert "cache: hit" in said(cells, "Client(server.target)")
    assert "'canonical': 'DL10R9956'" in said(cells, "found.to_dict()")
    (drawn,) = (cell for cell in cells if "def drawn" in "".join(cell["source"]))
    assert "image/png" in drawn["outputs"][0]["data"]


def test_it_is_stored_without_outputs() -> None:
    stored = json.loads(NOTEBOOK.read_text())
    assert NOTEBOOK.stat().st_size < 20_000
    for cell in stored["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
