"""Modules that need an extra name it where it is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
        ("lipiyana.cluster.engine", "ray", "ray"),
        ("lipiyana.cache.store", "cachetools", "server"),
        ("lipiyana.server.settings.model", "pydantic_settings", "server"),
        ("lipiyana.rendering.text.shaping", "uharfbuzz", "render"),
        ("lipiyana.rendering.fonts.faces", "freetype", "render"),
        ("lipiyana.drift.watching.stream", "river", "drift"),
        ("lipiyana.rows.schema", "pyarrow", "parquet"),
        ("lipiyana.watch.inputs.decoding", "av", "video"),
        ("lipiyana.watch.annotated", "av", "video"),
        ("lipiyana.watch.regions", "yaml", "video"),
        ("lipiyana.rows.parquet_output", "pyarrow", "parquet"),
    ],
)
def test_the_error_names_the_extra(module: str, package: str, extra: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import {module}"
    last = last_line_of_error(program)
    assert last.startswith("lipiyana.errors.MissingExtra: ")
    assert f"needs the extra '{extra}'" in last


@pytest.mark.parametrize(
    ("command", "package"),
    [("rules", "rapidfuzz"), ("rules", "yaml"), ("forward", "urllib3"), ("forward", "zstandard")],
)
def test_a_command_of_events_names_their_extra(command: str, package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from lipiyana.cli.extras import import_with\n"
        f"import_with('events', 'lipiyana.cli.events.{command}', 'lipiyana {command}')"
    )
    last = last_line_of_error(program)
    assert last.startswith(
        f"lipiyana.errors.MissingExtra: lipiyana {command} needs the extra 'events'"
    )


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


@pytest.mark.parametrize(
    "command",
    [
        "models quantize reader --calibration samples/plates",
        "models prune --out pruned",
        "models distill --photos samples/scenes --out distilled",
        "finetune reader samples/plates",
        "finetune vehicles samples/scenes",
    ],
)
def test_a_command_without_its_extra_fails_in_one_line(command: str) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('onnx', 'torch', 'rapidfuzz', 'jinja2')))\n"
        "from lipiyana.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs the extra 'train'" in done.stderr
    assert "Traceback" not in done.stderr


def test_watching_without_its_extra_fails_in_one_line() -> None:
    last = last_line_of_error(
        "import sys; sys.modules['av'] = None; sys.argv[1:] = ['watch', 'gate.avi']\n"
        "from lipiyana.cli.main import main; main()"
    )
    assert last.startswith("error: lipiyana watch needs the extra 'video': pip install ")
