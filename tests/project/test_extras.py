"""Modules that need an extra name it where it is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


def last_line_of_error(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("lipiyana.cache.keys", "xxhash", "server"),
        ("lipiyana.cache.store", "cachetools", "server"),
        ("lipiyana.server.settings.model", "pydantic_settings", "server"),
        ("lipiyana.rendering.text.shaping", "uharfbuzz", "render"),
        ("lipiyana.rendering.fonts.faces", "freetype", "render"),
    ],
)
def test_the_error_names_the_extra(module: str, package: str, extra: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import {module}"
    last = last_line_of_error(program)
    assert last.startswith("lipiyana.errors.MissingExtra: ")
    assert f"needs the extra '{extra}'" in last


def test_a_command_names_the_extra_that_has_all_it_needs() -> None:
    program = (
        "import sys; sys.modules['freetype'] = None\n"
        "from lipiyana.cli.extras import import_with\n"
        "import_with('train', 'lipiyana.rendering.fonts.faces', 'lipiyana finetune')"
    )
    last = last_line_of_error(program)
    assert last.startswith(
        "lipiyana.errors.MissingExtra: lipiyana finetune needs the extra 'train'"
    )
