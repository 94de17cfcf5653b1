"""`DriftWatch`: watches what a recognizer reads, beside the reading."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lipiyana.arrays import Features, RgbArray
from lipiyana.drift.comparison import Difference
from lipiyana.drift.counting.answers import observe_answer
from lipiyana.drift.counting.picture import observe_pixels
from lipiyana.drift.counting.signals import Observation
from lipiyana.drift.profile import Models, Profile, require_same_models
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.camera import LAST, Camera
from lipiyana.drift.watching.state import StateFolder
from lipiyana.drift.watching.windows import HOUR
from lipiyana.errors import MissingExtra
from lipiyana.types import CachePolicy, Layout, Recognition, RecognitionConfig

if TYPE_CHECKING:
    from lipiyana.drift.watching.stream import StreamChanges

ALL = "all"
"""The camera of callers without a key, and of those beyond `DRIFT.cameras`."""

_SAVE_SECONDS = 300.0
_LOOK_SECONDS = 1.0
_WAITING = 1000
_DAY = 24
_RECENT = 64  # pictures that may still be judged

_camera: ContextVar[str] = ContextVar("lipiyana_drift_camera", default="")
_log = logging.getLogger(__name__)


class DriftObserver(Protocol):
    """Shows what has drifted."""

    def drift_observed(self, camera: str) -> None:
        """Count a picture."""
        ...

    def drift_repeated(self, camera: str) -> None:
        """Count a picture that the watch did not count, since an equal one was just there."""
        ...

    def drift_compared(
        self, camera: str, differences: Mapping[str, tuple[Difference, ...]], flagged: int
    ) -> None:
        """Show the differences, by what was compared with, and the number of flagged signals."""
        ...


class DriftNews(Protocol):
    """Is told when drift begins and ends. It must not block."""

    def write(self, row: Mapping[str, Any], /) -> None:
        """Take an event of plain values."""
        ...

    def close(self) -> None:
        """No more events come."""
        ...


@contextmanager
def pictures_of_camera(name: str) -> Iterator[None]:
    """Say whose pictures are read in this context."""
    token = _camera.set(name)
    try:
        yield
    finally:
        _camera.reset(token)


class DriftWatch:
    """Counts pictures by camera and compares them, on a thread of its own.

    Safe to share between threads. What the reading thread does is to measure the pixels and to note
    the answer; if more than `_WAITING` notes wait, the oldest are dropped.
    """

    def __init__(
        self,
        models: Models,
        profile: Profile | None = None,
        folder: Path | None = None,
        observer: DriftObserver | None = None,
        clock: Callable[[], float] = time.time,
        news: DriftNews | None = None,
    ) -> None:
        """Load earlier counts.

        Args:
            models: digests of those that read.
            profile: what is expected.
            folder: keeps the counts; None keeps them in memory alone.
            observer: told of each comparison, on the watching thread.
            clock: seconds since 1970.
            news: told when drift begins and ends, on the watching thread; closed with this.

        Raises:
            InvalidRequest: the profile is of other models (OTHER_MODELS).
            PermissionDenied: the folder cannot be used.
        """
        if profile is not None:
            require_same_models(profile.models, models)
        self._profile, self._observer, self._clock = profile, observer, clock
        self._news, self._models = news, dict(models)
        self._folder = None if folder is None else folder.resolve()
        self._users, self._sharing = 1, threading.Lock()
        self._state = None if folder is None else StateFolder(folder, models)
        self._lock = threading.Lock()
        self._cameras: dict[str, Camera] = {}
        self._unsaved: set[tuple[str, int]] = set()
        for name, hours in ({} if self._state is None else self._state.load()).items():
            self._camera_of(name).hours = hours
        self._notes: deque[tuple[str, Observation | bytes]] = deque(maxlen=_WAITING)
        self._recent: deque[tuple[Recognition, Observation]] = deque(maxlen=_RECENT)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="lipiyana-drift", daemon=True)

    def is_of(self, models: Models, folder: Path, observer: DriftObserver | None) -> bool:
        """Whether it watches these models, keeps its counts there, and tells this observer."""
        same = self._models == dict(models) and self._folder == folder.resolve()
        return same and self._observer is observer

    def share(self, profile: Profile | None) -> bool:
        """Take one more user, who closes it too, and another profile; False if it is closed.

        Raises:
            InvalidRequest: the profile is of other models (OTHER_MODELS).
        """
        if profile is not None:
            require_same_models(profile.models, self._models)
        with self._sharing:
            if not self._users:
                return False
            self._users += 1
        if profile != self._profile:
            with self._lock:
                self._profile = profile
                for camera in self._cameras.values():
                    camera.expect(profile, _stream(profile))
        return True

    @property
    def closed(self) -> bool:
        """Whether all users have closed it."""
        return not self._users

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def observe(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        found: Recognition,
        features: Sequence[Features] = (),
    ) -> None:
        """Note a scene that was read; crops, and pictures that bypass caches, are passed over.

        Args:
            pixels: (H, W, 3) RGB.
            config: it was read with.
            found: in it.
            features: of the lines that were read; empty if the reader has none.
        """
        if config.layout is not Layout.SCENE or config.cache_policy is CachePolicy.BYPASS:
            return
        try:
            observation = observe_pixels(pixels) | observe_answer(found, features)
        except Exception as error:  # a fault here must not cost the answer
            _log.error("%s while measuring a picture", type(error).__name__)
            return
        self._notes.append((_camera.get(), observation))
        self._recent.append((found, observation))

    def observe_cached(self, camera: str, key: bytes, config: RecognitionConfig) -> None:
        """Note a scene that a cache answered: it is not counted, but shows a camera that is frozen.

        Args:
            camera: its name, as for `pictures_of_camera`.
            key: of the answer, equal for equal pictures alone.
            config: it was asked with.
        """
        # many hits must not push out what is counted
        if config.layout is Layout.SCENE and len(self._notes) < _WAITING // 2:
            self._notes.append((camera, key))

    @property
    def camera(self) -> str:
        """The camera whose picture is being read on this thread."""
        return _camera.get()

    def is_drifting(self, camera: str) -> bool:
        """Whether a signal of a camera has drifted."""
        with self._lock:
            known = self._cameras.get(self._name(camera))
            return known is not None and bool(known.flagged)

    def strangeness(self, camera: str, pixels: RgbArray, found: Recognition) -> float:
        """How much a picture is of the kind that is new, from 0 to 1; see `Camera`."""
        with self._lock:
            known = self._cameras.get(self._name(camera))
            if known is None or not known.flagged:
                return 0.0
            # the features of its lines are not in the answer
            recent = (one for answer, one in self._recent.copy() if answer is found)
            observation = next(recent, None) or observe_pixels(pixels) | observe_answer(found)
            return known.strangeness(observation)

    def take_notes(self) -> None:
        """Count the pictures that were noted."""
        while self._notes:
            given, observation = self._notes.popleft()
            now = self._clock()
            with self._lock:
                name = self._name(given)
                camera = self._camera_of(name)
                before = camera.flagged
                changed = camera.add(observation, now)
                after, differences, repeated = camera.flagged, camera.differences, camera.repeated
            counted = not repeated and not isinstance(observation, bytes)
            if counted:
                self._unsaved.add((name, int(now // HOUR) // _DAY))
            if self._observer is not None:
                if repeated:
                    self._observer.drift_repeated(name)
                elif counted:
                    self._observer.drift_observed(name)
                if changed:
                    count = len({signal for signals in after.values() for signal in signals})
                    self._observer.drift_compared(name, differences, count)
            if after and (not before or (LAST in after) > (LAST in before)):
                _log.warning("drift of %s: %s", name, _told(after))
            if bool(after) != bool(before) and self._news is not None:
                self._news.write(_event(name, now, after, differences))

    def save(self) -> None:
        """Write what is not on disk; a full disk is logged, and tried again."""
        self._unsaved, unsaved = set(), self._unsaved
        if self._state is None:
            return
        now = self._clock()
        try:
            for name, day in sorted(unsaved):
                self._state.save(name, self._cameras[name].hours, day, now)
            self._state.remove_old(int(now // HOUR))
        except OSError as error:
            self._unsaved |= unsaved
            _log.error("the counts of drift cannot be written: %s", error.strerror)

    def close(self) -> None:
        """Of the last user: count what was noted, and write it. Blocks."""
        with self._sharing:
            if not self._users:
                return
            self._users -= 1
            if self._users:
                return
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self.take_notes()
        self.save()
        if self._state is not None:
            self._state.close()
        if self._news is not None:
            self._news.close()

    def _work(self) -> None:
        saved = time.monotonic()
        while not self._closed.wait(_LOOK_SECONDS):
            try:
                self.take_notes()
                if time.monotonic() - saved >= _SAVE_SECONDS:
                    saved = time.monotonic()
                    self.save()
            except Exception as error:  # a fault here must not end the watch
                _log.error("%s while watching for drift", type(error).__name__)

    def _name(self, given: str) -> str:
        known = given in self._cameras or len(self._cameras) < DRIFT.cameras
        return given if given and known else ALL

    def _camera_of(self, name: str) -> Camera:
        camera = self._cameras.get(name)
        if camera is None:
            camera = self._cameras[name] = Camera(self._profile, _stream(self._profile))
        return camera


def _stream(profile: Profile | None) -> StreamChanges | None:
    """What finds changes within a stream; None where it cannot."""
    if profile is None or not profile.knows_hours:
        return None
    try:
        from lipiyana.drift.watching.stream import StreamChanges
    except MissingExtra:
        return None
    return StreamChanges(profile)


def _event(
    camera: str,
    now: float,
    flagged: Mapping[str, tuple[str, ...]],
    differences: Mapping[str, tuple[Difference, ...]],
) -> dict[str, Any]:
    """What a receiver is told; the id lets it know a message that comes twice."""
    return {
        "id": uuid.uuid4().hex,
        "event": "drift_begins" if flagged else "drift_ends",
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "camera": camera,
        "signals": {against: list(signals) for against, signals in flagged.items()},
        "psi": {
            against: {one.signal: round(one.psi, 3) for one in found if one.drifted}
            for against, found in differences.items()
        },
    }


def _told(flagged: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{', '.join(signals)} (against {name})" for name, signals in flagged.items())
