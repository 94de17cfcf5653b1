from __future__ import annotations

import shutil
from pathlib import Path

from common.readme_tables import READER, VEHICLES, scores_of, write_readme

ROOT = Path(__file__).parents[2]


def _copy(folder: Path) -> Path:
    (folder / "docs" / "results").mkdir(parents=True)
    for name in ("README.md", "docs/results/reader.md", "docs/results/vehicles.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_figures_are_those_of_the_results(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    write_readme(copy)
    assert (copy / "README.md").read_text("utf-8") == (ROOT / "README.md").read_text("utf-8")


def test_other_results_give_other_tables(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    for name, exact in (("reader.md", "| 81.1 |"), ("vehicles.md", "| 39.4 |")):
        page = copy / "docs" / "results" / name
        text = page.read_text("utf-8")
        assert exact in text
        page.write_text(text.replace(exact, "| 12.3 |"), "utf-8")
    write_readme(copy)
    text = (copy / "README.md").read_text("utf-8")
    for begin, end in (READER, VEHICLES):
        assert "| 12.3 |" in text.partition(begin)[2].partition(end)[0]


def test_a_table_is_read_by_its_headings() -> None:
    page = "| x |\n\n<!-- scores: -->\n\n| a | b |\n| --- | ---: |\n| 1 |  |\n\n| c |\n| 2 |\n"
    assert scores_of(page) == [{"a": "1", "b": ""}]
