"""Every code block of the pages runs as pasted, or says above it why it does not."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from blocks import BLOCKS, PAGES, ROOT, Block
from needs import CLUSTER, CURL, OPENSSL
from packaging.requirements import Requirement
from stage import Stage, missing_program

from lipiyana.cli.main import app
from lipiyana.server import ServerSettings

# tests/examples/test_javascript.py runs what is JavaScript
LANGUAGES = {"sh", "python", "toml", "json", "text", "diff", "javascript"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RUN = [block for block in BLOCKS if not block.not_run and block.language in {"sh", "python"}]
NOT_RUN = [block for block in BLOCKS if block.not_run]
name = Block.name.fget


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """The folders by page; one page at a time is at work."""
    stages: dict[str, Stage] = {}
    yield stages
    for stage in stages.values():
        stage.close()


@pytest.mark.parametrize("block", RUN, ids=name)
def test_it_runs_as_pasted(
    block: Block, stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if missing := missing_program(block):
        pytest.skip({"openssl": OPENSSL, "curl": CURL, "ray": CLUSTER}[missing])
    if block.page not in stages:
        for stage in stages.values():
            stage.close()
        stages.clear()
        stages[block.page] = Stage(tmp_path_factory.mktemp("page") / "here", block.page)
    page = [other for other in BLOCKS if other.page == block.page and not other.not_run]
    stages[block.page].run(block, tuple(page[: page.index(block)]))


@pytest.mark.parametrize("block", NOT_RUN, ids=name)
def test_commands_of_blocks_that_are_not_run_exist(block: Block, tmp_path: Path) -> None:
    assert block.language == "sh"
    parsed = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, check=False)
    assert parsed.returncode == 0, parsed.stderr.decode()
    for words in commands_of(block.text):
        match Path(words[0]).name, *words[1:]:
            case "lipiyana", *arguments:
                require_options(arguments)
            case "make", *targets:
                subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)
            case "python", script, *_ if script.endswith(".py"):
                assert (ROOT / script).is_file()
            case "pip", "install", *what:
                require_extras([one for one in what if one.startswith(".")])


def test_few_blocks_are_not_run() -> None:
    assert all(len(block.not_run) > 20 for block in NOT_RUN)
    assert len(NOT_RUN) <= 32  # of more than 70 commands and programs


@pytest.mark.parametrize("page", PAGES)
def test_languages_are_named_and_data_parses(page: str) -> None:
    for block in (block for block in BLOCKS if block.page == page):
        assert block.language in LANGUAGES, block.name
        if block.language == "json":
            json.loads(block.text)
        if block.language == "toml":
            ServerSettings(**tomllib.loads(block.text))


def commands_of(text: str) -> Iterator[list[str]]:
    """The commands of a block, without comments and assignments."""
    for line in text.replace("&&", "\n").replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def require_options(arguments: list[str]) -> None:
    """Parse a command of `lipiyana` without running it."""
    command: click.Command = typer.main.get_command(app)
    context = click.Context(command, info_name="lipiyana")
    while isinstance(command, click.Group):
        _, command, arguments = command.resolve_command(context, arguments)  # type: ignore[assignment]
        context = click.Context(command, parent=context, info_name=command.name)
    command.parse_args(context, list(arguments))


def require_extras(requirements: list[str]) -> None:
    """Refuse extras that the project has not."""
    for requirement in requirements:
        extras = Requirement("lipiyana" + requirement.removeprefix(".")).extras
        assert extras <= set(PROJECT["optional-dependencies"])


def test_no_two_commands_write_the_same_file() -> None:
    """Whoever pastes one guide after the other into one folder has no conflict."""
    writers: dict[str, set[str]] = {}
    for block in RUN:
        if block.language != "sh":
            continue
        for command, rest in re.findall(r"^lipiyana (\w+)((?:.*\\\n)*.*)$", block.text, re.M):
            for name in re.findall(r"(?:--output|-o) (\S+\.jsonl)\b", rest):
                writers.setdefault(name, set()).add(command)
    assert writers
    assert {name: found for name, found in writers.items() if len(found) > 1} == {}
