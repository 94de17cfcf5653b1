"""The API reference has every public name, once."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module

import pytest
from blocks import ROOT

import lipiyana
import lipiyana.server

PAGES = "".join(page.read_text("utf-8") for page in sorted((ROOT / "docs" / "api").glob("*.md")))
ENTRIES = re.findall(r"^::: (\S+)$", PAGES, re.MULTILINE)
ERRORS = {name for name, value in vars(lipiyana.errors).items() if isinstance(value, type)}


@pytest.mark.parametrize("package", [lipiyana, lipiyana.server])
def test_every_public_name_is_on_a_page(package: object) -> None:
    names = Counter(entry.rpartition(".")[2] for entry in ENTRIES) + Counter(ERRORS)
    public = package.__all__  # type: ignore[attr-defined]
    assert [name for name in public if names[name] != 1] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_is_there(entry: str) -> None:
    module, _, name = entry.rpartition(".")
    assert getattr(import_module(module), name) is not None
