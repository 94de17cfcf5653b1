"""Counts the calls that are lost while two servers are restarted in turn: there should be none.

    python benchmarks/serving/rolling_restart.py [--restarts N] [--calls N] [--json FILE]

Two servers with a recognizer that reads nothing run in separate processes. Both clients of the
project call them continuously: single pictures of 1 kB to 4 MB, batches, and streams that are
reopened when their server ends. The servers in turn get SIGTERM and are restarted at the same port,
until the requested numbers of restarts and of calls are reached.

    calls        single calls and batches
    failed       lost calls: those that ended in an error, by error
    frames       answered frames of streams
    reopened     streams that ended UNAVAILABLE, as they do when their server is restarted
    exit_codes   exit codes of the stopped servers, with their numbers
"""

from __future__ import annotations

import argparse
import asyncio
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import LipiyanaError, Unavailable
from lipiyana.recognizer import FrameResult
from lipiyana.server import ServerSettings, serve
from lipiyana.types import Frame, FrameInput, ImageInput, Recognition, RecognitionConfig

SIZES = (*[1_000] * 13, 50_000, 400_000, 4_000_000)
"""Bytes of the pictures, in turn."""

_SERVE = "--serve-at"


@dataclass
class Tally:
    """Outcomes of the calls; filled by several threads."""

    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    reopened: int = 0
    restarts: int = 0
    exit_codes: Counter[int] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def count(self, error: LipiyanaError | None) -> None:
        """Count one call."""
        with self._changed:
            self.calls += 1
            if error is not None:
                self.failed[f"{type(error).__name__} {error.reason}: {error.message}"] += 1
            self._changed.notify_all()

    def count_frame(self) -> None:
        """Count a frame that was answered."""
        with self._changed:
            self.frames += 1

    def count_reopened(self) -> None:
        """Count a stream that its server ended."""
        with self._changed:
            self.reopened += 1

    def wait_for_calls(self, more: int) -> None:
        """Wait until that many more calls have returned.

        Raises:
            TimeoutError: they have not within a minute.
        """
        with self._changed:
            wanted = self.calls + more
            if not self._changed.wait_for(lambda: self.calls >= wanted, timeout=60):
                raise TimeoutError(f"{self.calls} calls, and no more for a minute")

    def summary(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return {
            "calls": self.calls,
            "failed": dict(self.failed),
            "frames": self.frames,
            "reopened": self.reopened,
            "restarts": self.restarts,
            "exit_codes": {str(code): count for code, count in self.exit_codes.items()},
        }


class ReadsNothing:
    """A recognizer that answers at once."""

    def plan_digest(self) -> str:
        """Name the plan."""
        return "nothing"

    def check_config(self, config: RecognitionConfig) -> None:
        """Accept every config."""

    def recognize(
        self,
        image: ImageInput,  # noqa: ARG002
        config: RecognitionConfig | None = None,  # noqa: ARG002
        *,
        timeout: float | None = None,  # noqa: ARG002
    ) -> Recognition:
        """Find nothing."""
        return Recognition(1, 1)

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Find nothing in any of them."""
        return [self.recognize(image, config, timeout=timeout) for image in images]

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Not called by servers."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


class RestartedServer:
    """One of the servers: always the same port, a new process at each start."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process = self._start()
        self._wait_until_ready()

    def restart(self) -> int:
        """End it by SIGTERM and start it again; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(60)
        self._close_pipe()
        self._process = self._start()
        self._wait_until_ready()
        return code

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(60)
        self._close_pipe()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, _SERVE, str(self.port)], stdout=subprocess.PIPE, text=True
        )

    def _wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("a server did not start")

    def _close_pipe(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()


def measure(restarts: int, calls: int, *, threads: int = 4, tasks: int = 8) -> Tally:
    """Restart two servers in turn under load.

    Args:
        restarts: of both together, at least.
        calls: that are made, at least.
        threads: that call by `Client`.
        tasks: that call by `AsyncClient`.
    """
    tally = Tally()
    stop = threading.Event()
    servers = [RestartedServer(port) for port in _free_ports(2)]
    target = "ipv4:" + ",".join(f"127.0.0.1:{server.port}" for server in servers)
    loads: list[threading.Thread] = []
    failures: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def start(load: Callable[[], None]) -> None:
        def run() -> None:
            try:
                load()
            except BaseException as error:
                failures.put(error)

        loads.append(threading.Thread(target=run))
        loads[-1].start()

    try:
        with Client(target) as client:
            for number in range(threads):
                start(lambda number=number: _call(client, tally, stop, number))  # type: ignore[misc]
            start(lambda: _call_batches(client, tally, stop))
            start(lambda: _stream(client, tally, stop))
            start(lambda: asyncio.run(_call_async(target, tally, stop, tasks)))
            try:
                tally.wait_for_calls(50)
                while tally.restarts < restarts or tally.calls < calls:
                    code = servers[tally.restarts % 2].restart()
                    tally.restarts += 1
                    tally.exit_codes[code] += 1
                    tally.wait_for_calls(50)
            finally:
                stop.set()
                for load in loads:
                    load.join()
    finally:
        for server in servers:
            server.close()
    if not failures.empty():
        raise failures.get()
    return tally


def _picture(number: int) -> bytes:
    return b"%d" % number + bytes(SIZES[number % len(SIZES)])


def _call(client: Client, tally: Tally, stop: threading.Event, first: int) -> None:
    number = first
    while not stop.is_set():
        try:
            client.recognize(_picture(number))
        except LipiyanaError as error:
            tally.count(error)
        else:
            tally.count(None)
        number += 1


def _call_batches(client: Client, tally: Tally, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            client.recognize_batch([_picture(number) for number in range(3)])
        except LipiyanaError as error:
            tally.count(error)
        else:
            tally.count(None)


async def _call_async(target: str, tally: Tally, stop: threading.Event, tasks: int) -> None:
    async with AsyncClient(target) as client:

        async def call(number: int) -> None:
            while not stop.is_set():
                try:
                    await client.recognize(_picture(number))
                except LipiyanaError as error:
                    tally.count(error)
                else:
                    tally.count(None)
                number += 1

        async with asyncio.TaskGroup() as group:
            for number in range(tasks):
                group.create_task(call(number))


def _stream(client: Client, tally: Tally, stop: threading.Event) -> None:
    while not stop.is_set():
        answered = threading.Semaphore(1)

        def frames(answered: threading.Semaphore = answered) -> Iterator[Frame]:
            number = 0
            # one at a time, so that none is dropped for a newer one
            while answered.acquire() and not stop.is_set():
                yield Frame(number, _picture(1))
                number += 1

        try:
            for _ in client.recognize_stream(frames()):
                tally.count_frame()
                answered.release()
        except Unavailable:
            tally.count_reopened()
            stop.wait(0.05)  # a stream is not sent again; whoever opens it again takes a breath
        finally:
            answered.release()


def _free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in with_ports]
    for one in with_ports:
        one.close()
    return ports


def _serve(port: int) -> None:
    settings = ServerSettings(port=port, threads=2, shutdown_grace=20)
    serve(settings, ReadsNothing(), on_ready=lambda _: print("ready", flush=True))


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == [_SERVE]:
        _serve(int(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--restarts", type=int, default=40)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tally = measure(options.restarts, options.calls)
    text = json.dumps(tally.summary(), indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
