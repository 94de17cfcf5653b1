from __future__ import annotations

from pathlib import Path

import pytest
from common.report_tables import markdown_table, write_between

MARKS = ("<!-- begin -->", "<!-- end -->")


def test_columns_are_set_left_by_their_headings() -> None:
    text = markdown_table(("name", "score"), [("a", "1"), ("b", "2")], {"name"})
    assert text.splitlines() == [
        "| name | score |", "| --- | ---: |", "| a | 1 |", "| b | 2 |",
    ]  # fmt: skip


def test_text_outside_the_marks_is_unchanged(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nrest\n", "utf-8")
    for _ in range(2):
        write_between(page, MARKS, ["one", "two"])
        assert page.read_text("utf-8") == (
            f"# Title\n\n{MARKS[0]}\n\none\n\ntwo\n\n{MARKS[1]}\n\nrest\n"
        )


@pytest.mark.parametrize("text", ["", MARKS[0], MARKS[1]])
def test_a_page_without_the_marks(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="has no marks for the tables"):
        write_between(page, MARKS, ["one"])
    assert page.read_text("utf-8") == text
