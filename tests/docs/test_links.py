"""Links between the pages lead somewhere; mkdocs checks those within docs/, `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from blocks import ROOT
from markdown_it import MarkdownIt

DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(
        page for name in ("docs", "examples", "models") for page in (ROOT / name).rglob("*.md")
    ),
]


def _links(page: Path) -> Iterator[str]:
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        for child in token.children or ():
            target = child.attrs.get("href", child.attrs.get("src"))
            if target is not None and "://" not in str(target):
                yield str(target)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_links_of_the_site_stay_in_it() -> None:
    outside = [
        (page.name, link)
        for page in DOCS.rglob("*.md")
        for link in _links(page)
        if not (page.parent / link.partition("#")[0]).resolve().is_relative_to(DOCS)
    ]
    assert outside == []


def test_every_page_is_in_the_navigation() -> None:
    nav = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"])
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert [page for page in pages if page not in nav] == []
