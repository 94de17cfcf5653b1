from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest
from lipiyana.runtime.container import container_memory
from lipiyana.server.processes.memory import (
    memory_bounds,
    refuse_workers_without_memory,
    warn_of_too_little_memory,
)
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import MEBIBYTE


def cgroup(root: Path, version: int, text: str) -> Path:
    file = root / ("memory.max" if version == 2 else "memory/memory.limit_in_bytes")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "ascii")
    return root


@pytest.mark.parametrize(
    ("version", "text", "limit"),
    [
        (2, "104857600\n", 100 * MEBIBYTE),
        (2, "max\n", None),
        (1, "104857600\n", 100 * MEBIBYTE),
        (1, "9223372036854771712\n", None),
    ],
)
def test_the_memory_limit_of_a_container_is_read(
    tmp_path: Path, version: int, text: str, limit: int | None
) -> None:
    assert container_memory(cgroup(tmp_path, version, text)) == limit


def test_without_a_container_there_is_no_limit(tmp_path: Path) -> None:
    assert container_memory(tmp_path) is None


def test_a_container_that_is_too_small_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ServerSettings(threads=1, max_streams=60)
    with caplog.at_level(logging.WARNING, "lipiyana.server"):
        warn_of_too_little_memory(settings, cgroup(tmp_path, 2, f"{1000 * MEBIBYTE}"))
    assert re.search(
        r"use \d{4} MiB, but only 1000 MiB are available: .* max_streams 1920 MiB", caplog.text
    )


def test_a_container_that_is_large_enough_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ServerSettings(
        threads=1,
        max_streams=1,
        max_message_bytes=MEBIBYTE,
        max_receiving_bytes=MEBIBYTE,
        max_decoded_bytes=32 * MEBIBYTE,
        max_connections=4,
    )
    bytes_all = sum(memory_bounds(settings).values())
    warn_of_too_little_memory(settings, cgroup(tmp_path, 2, str(bytes_all)))
    assert not caplog.records


def test_workers_that_do_not_fit_into_the_memory_are_refused(tmp_path: Path) -> None:
    root = cgroup(tmp_path, 2, f"{1000 * MEBIBYTE}")
    refuse_workers_without_memory(ServerSettings(workers=6), root)
    with pytest.raises(InvalidRequest, match=r"workers is 7: .*must be at most 6$") as caught:
        refuse_workers_without_memory(ServerSettings(workers=7), root)
    assert (caught.value.field, caught.value.reason) == ("workers", "INVALID_SETTINGS")
