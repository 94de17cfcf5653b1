from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lipiyana.server import ServerSettings
from lipiyana.server.security.open_files import files_needed, raise_file_limit, warn_of_open_secrets

PROGRAM = """
import logging
import resource
import sys
from lipiyana.server import ServerSettings
from lipiyana.server.security.open_files import raise_file_limit

logging.basicConfig(format="%(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
raise_file_limit(ServerSettings(max_connections=300, threads=4))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits(soft: int, hard: int) -> tuple[list[int], str]:
    """Return the limits of a process after raising them, and its log."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(soft), str(hard)],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return [int(number) for number in done.stdout.split()], done.stderr


def test_the_limit_is_raised_if_allowed() -> None:
    assert limits(64, 1000) == ([1000, 1000], "")


def test_a_limit_that_is_too_low_is_logged() -> None:
    found, said = limits(64, 64)
    assert found == [64, 64]
    assert "may open 64 files, but these settings need 368" in said
    assert "ulimit -n" in said


def test_every_allowed_connection_has_a_file() -> None:
    small = ServerSettings(max_connections=1, threads=1)
    large = ServerSettings(max_connections=2001, threads=2)
    assert files_needed(large) - files_needed(small) == 2001


def test_a_limit_is_never_lowered() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_file_limit(ServerSettings())
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("mode", "owner", "what"),
    [
        (0o600, "user", ""),
        (0o400, "user", ""),
        (0o640, "user", "read"),
        (0o640, "root", ""),
        (0o644, "root", "read"),
        (0o602, "user", "write"),
        (0o620, "root", "write"),
        (0o666, "user", "read and write"),
    ],
)
def test_secrets_accessible_to_other_users_are_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mode: int,
    owner: str,
    what: str,
) -> None:
    key = tmp_path / "server.key"
    key.touch()
    key.chmod(mode)
    true_stat = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        fields = list(true_stat(path, **options))
        fields[4] = 0 if owner == "root" else 1000
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    settings = ServerSettings(tls_certificate=tmp_path, tls_key=key, tokens=key)
    tmp_path.chmod(0o755)  # certificates may be readable by everybody
    with caplog.at_level(logging.WARNING):
        warn_of_open_secrets(settings)
    said = [f"other users may {what} {key}: `chmod 600` it"] * 2 if what else []
    assert caplog.messages == said
