"""`lipiyana watch`: checks its options, runs, and sums up."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import typer

from lipiyana.cli import recognizers
from lipiyana.cli.console import say_error, say_warning, stderr
from lipiyana.cli.exit_codes import DONE, FAILED, INTERRUPTED, USAGE
from lipiyana.cli.recognizers import Engines
from lipiyana.cli.sources import refuse_inputs
from lipiyana.cli.watch.forwarded import Forwarded
from lipiyana.cli.watch.progress import WatchProgress, describe
from lipiyana.cli.watch.signals import Stopped, stoppable
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.events.sink import RowSink
from lipiyana.images.loading import environment_limits
from lipiyana.runtime.container import available_threads
from lipiyana.types import Feature, RecognitionConfig
from lipiyana.watch.annotated import SUFFIXES, AnnotatedVideo
from lipiyana.watch.inputs.live import Patience
from lipiyana.watch.inputs.sources import SourceKind, VideoSource, parse_sources
from lipiyana.watch.output import JsonLines, StandardOutput, WithoutCrops
from lipiyana.watch.power import PROFILES, Power
from lipiyana.watch.regions import RegionMap, read_regions
from lipiyana.watch.run import State, Task, Watch
from lipiyana.watch.settings import WATCH
from lipiyana.watch.watcher import Eyes, WatchOptions

_MARK_DIGITS = 6


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """The options of `lipiyana watch`; `options.watch` describes them."""

    sources: tuple[str, ...]
    output: Path | None
    forward: str | None
    spool: Path | None
    ca: Path | None
    crops: int | None
    metrics_port: int | None
    metrics_host: str | None
    frames: bool
    power: Power
    fps: float | None
    every_frame: bool
    regions: Path | None
    annotated: Path | None
    start_time: datetime | None
    duration: float | None
    timeout: float | None
    give_up: float | None
    features: frozenset[Feature]
    min_confidence: float | None
    script_hints: tuple[str, ...]
    engines: Engines
    server: str | None


def run(request: WatchRequest) -> int:
    """Watch the sources; return the exit code: 0 all well, 1 some failed, 2 none found.

    Raises:
        typer.BadParameter: an option is invalid, or conflicts with another one.
    """
    try:
        sources = parse_sources(request.sources)
        maps = _region_maps(request, sources)
    except (NotFound, InvalidRequest) as error:
        say_error(error.message)
        return USAGE
    _check(request, sources)
    forwarded: list[Forwarded] = []
    try:
        with ExitStack() as stack:
            sink = (
                StandardOutput()
                if request.output is None
                else JsonLines(request.output, say_warning)
            )
            stack.callback(sink.close)
            sinks: list[RowSink] = [sink if request.crops is None else WithoutCrops(sink)]
            if request.forward is not None:
                forwarded.append(Forwarded(request, request.forward, stack))
            tasks = _tasks(request, sources, maps)
            watch = _prepare(request, tasks, stack)
            code = _watch(request, watch, sinks, forwarded)
        return FAILED if code == DONE and any(one.missing for one in forwarded) else code
    except OSError as error:
        return _cannot_write(error, request)
    except KeyboardInterrupt:  # the second signal
        return INTERRUPTED


def _check(request: WatchRequest, sources: Sequence[VideoSource]) -> None:
    if request.output is not None and request.output.suffix.lower() != ".jsonl":
        raise typer.BadParameter("the name must end in .jsonl.", param_hint="--output")
    if (request.forward is None) != (request.spool is None):
        raise typer.BadParameter("--forward and --spool go together.", param_hint="--forward")
    for option, needless in (
        ("--crops", request.crops),
        ("--ca", request.ca),
        ("--metrics-port", request.metrics_port),
        ("--metrics-host", request.metrics_host),
    ):
        if request.forward is None and needless is not None:
            raise typer.BadParameter("is for --forward.", param_hint=option)
    if request.annotated is not None:
        if request.annotated.suffix.lower() not in SUFFIXES:
            endings = ", ".join(SUFFIXES)
            raise typer.BadParameter(
                f"the name must end in one of {endings}.", param_hint="--annotated"
            )
        if len(sources) > 1:
            raise typer.BadParameter("is for one SOURCE.", param_hint="--annotated")
    _refuse_inputs(request, sources)
    if request.start_time is not None and all(source.is_endless for source in sources):
        raise typer.BadParameter("is for video files.", param_hint="--start-time")
    live = any(source.is_live for source in sources)
    for option, given in (("--timeout", request.timeout), ("--give-up", request.give_up)):
        if given is not None and not live:
            raise typer.BadParameter("is for addresses and cameras.", param_hint=option)
    recognizers.check_server(request.server, request.engines.local_options)
    request.engines.check()


def _refuse_inputs(request: WatchRequest, sources: Sequence[VideoSource]) -> None:
    read = [request.regions, request.ca]
    read += [Path(source.location) for source in sources if source.kind is SourceKind.FILE]
    for option, written in (("--output", request.output), ("--annotated", request.annotated)):
        if written is not None:
            try:
                refuse_inputs(written, read)
            except InvalidRequest as error:
                raise typer.BadParameter(f"{error.message}.", param_hint=option) from None


def _region_maps(request: WatchRequest, sources: Sequence[VideoSource]) -> list[RegionMap]:
    if request.regions is None:
        return [RegionMap() for _ in sources]
    file = read_regions(request.regions, [source.name for source in sources])
    return [RegionMap(file.of(source.name)) for source in sources]


def _tasks(
    request: WatchRequest, sources: Sequence[VideoSource], maps: Sequence[RegionMap]
) -> list[Task]:
    rate = request.fps or PROFILES[request.power].frames_per_second
    annotated = None if request.annotated is None else AnnotatedVideo(request.annotated)
    tasks: list[Task] = []
    for source, regions in zip(sources, maps, strict=True):
        began_at, mark = 0.0, ""
        if source.kind is SourceKind.FILE:
            about = os.stat(source.location)  # noqa: PTH116
            began_at, mark = about.st_mtime, _mark(request, about.st_size, regions)
            if request.start_time is not None:
                began_at = request.start_time.timestamp()
        options = WatchOptions(
            # pictures of a folder are few already
            None if source.kind is SourceKind.FOLDER else rate,
            frame_rows=request.frames,
            every_frame=request.every_frame,
            is_endless=source.is_endless,
            regions=regions,
            annotated=annotated,
            mark=mark,
            crops=request.crops,
        )
        tasks.append(Task(source, options, began_at))
    return tasks


def _mark(request: WatchRequest, size: int, regions: RegionMap) -> str:
    """Name what decides which tracks a file has: itself, the version, options and models."""
    decides = (
        size, version("lipiyana"), request.power, request.fps, request.every_frame,
        sorted(request.features), request.min_confidence, request.script_hints, regions.regions,
        request.engines, request.server,
    )  # fmt: skip
    return "-" + hashlib.sha256(repr(decides).encode()).hexdigest()[:_MARK_DIGITS]


def _prepare(request: WatchRequest, tasks: Sequence[Task], stack: ExitStack) -> Watch:
    profile, available = PROFILES[request.power], available_threads()
    each, at_once = profile.threads(available, len(tasks))
    if request.server is not None:
        chosen = recognizers.connect(request.server, None)
        at_once = max(at_once, len(tasks))
    else:
        chosen = recognizers.in_process(request.engines, available // each, len(tasks))
    stack.callback(chosen.recognizer.close)
    config = RecognitionConfig(
        features=request.features,
        script_hints=request.script_hints,
        min_confidence=request.min_confidence,
    )
    eyes = Eyes(
        chosen.recognizer,
        config,
        profile,
        threading.Semaphore(at_once),
        encode=request.server is not None,
    )
    patience = Patience(request.timeout or WATCH.timeout, request.give_up)
    return Watch(tasks, eyes, environment_limits(), patience=patience, threads=each)


def _watch(
    request: WatchRequest,
    watch: Watch,
    sinks: Sequence[RowSink],
    forwarded: Sequence[Forwarded],
) -> int:
    on_terminal = request.output is None and sys.stdout.isatty()
    code = DONE
    with (
        WatchProgress(stderr(), watch.states, results_on_terminal=on_terminal) as progress,
        stoppable() as check,
    ):

        def look() -> None:
            check()
            progress.look()

        # a recording can wait for a full disk
        live = any(state.source.is_live for state in watch.states)
        sinks = [*sinks, *(one.sink(None if live else look) for one in forwarded)]

        try:
            watch.run(sinks, notify=_notify, on_look=look, duration=request.duration)
        except Stopped as stopped:
            # that is how cameras are stopped, but a file has not been watched to its end
            if not all(state.source.is_endless for state in watch.states):
                code = stopped.exit_code
            watch.finish(sinks, _notify)
    for state in watch.states:
        _sum_up(state)
    failed = any(
        # a picture of a folder is one of many: a warning was enough
        state.failure is not None or (state.damaged and state.source.kind is SourceKind.FILE)
        for state in watch.states
    )
    return code if code != DONE else FAILED if failed else DONE


def _notify(source: VideoSource, message: str) -> None:
    say_warning(f"{shown(source.name)}: {message}")


def _sum_up(state: State) -> None:
    if state.failure is not None:
        say_error(f"{shown(state.source.name)}: {state.failure.message}")
    elif state.damaged and state.source.kind is SourceKind.FILE:
        parts = "1 part" if state.damaged == 1 else f"{state.damaged} parts"
        say_error(f"{shown(state.source.name)}: {parts} of the file could not be decoded")
    if state.counts.frames:
        said = describe(state, state.seconds)
        stderr().print(f"{shown(state.source.name)}: {said}", markup=False)


def _cannot_write(error: OSError, request: WatchRequest) -> int:
    if request.output is None:
        # flushing the rest of the buffer must not fail again when the interpreter exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        where = error.filename or request.output or "standard output"
        say_error(f"cannot write to {shown(str(where))}: {error.strerror or error}")
    return FAILED
