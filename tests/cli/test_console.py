"""Untrusted text reaches the terminal without control characters."""

from __future__ import annotations

import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from lipiyana.cli import console
from lipiyana.cli.console import SafeConsole, say_error, say_step, say_warning
from lipiyana.conversions.visible_text import shown, visible
from lipiyana.errors import NotFound
from lipiyana.rows.text_forms import JsonLines

HOSTILE = "a\x1b[2Jb\x9b31mc\rd\x08e\x7ff\u202eg\u2028h\x1b]0;title\x07"
ALLOWED = {"\n"}


def terminal_controls(text: str) -> set[str]:
    controls = {chr(code) for code in (*range(32), *range(127, 160), 0x2028, 0x2029, 0x202E)}
    return set(text) & controls - ALLOWED


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    out = io.StringIO()
    terminal = SafeConsole()
    terminal.file = out
    monkeypatch.setattr(console, "stderr", lambda: terminal)
    return out


@pytest.mark.parametrize("say", [say_error, say_warning, say_step])
def test_messages_contain_no_control_characters(say: object, output: io.StringIO) -> None:
    say(HOSTILE)  # type: ignore[operator]
    assert not terminal_controls(output.getvalue())
    assert r"a\x1b[2Jb\x9b31mc\rd\x08e\x7ff\u202eg\u2028h\x1b]0;title\x07" in output.getvalue()


@pytest.mark.parametrize("say", [say_error, say_warning, say_step])
def test_lines_of_a_message_cannot_imitate_another_message(
    say: object, output: io.StringIO
) -> None:
    say("x\nerror: y\n  z")  # type: ignore[operator]
    assert "\n  error: y\n  z\n" in output.getvalue()


def test_tables_contain_no_control_characters(output: io.StringIO) -> None:
    table = Table(HOSTILE, box=None)
    table.add_row(Text(HOSTILE))
    console.stderr().print(table)
    assert not terminal_controls(output.getvalue())
    assert output.getvalue().count(r"\x1b[2J") == 2


def test_colours_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLORTERM": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()
    terminal = SafeConsole()
    terminal.file = out
    terminal.print(Text("red", "red"))
    assert out.getvalue() == "\x1b[31mred\x1b[0m\n"


@given(st.text())
def test_visible_text_is_unchanged(text: str) -> None:
    once = visible(text)
    assert not terminal_controls(once)
    assert visible(once) == once


def test_a_name_is_one_line() -> None:
    assert shown("a\nerror: b\x1b.jpg") == r"a\nerror: b\x1b.jpg"
    assert shown("बस/१\u200d.jpg") == "बस/१\u200d.jpg"
    assert shown(os.fsdecode(b"\xff\x1b")) == r"%FF\x1b"


def test_rows_escape_control_characters_and_keep_their_content() -> None:
    row = JsonLines().encode(HOSTILE, NotFound(HOSTILE))
    assert not terminal_controls(row.decode())
    assert json.loads(row)["path"] == json.loads(row)["error"]["message"] == HOSTILE
