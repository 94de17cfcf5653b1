"""Live sources: a thread decodes, the newest frame wins, and lost connections are made again."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from av.video.reformatter import VideoReformatter

from lipiyana.errors import Unavailable
from lipiyana.stream.newest_frame import Mailbox
from lipiyana.watch.inputs.decoding import FAILURES, VideoPicture, live_frames, open_live, reason_of
from lipiyana.watch.inputs.frames import CameraFrame
from lipiyana.watch.inputs.sources import VideoSource
from lipiyana.watch.settings import WATCH, WatchSettings


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a live source is waited for.

    Attributes:
        timeout: seconds that it may take to answer, and between two frames.
        give_up: seconds without a frame after which it has failed; None for never.
    """

    timeout: float = WATCH.timeout
    give_up: float | None = None


class LiveFrames:
    """The newest frames of an address or a camera."""

    def __init__(
        self,
        source: VideoSource,
        stop: threading.Event,
        *,
        patience: Patience | None = None,
        threads: int = 1,
        notify: Callable[[str], object] = lambda _: None,
        settings: WatchSettings = WATCH,
    ) -> None:
        """Prepare; nothing is opened before the first frame is asked for.

        Args:
            source: what is watched.
            stop: set from elsewhere to end.
            patience: how long it is waited for.
            threads: that decode.
            notify: is given a message when the connection is lost and when it is back.
            settings: tuned constants.
        """
        self._source, self._stop, self._notify = source, stop, notify
        self._patience, self._threads = patience or Patience(), threads
        self._settings = settings
        self._mailbox: Mailbox[CameraFrame] = Mailbox()
        self._changed = threading.Condition()
        self._taken = 0
        self._damaged_in_a_row = 0

    def __iter__(self) -> Generator[CameraFrame | None, None, None]:
        """Give the newest frame whenever one is asked for, or None if none came for a while.

        Raises:
            InvalidImage: it is no live source.
            Unavailable: there was no frame for `Patience.give_up` seconds.
        """
        # a daemon: a camera that never answers must not keep the process alive
        reader = threading.Thread(target=self._read, name="lipiyana-camera", daemon=True)
        reader.start()
        try:
            while not self._stop.is_set():
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._mailbox.frame is not None or self._mailbox.ended,
                        self._settings.idle_seconds,
                    )
                    taken, ended = self._mailbox.take(), self._mailbox.ended
                if taken is None and ended:
                    return
                yield None if taken is None else taken[0]
        finally:
            with self._changed:
                self._mailbox.close()

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            self._connect_again_and_again()
        except BaseException as error:
            failure = error
        with self._changed:
            self._mailbox.end(failure)
            self._changed.notify()

    def _connect_again_and_again(self) -> None:
        reformatter = VideoReformatter()
        seen_at, failures = time.monotonic(), 0
        while not self._ended:
            why, before, began_at = "the stream ended", self._taken, math.inf
            asked_at = time.monotonic()
            try:
                with open_live(self._source, self._timeout, self._threads) as container:
                    if failures:
                        self._notify("connected again")
                    began_at = time.monotonic()
                    frames = live_frames(container, self._count_damaged)
                    for frame in frames:
                        self._damaged_in_a_row = 0
                        if not self._put(VideoPicture(frame, reformatter)):
                            return
            except FAILURES as error:
                why = reason_of(error)
                # PyAV ends a wait that is too long in different ways
                if began_at == math.inf and time.monotonic() - asked_at >= self._timeout:
                    why = f"no answer within {self._timeout:g} s"
            except _TooDamagedError:
                why = "nothing that it sends can be decoded"
            now = time.monotonic()
            if self._taken > before:
                seen_at = now
            if now - began_at >= self._settings.healthy_seconds:
                failures = 0
            waited, limit = now - seen_at, self._patience.give_up
            if limit is not None and waited >= limit:
                long = f" for {limit:g} s" if limit else ""
                raise Unavailable(f"{self._source.shown} gave no frame{long}: {why}")
            delay = self._delay(failures)
            if limit is not None:  # a last attempt when the time is up
                delay = min(delay, limit - waited)
            if not self._ended:
                self._notify(f"{why}; connecting again in {delay:.1f} s")
            failures += 1
            self._stop.wait(delay)

    @property
    def _timeout(self) -> float:
        """Not longer than what is waited for a frame at all; without any, one attempt is made."""
        return min(self._patience.timeout, self._patience.give_up or self._patience.timeout)

    @property
    def _ended(self) -> bool:
        return self._stop.is_set() or self._mailbox.ended

    def _delay(self, failures: int) -> float:
        shortest = min(
            self._settings.most_delay, self._settings.first_delay * 2.0 ** min(failures, 20)
        )
        # many cameras behind one switch must not all come back at once
        return min(self._settings.most_delay, shortest * random.uniform(1.0, 1.5))  # noqa: S311

    def _put(self, picture: VideoPicture) -> bool:
        frame = CameraFrame(self._taken, time.monotonic(), time.time(), picture)
        self._taken += 1
        with self._changed:
            goes_on = self._mailbox.put(frame)
            # what is dropped is not reported, only counted
            self._mailbox.dropped.clear()
            self._changed.notify()
        return goes_on and not self._stop.is_set()

    def _count_damaged(self) -> None:
        self._damaged_in_a_row += 1
        if self._damaged_in_a_row >= self._settings.most_damaged:
            self._damaged_in_a_row = 0
            raise _TooDamagedError


class _TooDamagedError(Exception):
    """Too many packets in a row could not be decoded."""
