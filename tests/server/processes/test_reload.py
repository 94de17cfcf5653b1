"""SIGHUP: other models answer new calls, and no call is lost."""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served_fake import FakeRecognizer, recognition

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import InvalidImage
from lipiyana.server import RecognitionServer, ServerSettings, serve
from lipiyana.types import CacheOutcome, CachePolicy, ImageInput, Recognition, RecognitionConfig

SUPPORT = Path(__file__).parents[2] / "support"
SAMPLES = Path(__file__).parents[3] / "samples"
BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)

PROGRAM = """
import sys
from pathlib import Path
from worker_recognizers import tells_release
from lipiyana.server import ServerSettings, supervise
from lipiyana.server.processes.run import serve_to_the_end
from lipiyana.server.telemetry.logs import configure_logging
from lipiyana.server.telemetry.metrics import Metrics

def ready(started):
    print(started.target, flush=True)

if __name__ == "__main__":
    configure_logging("text")
    workers = int(sys.argv[2])
    settings = ServerSettings(port=0, models=Path(sys.argv[1]), workers=workers, threads=1)
    if workers > 1:
        sys.exit(supervise(settings, tells_release, on_ready=ready))
    metrics = Metrics()
    recognizer = tells_release(settings, metrics)
    sys.exit(
        serve_to_the_end(settings, recognizer, metrics, on_ready=ready, remake=tells_release)
    )
"""


class Named(FakeRecognizer):
    """Its answers have its name before the text of the picture."""

    def __init__(self, name: str) -> None:
        super().__init__(digest=name)
        self.name, self.closed = name, threading.Event()

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        found = super().recognize(image, config, timeout=timeout)
        return recognition(f"{self.name} {found.text_lines[0].text}") if found.text_lines else found

    def close(self) -> None:
        self.closed.set()


def text(found: Recognition) -> str:
    return found.text_lines[0].text


async def test_calls_under_way_end_with_the_models_that_they_began_with() -> None:
    old, new, old_again = Named("old"), Named("new"), Named("old")
    server = RecognitionServer(old, ServerSettings(port=0, threads=2))
    await server.start()
    async with AsyncClient(server.target) as client:
        assert text(await client.recognize(b"a")) == "old a"
        old.hold()
        waiting = asyncio.create_task(client.recognize(b"slow"))
        await asyncio.to_thread(old.wait_for, b"slow")
        reloading = asyncio.create_task(server.reload(new))
        while text(found := await client.recognize(b"a")) == "old a":  # not swapped yet
            pass
        assert (text(found), found.cache_outcome) == ("new a", CacheOutcome.MISS)
        assert not old.closed.is_set()
        assert not reloading.done()
        old.release()
        assert text(await waiting) == "old slow"
        await reloading
        assert old.closed.is_set()
        await server.reload(old_again)
        assert text(await client.recognize(b"slow")) == "old slow"
        assert new.closed.is_set()
    await server.stop()
    server.close_recognizers()
    assert old_again.closed.is_set()


async def test_an_abandoned_picture_keeps_its_models_open() -> None:
    old, new = Named("old"), Named("new")
    server = RecognitionServer(old, ServerSettings(port=0, threads=2))
    await server.start()
    async with AsyncClient(server.target) as client:
        old.hold()
        waiting = asyncio.create_task(client.recognize(b"slow"))
        await asyncio.to_thread(old.wait_for, b"slow")
        waiting.cancel()
        reloading = asyncio.create_task(server.reload(new))
        while server._answers.recognizer is old:
            await asyncio.sleep(0)
        assert text(await client.recognize(b"a")) == "new a"
        assert not reloading.done()
        assert not old.closed.is_set()
        old.release()
        await reloading
    assert old.closed.is_set()
    await server.stop()


async def test_models_that_cannot_read_are_not_taken() -> None:
    class Blind(Named):
        def recognize(self, *_: object, **__: object) -> Recognition:
            raise InvalidImage("nothing can be read")

    old = Named("old")
    server = RecognitionServer(old, ServerSettings(port=0, threads=1))
    await server.start()
    with pytest.raises(InvalidImage):
        await server.reload(Blind("new"))
    async with AsyncClient(server.target) as client:
        assert text(await client.recognize(b"a")) == "old a"
    await server.stop()


