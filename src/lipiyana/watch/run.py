"""Watches several sources: a thread for each, one recognizer, and one thread that writes rows."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lipiyana.errors import InternalError, LipiyanaError
from lipiyana.events.sink import RowSink
from lipiyana.images.loading import ImageLimits
from lipiyana.watch.inputs.decoding import VideoFile
from lipiyana.watch.inputs.folder import FolderFrames
from lipiyana.watch.inputs.live import LiveFrames, Patience
from lipiyana.watch.inputs.sources import SourceKind, VideoSource
from lipiyana.watch.passage import Row
from lipiyana.watch.settings import WATCH, WatchSettings
from lipiyana.watch.watcher import Counts, Eyes, Watcher, WatchOptions

Frames = VideoFile | FolderFrames | LiveFrames


@dataclass(frozen=True, slots=True)
class Task:
    """A source, how it is watched, and for a file when its first frame was taken."""

    source: VideoSource
    options: WatchOptions
    began_at: float = 0.0


@dataclass(slots=True)
class State:
    """Where the watching of a source is; read by other threads.

    Attributes:
        source: that is watched.
        counts: of its frames.
        duration: seconds of a file, if it says so.
        damaged: packets of a file, or pictures of a folder, that could not be decoded.
        failure: why it ended, if that is an error.
        is_over: whether it has ended.
        seconds: that it was watched.
    """

    source: VideoSource
    counts: Counts = field(default_factory=Counts)
    duration: float | None = None
    damaged: int = 0
    failure: LipiyanaError | None = None
    is_over: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Note:
    source: VideoSource
    message: str


class Watch:
    """All sources of one run.

    Examples:
        >>> from lipiyana.watch.inputs.sources import parse_sources
        >>> sources = parse_sources(["gate=rtsp://192.0.2.7/1", "0"])
        >>> [source.name for source in sources]
        ['gate', 'camera0']
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        eyes: Eyes,
        limits: ImageLimits,
        *,
        patience: Patience | None = None,
        threads: int = 1,
        settings: WatchSettings = WATCH,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            tasks: what is watched.
            eyes: what reads.
            limits: largest picture of a folder.
            patience: how long live sources are waited for.
            threads: that decode one source.
            settings: tuned constants.
        """
        self._tasks, self._eyes, self._limits = tasks, eyes, limits
        self._patience, self._threads, self._settings = patience, threads, settings
        # a sink that is slow slows the sources down; memory does not grow
        self._queue: queue.Queue[Row | _Note | State] = queue.Queue(settings.rows_waiting)
        self._stop = threading.Event()
        self.states = tuple(State(task.source) for task in tasks)

    def run(
        self,
        sinks: Sequence[RowSink],
        *,
        notify: Callable[[VideoSource, str], object] = lambda *_: None,
        on_look: Callable[[], object] = lambda: None,
        duration: float | None = None,
    ) -> None:
        """Watch until all sources have ended; call it once.

        Args:
            sinks: each is given every row, on this thread.
            notify: is given messages about sources, on this thread.
            on_look: called at least every `idle_seconds`; what it raises ends the run.
            duration: seconds after which all sources are stopped.

        Raises:
            OSError: a sink cannot write.
        """
        workers = [
            threading.Thread(
                target=self._watch, args=(task, state), name="lipiyana-watch", daemon=True
            )
            for task, state in zip(self._tasks, self.states, strict=True)
        ]
        ends_at = None if duration is None else time.monotonic() + duration
        for worker in workers:
            worker.start()
        running = len(workers)
        try:
            while running:
                running -= self._take(sinks, notify, on_look)
                if ends_at is not None and time.monotonic() >= ends_at:
                    self._stop.set()
        finally:
            self._stop.set()

    def finish(
        self, sinks: Sequence[RowSink], notify: Callable[[VideoSource, str], object]
    ) -> None:
        """End all sources after a run that was interrupted, and write the rows of open tracks.

        Raises:
            OSError: a sink cannot write.
        """
        self._stop.set()
        until = time.monotonic() + self._settings.finish_seconds
        while time.monotonic() < until and not all(state.is_over for state in self.states):
            self._take(sinks, notify, lambda: None)
        while not self._queue.empty():
            self._take(sinks, notify, lambda: None)

    def _take(
        self,
        sinks: Sequence[RowSink],
        notify: Callable[[VideoSource, str], object],
        on_look: Callable[[], object],
    ) -> int:
        """Take one thing from the queue; return how many sources have ended by it."""
        on_look()
        try:
            taken = self._queue.get(timeout=self._settings.idle_seconds)
        except queue.Empty:
            return 0
        if isinstance(taken, State):
            return 1
        if isinstance(taken, _Note):
            notify(taken.source, taken.message)
            return 0
        for sink in sinks:
            sink.write(taken)
        return 0

    def _watch(self, task: Task, state: State) -> None:
        began = time.monotonic()
        watcher = Watcher(
            task.source.name,
            self._eyes,
            task.options,
            emit=self._queue.put,
            notify=lambda message: self._queue.put(_Note(task.source, message)),
            settings=self._settings,
        )
        state.counts = watcher.counts
        frames: Frames | None = None
        try:
            frames = self._open(task)
            state.duration = frames.duration if isinstance(frames, VideoFile) else None
            with contextlib.ExitStack() as stack:
                if task.options.annotated is not None:
                    stack.callback(task.options.annotated.close)
                each = stack.enter_context(contextlib.closing(iter(frames)))
                watcher.run(each, self._stop)
            if isinstance(frames, VideoFile) and not self._stop.is_set():
                frames.check_length()
        except LipiyanaError as error:
            state.failure = error
        except OSError as error:
            state.failure = InternalError(
                f"cannot write the annotated video: {error.strerror or error}"
            )
        except Exception as error:
            # its message may quote a plate
            state.failure = InternalError(f"{type(error).__name__} while watching")
        finally:
            if isinstance(frames, VideoFile):
                state.damaged = frames.damaged
            elif isinstance(frames, FolderFrames):
                state.damaged = frames.failed
            state.seconds = time.monotonic() - began
            state.is_over = True
            self._queue.put(state)

    def _open(self, task: Task) -> Frames:
        def notify(message: str) -> None:
            self._queue.put(_Note(task.source, message))

        if task.source.kind is SourceKind.FILE:
            return VideoFile(task.source, task.began_at, self._threads)
        if task.source.kind is SourceKind.FOLDER:
            return FolderFrames(
                task.source, self._stop, self._limits, notify=notify, settings=self._settings
            )
        return LiveFrames(
            task.source,
            self._stop,
            patience=self._patience,
            threads=self._threads,
            notify=notify,
            settings=self._settings,
        )
