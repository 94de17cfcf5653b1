"""Looks from time to time whether a server can run the models."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from lipiyana.errors import LipiyanaError

_log = logging.getLogger("lipiyana.inference")

LOOK_EVERY = 5.0
"""Seconds between two looks: what a probe of Kubernetes takes to give up a pod is longer."""


class Watch:
    """Knows what the last look found. Has a thread of its own until it is closed."""

    def __init__(
        self,
        missing: Callable[[], Sequence[str]],
        tell: Callable[[bool], None],
        every: float = LOOK_EVERY,
    ) -> None:
        """Look at once, then again and again.

        Args:
            missing: names the models that cannot be run; raises where the server does not answer.
            tell: called after each look with whether all can be run.
            every: seconds between two looks.
        """
        self.ready = True
        self._missing, self._tell, self._every = missing, tell, every
        self._closed = threading.Event()
        self.look()
        self._thread = threading.Thread(target=self._run, name="lipiyana-inference", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look once; log a change."""
        try:
            missing = self._missing()
            why = f"the server of models cannot run {', '.join(missing)}" if missing else ""
        except LipiyanaError as error:
            why = error.message
        if self._closed.is_set():
            return
        if bool(why) == self.ready:
            _log.log(
                logging.WARNING if why else logging.INFO,
                "%s", why or "the server of models can run all models again",
            )  # fmt: skip
        self.ready = not why
        self._tell(self.ready)

    def _run(self) -> None:
        while not self._closed.wait(self._every):
            self.look()

    def close(self) -> None:
        """End the thread after its look."""
        self._closed.set()