@contextmanager
def serving(models: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(models), str(workers)],
        cwd=SUPPORT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(120, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=60)


def wait_for_log(process: subprocess.Popen[str], pattern: str, times: int) -> None:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        times -= re.search(pattern, line) is not None
        if not times:
            return
    raise AssertionError("".join(seen))


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_reloads_every_process_and_loses_no_call(tmp_path: Path, workers: int) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text("one")
    with serving(tmp_path, workers) as (process, target):
        answers: list[str] = []
        ended = threading.Event()

        def call() -> None:
            while not ended.is_set():
                with Client(target) as client:  # another connection, often to another process
                    answers.append(text(client.recognize(b"a", BYPASS)))

        caller = threading.Thread(target=call)
        caller.start()
        try:
            manifest.write_text("broken")
            process.send_signal(signal.SIGHUP)
            wait_for_log(process, "not reloaded.* the manifest is broken", workers)
            manifest.write_text("two")
            process.send_signal(signal.SIGHUP)
            wait_for_log(process, "the models were reloaded", workers)
            before = len(answers)
        finally:
            ended.set()
            caller.join()
        with Client(target) as client:
            assert text(client.recognize(b"a", BYPASS)) == "two"
        # one call may have begun before the last process had reloaded
        assert set(answers[before + 1 :]) <= {"two"}
        assert set(answers) <= {"one", "two"}
        assert process.poll() is None
    assert process.returncode == 0


def test_a_hangup_while_a_server_starts_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs_up(*_: object) -> None:
        signal.raise_signal(signal.SIGHUP)
        raise InvalidImage("got as far as this")

    before = signal.getsignal(signal.SIGHUP)
    monkeypatch.setattr("sys.stdin", None)  # as a service, which has no terminal
    monkeypatch.setattr("lipiyana.server.startup.local_recognizer", hangs_up)
    with pytest.raises(InvalidImage, match="got as far as this"):
        serve(ServerSettings(port=0))
    assert signal.getsignal(signal.SIGHUP) is before


BROKEN = {
    "no TOML": "[[model",
    "a task that nobody knows": '[[model]]\nname = "a"\ntask = "b"\nfile = "c"\nsha256 = ""\n',
    "a file that is not there": (
        '[[model]]\nname = "own"\ntask = "line_reader"\nfile = "own.onnx"\nsha256 = "0"\n'
    ),
    "a file that is no model": (
        '[[model]]\nname = "own"\ntask = "line_reader"\nfile = "garbage.onnx"\nsha256 = "'
        + hashlib.sha256(b"garbage").hexdigest()
        + '"\n'
    ),
}


def test_real_models_go_on_while_their_folder_is_broken(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.touch()  # none of its own: the built-in models
    (tmp_path / "garbage.onnx").write_bytes(b"garbage")
    picture = (SAMPLES / "plates" / "04_delhi_1row.jpg").read_bytes()
    plate = RecognitionConfig(layout="plate", cache_policy=CachePolicy.BYPASS)
    options = ["--models", str(tmp_path), "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "lipiyana", "serve", *options],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(150, process.kill)
        guard.start()
        try:
            target = logged(process, r"serving at (\S+)")
            metrics = logged(process, r"metrics at (\S+)")
            with Client(target) as client:
                before = client.recognize(picture, plate).plates
                assert before
                for text in BROKEN.values():
                    manifest.write_text(text, "utf-8")
                    process.send_signal(signal.SIGHUP)
                    said = logged(process, r"not reloaded, and those from before stay: (.*)")
                    assert str(tmp_path) in said
                    assert client.recognize(picture, plate).plates == before
                with urllib.request.urlopen(metrics, timeout=30) as response:
                    counted = response.read().decode()
                assert f'lipiyana_reloads_total{{result="failed"}} {len(BROKEN)}.0' in counted
                manifest.write_text("", "utf-8")
                process.send_signal(signal.SIGHUP)
                logged(process, "(the models were reloaded)")
                assert client.recognize(picture, plate).plates == before
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0


def logged(process: subprocess.Popen[str], pattern: str) -> str:
    """Read the log until a line matches, and return its group."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError("".join(seen))
