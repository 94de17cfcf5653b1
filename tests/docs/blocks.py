"""The code blocks of the public pages, and whether each is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    )
)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+) -->\s*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block.

    Attributes:
        page: path of its page from the root of the project.
        line: of its fence, from 1.
        language: the word after the fence; "" if there is none.
        text: the code.
        not_run: why it is not run; "" if it is run.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str

    @property
    def name(self) -> str:
        """Its page and line, for messages and names of tests."""
        return f"{self.page}:{self.line}"


def blocks_of(page: str) -> Iterator[Block]:
    """Read the code blocks of a page, in their order."""
    before = None
    for token in MarkdownIt().parse((ROOT / page).read_text("utf-8")):
        if token.type == "fence":
            assert token.map is not None
            marker = _NOT_RUN.fullmatch(before.content) if before is not None else None
            reason = marker["reason"] if marker else ""
            yield Block(page, token.map[0] + 1, token.info.strip(), token.content, reason)
        before = token if token.type == "html_block" else None


BLOCKS = tuple(block for page in PAGES for block in blocks_of(page))
