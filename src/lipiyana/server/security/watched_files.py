"""Files that are read again when they change."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int]


class WatchedFiles:
    """Detects changed files: by writing, by renaming, or by a changed symbolic link.

    It checks the files only when it is called, which takes microseconds and needs no thread.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen: tuple[Stamp | None, ...] | None = None

    def changed(self) -> bool:
        """Whether a file has changed since the last call; True at the first call."""
        now = tuple(_stamp(path) for path in self._paths)
        changed, self._seen = now != self._seen, now
        return changed


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
