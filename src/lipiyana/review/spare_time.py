"""Small jobs beside the real work: on one thread, for a share of its time, dropped under load."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class SpareTime:
    """Does jobs one after another, and rests after each so that they take `share` of one CPU.

    Jobs must not raise. Safe to share between threads.
    """

    def __init__(self, regular: Job, every: float, *, share: float = 0.1, bound: int = 4) -> None:
        """Start the thread.

        Args:
            regular: a job that is done again and again, whatever else comes.
            every: seconds from one time to the next.
            share: of the time, above 0 and 1 at most.
            bound: jobs that may wait.
        """
        self._regular, self._every = regular, every
        self._share, self._bound = share, bound
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        # a daemon: remaining jobs must not keep the process alive
        self._thread = threading.Thread(target=self._work, name="lipiyana-spare-time", daemon=True)
        self._thread.start()

    def offer(self, job: Job) -> bool:
        """Queue a job; False if too many wait already, or this is closed."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._bound:
                return False
            self._jobs.append(job)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """Finish the job under way and drop those that wait. Blocks."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        due = time.monotonic() + self._every
        while True:
            with self._changed:
                while not self._closed and not self._jobs and time.monotonic() < due:
                    self._changed.wait(due - time.monotonic())
                if self._closed:
                    return
                is_due = time.monotonic() >= due
                job = self._regular if is_due else self._jobs.popleft()
            began = time.monotonic()
            job()
            del job  # its picture is not to stay while this thread waits
            if is_due:
                due = began + self._every
            rest = (time.monotonic() - began) * (1 / self._share - 1)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, rest)
