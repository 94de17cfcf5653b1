"""The folder in which workers combine their metrics; removed even if processes were killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "lipiyana-metrics-"
_LOCK = "lock"
"""Locked by the supervisor while it lives; the system unlocks it if the supervisor is killed."""


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """Create a folder that is removed at the end; remove folders of killed supervisors."""
    import fcntl  # missing on some systems, but not on those that can share a port

    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unlocked = folder / f"{_LOCK}.new"
        with unlocked.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # renamed only when it is locked: another start removes folders with an unlocked file
            unlocked.rename(folder / _LOCK)
            yield folder


def leave_metrics_folder(folder: Path) -> None:
    """Remove the files of this worker, and the folder if no other worker lives.

    Called by a worker whose supervisor was killed.
    """
    with suppress(OSError):
        for file in folder.glob(f"*_{os.getpid()}.db"):
            file.unlink()
        if not any(_is_alive(file) for file in folder.glob("*.db")):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned() -> None:
    import fcntl

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(file: Path) -> bool:
    """Whether the process of a metrics file, `counter_PID.db`, is alive."""
    number = file.stem.rpartition("_")[2]
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
