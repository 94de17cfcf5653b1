"""One `DriftWatch` for all recognizers of this process with the same models and folder.

When a server reloads, the recognizer from before still ends its calls while the next one begins.
If both have the same models they share the watch, so that its window, its counts and what it has
flagged go on. A recognizer with other models gets a watch of its own, with files of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from lipiyana.drift.profile import Models, Profile
from lipiyana.drift.watching.watch import DriftNews, DriftObserver, DriftWatch

_watches: list[DriftWatch] = []
_lock = threading.Lock()


def shared_watch(
    models: Models,
    profile: Profile | None,
    folder: Path,
    observer: DriftObserver | None = None,
    open_news: Callable[[], DriftNews | None] = lambda: None,
) -> DriftWatch:
    """Give the watch that runs for these models, this folder and observer, or start one.

    Each caller closes it; it ends with the last one.

    Args:
        models: digests of those that read.
        profile: what is expected from now on.
        folder: keeps the counts.
        observer: told of each comparison.
        open_news: opens what is told when drift begins and ends; called for a new watch alone.

    Raises:
        LipiyanaError: as `DriftWatch`, or by `open_news`.
    """
    with _lock:
        for watch in _watches:
            if watch.is_of(models, folder, observer) and watch.share(profile):
                return watch
        news = open_news()
        try:
            watch = DriftWatch(models, profile, folder, observer, news=news)
        except BaseException:
            if news is not None:
                news.close()
            raise
        _watches[:] = [*(one for one in _watches if not one.closed), watch]
        watch.start()
        return watch
