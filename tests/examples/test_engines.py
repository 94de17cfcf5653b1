"""The examples for engines write the rows that `RowReader` gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
import pyarrow.dataset as ds

from lipiyana.rows.columns import recognition_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ["spark", "daft", "dask"])
def test_rows_of_an_engine(engine: str, tmp_path: Path) -> None:
    pytest.importorskip({"spark": "pyspark"}.get(engine, engine), reason=f"needs {engine}")
    if engine == "spark" and not shutil.which("java"):
        pytest.skip("needs java")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for picture in sorted((ROOT / "samples" / "plates").glob("*.jpg"))[:2]:
        shutil.copy(picture, pictures)
    (pictures / "broken.jpg").write_text("no picture")
    script = ROOT / "examples" / "engines" / f"with_{engine}.py"
    subprocess.run(
        [sys.executable, str(script), str(pictures), str(tmp_path / "rows")],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        check=True,
    )
    rows = {
        Path(row["path"]).name: row for row in ds.dataset(tmp_path / "rows").to_table().to_pylist()
    }
    assert rows.pop("broken.jpg")["error_reason"] == "NOT_AN_IMAGE"
    for name in ("01_standard_1row.jpg", "02_standard_2row.jpg"):
        found = recognition_of(rows.pop(name))
        assert found is not None
        assert found.plates[0].registration.valid
    assert not rows
