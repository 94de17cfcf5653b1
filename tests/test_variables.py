from __future__ import annotations

import re
from pathlib import Path

import pytest

from lipiyana.server import ServerSettings
from lipiyana.variables import OTHERS, unread_variables

ROOT = Path(__file__).parents[1]
SETTINGS = ServerSettings.model_fields


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LIPIYANA_MAX_QEUE", "LIPIYANA_MAX_QUEUE"),
        ("LIPIYANA_MODEL", "LIPIYANA_MODELS"),
        ("lipiyana_prot", "LIPIYANA_PORT"),
        ("LIPIYANA_SERVER_TOKENS", "LIPIYANA_SERVER_TOKEN"),
        ("LIPIYANA_XYZZY", ""),
    ],
)
def test_a_variable_that_nothing_reads(name: str, nearest: str) -> None:
    (found,) = unread_variables(SETTINGS, {name: "1", "PATH": "/bin", "LIPIYANA_PORT": "1"})
    assert (found.name, found.nearest) == (name, nearest)


def test_known_ones_and_those_of_a_container_s_neighbours_are_silent() -> None:
    known = {f"LIPIYANA_{name.upper()}": "1" for name in SETTINGS} | dict.fromkeys(OTHERS, "1")
    of_a_service = {
        "LIPIYANA_SERVICE_HOST": "10.0.0.1",
        "LIPIYANA_SERVICE_PORT_GRPC": "50051",
        "LIPIYANA_PORT_50051_TCP_ADDR": "10.0.0.1",
        "LIPIYANA_SERVER_PORT": "tcp://10.0.0.1:50051",
    }
    lower = {"lipiyana_max_queue": "1"}
    assert list(unread_variables(SETTINGS, known | of_a_service | lower)) == []


def test_every_variable_that_the_code_names_is_known() -> None:
    named = set()
    for folder in ("src", "ocr", "vehicles"):
        for file in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r'= "(LIPIYANA_[A-Z_]+)"', file.read_text("utf-8")))
    assert named == OTHERS
