from __future__ import annotations

import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from grpc_row_receiver import grpc_receiving
from mqtt_broker import Subscriber, broker, free_port
from needs import SETPRIV
from row_receiver import Fault, Received, RowReceiver, decoded, receiving
from small_disk import small_disk
from typer.testing import CliRunner

from lipiyana.cli.main import app

PATIENCE = 120


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lipiyana", "forward", *map(str, arguments)]


def run(*arguments: str | Path, rows: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), input=rows, capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines(numbers: range) -> str:
    return "".join(json.dumps({"n": number, "text": "x" * 200}) + "\n" for number in numbers)


def came(receiver: RowReceiver) -> list[int]:
    return [row["n"] for row in receiver.rows.values()]


def test_a_file_is_forwarded_once_whatever_is_run_again(tmp_path: Path) -> None:
    rows, spool = tmp_path / "rows.jsonl", tmp_path / "spool"
    rows.write_text(lines(range(3)), "utf-8")
    with receiving() as receiver:
        arguments = (rows, "--to", receiver.url, "--spool", spool, "--compress", "zstd")
        first = run(*arguments)
        assert (first.returncode, first.stdout) == (0, "")
        size = len(receiver.messages[0].body)
        assert first.stderr == f"3 rows spooled, 3 sent ({size} bytes), 0 waiting\n"
        with rows.open("a", encoding="utf-8") as file:
            file.write(lines(range(3, 5)) + '{"n": 5, "te')
        second = run(*arguments)
        assert second.returncode == 1
        assert "1 lines are left out" in second.stderr
        with rows.open("a", encoding="utf-8") as file:
            file.write('xt": ""}')  # a whole row, though no line
        assert run(*arguments).returncode == 0
        assert run(*arguments).stderr == "0 rows spooled, 0 sent (0 bytes), 0 waiting\n"
    assert came(receiver) == [0, 1, 2, 3, 4, 5]
    assert receiver.doubles == 0


def test_kills_lose_no_row_and_count_none_twice(tmp_path: Path) -> None:
    rows, spool = tmp_path / "rows.jsonl", tmp_path / "spool"
    count = 12_000  # several messages, and several transactions
    rows.write_text(lines(range(count)), "utf-8")
    generator = random.Random(8)
    process: list[subprocess.Popen[str]] = []
    kills: list[Fault | int] = [Fault.DIES_BEFORE, Fault.DIES_AFTER, 200, Fault.DIES_AFTER, 200]
    left = [0]

    def kills_at_some_message(_: Received) -> Fault | int:
        left[0] -= 1
        if left[0] == 0 and kills:
            process[0].kill()
            return kills.pop()
        return 200

    with receiving() as receiver:
        receiver.answer = kills_at_some_message
        codes = []
        while not codes or codes[-1] != 0:
            left[0] = generator.randint(1, 3)  # of at least 24
            with started(rows, "--to", receiver.url, "--spool", spool) as one:
                process[:] = [one]
                codes.append(one.wait(PATIENCE))
    assert codes == [-9] * 5 + [0]
    assert sorted(came(receiver)) == list(range(count))
    assert receiver.doubles > 0


def test_a_full_disk_makes_the_file_wait(tmp_path: Path) -> None:
    rows, spool = tmp_path / "rows.jsonl", tmp_path / "spool"
    rows.write_text(lines(range(10_000)), "utf-8")
    with receiving() as receiver:
        online = threading.Event()
        receiver.answer = lambda _: 200 if online.is_set() else 503
        with started(rows, "--to", receiver.url, "--spool", spool, "--follow") as process:
            assert process.stderr is not None
            receiver.wait(lambda: bool(receiver.messages))
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (300_000, hard))
            with rows.open("a", encoding="utf-8") as file:
                file.write(lines(range(10_000, 30_000)))
            said = ""
            while "the spool cannot be written" not in said:
                said = process.stderr.readline()
                assert said
            online.set()
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            receiver.wait(lambda: len(receiver.rows) == 30_000)
            process.terminate()
            assert process.wait(PATIENCE) == 143
    assert sorted(came(receiver)) == list(range(30_000))


@pytest.mark.parametrize("size", ["300k", "3m"])
def test_a_disk_that_the_spool_fills_is_freed_by_what_is_sent(tmp_path: Path, size: str) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(lines(range(20_000)), "utf-8")
    with receiving() as receiver, small_disk(tmp_path / "disk", size) as disk:
        online = threading.Event()
        receiver.answer = lambda _: 200 if online.is_set() else 503
        with started(rows, "--to", receiver.url, "--spool", disk / "spool") as process:
            assert process.stderr is not None
            said = ""
            while "the spool cannot be written" not in said:
                said = process.stderr.readline()
                assert said
            online.set()
            assert process.wait(PATIENCE) == 0
        assert sorted(came(receiver)) == list(range(20_000))
        assert not (disk / "spool" / "reserve").exists()
        assert shutil.disk_usage(disk).used < 100 * 1024


def test_a_file_waits_for_room_in_the_spool(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(lines(range(3000)).replace("\n", "\r\n"), "utf-8")
    with receiving() as receiver:
        done = run(
            rows, "--to", receiver.url, "--spool", tmp_path / "spool", "--max-bytes", "100KB"
        )
    assert (done.returncode, came(receiver)) == (0, list(range(3000)))


def test_what_a_run_leaves_the_next_one_sends(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    nobody = f"http://127.0.0.1:{free_port()}/"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(lines(range(10)), "utf-8")
    with started(rows, "--to", nobody, "--spool", spool) as process:
        assert process.stderr is not None
        assert "takes no rows" in process.stderr.readline()
        busy = run(rows, "--to", nobody, "--spool", spool)
        assert busy.returncode == 1
        assert "another process uses the spool" in busy.stderr
        process.terminate()
        assert process.wait(PATIENCE) == 143
        said = process.stderr.read()
        assert "10 rows spooled, 0 sent (0 bytes), 10 waiting, " in said
    with receiving() as receiver:
        done = run("-", "--to", receiver.url, "--spool", spool, rows=lines(range(10, 12)))
        assert done.returncode == 0
        assert "another receiver's: the 10 rows that wait in it go to the new one" in done.stderr
        again = run("-", "--to", receiver.url, "--spool", spool)
        assert "another receiver" not in again.stderr
    assert came(receiver) == list(range(12))


def test_a_row_larger_than_the_spool_has_its_own_reason(tmp_path: Path) -> None:
    with receiving() as receiver:
        done = run(
            "-", "--to", receiver.url, "--spool", tmp_path / "spool", "--max-bytes", "200",
            rows=lines(range(1)) + '{"n": 1}\n',
        )  # fmt: skip
    assert done.returncode == 1
    assert "1 dropped, larger than the spool" in done.stderr
    assert "spool full" not in done.stderr
    assert came(receiver) == [1]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a place where nothing can be made")
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--spool", "/proc/x"), "nothing can be made at /proc/x; name another place"),
        (("--spool", "file/spool"), "file is a file; name a folder in place of it"),
        (("--ca", "file"), "file holds no certificate in PEM"),
        (("--to", "https://host:port/"), "its port is not a number from 1 to 65535"),
        (("--to", "https://[::1"), "[ and ] are around an IPv6 address"),
    ],
)
def test_what_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    options = {"--to": "http://127.0.0.1:9/", "--spool": "spool"} | dict([given])
    done = run("-", *(part for pair in options.items() for part in pair))
    assert (done.returncode, says in done.stderr, "Errno" in done.stderr) == (2, True, False)


def test_rows_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").symlink_to("/proc/self/mem")  # it opens, and cannot be read
    done = run(
        tmp_path / "rows.jsonl", "--to", "http://127.0.0.1:9/", "--spool", tmp_path / "spool"
    )
    assert done.returncode == 1
    assert f"error: {tmp_path}/rows.jsonl: Input/output error\n" in done.stderr


def test_a_folder_of_another_user(tmp_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip(SETPRIV)
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    (tmp_path / "others").mkdir(mode=0o755)
    done = subprocess.run(
        [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups",
         *command("-", "--to", "http://127.0.0.1:9/", "--spool", tmp_path / "others/spool")],
        input="", capture_output=True, text=True, check=False, timeout=PATIENCE, cwd="/",
    )  # fmt: skip
    assert done.returncode == 2
    assert "this user may not write to" in done.stderr


def test_metrics_while_it_runs(tmp_path: Path) -> None:
    rows, port = tmp_path / "rows.jsonl", free_port()
    rows.write_text(lines(range(20)) + '{"registration": "KA01AD1234"}\n', "utf-8")
    with receiving() as receiver:
        online = threading.Event()
        receiver.answer = lambda _: 200 if online.is_set() else (503, {"Retry-After": "1"})
        arguments = (rows, "--to", receiver.url, "--spool", tmp_path / "spool", "--follow")
        with started(*arguments, "--metrics-port", str(port)) as process:
            receiver.wait(lambda: bool(receiver.messages))
            before, text = metrics_at(port)
            online.set()
            receiver.wait(lambda: len(receiver.rows) == 21)
            while metrics_at(port)[0]["lipiyana_forward_sent_rows_total"] < 21:
                assert process.poll() is None
            after, _ = metrics_at(port)
    assert (before["lipiyana_forward_waiting_rows"], after["lipiyana_forward_waiting_rows"]) == (
        21, 0,
    )  # fmt: skip
    assert before["lipiyana_forward_waiting_bytes"] == rows.stat().st_size + 21 * 63
    assert before["lipiyana_forward_oldest_seconds"] > 0
    assert after["lipiyana_forward_oldest_seconds"] == 0
    assert after["lipiyana_forward_failed_messages_total"] >= 1
    assert after["lipiyana_forward_sent_bytes_total"] > rows.stat().st_size
    assert {name for name in after if "dropped" in name} == {
        f'lipiyana_forward_dropped_rows_total{{reason="{reason}"}}'
        for reason in ("full", "old", "large", "disk")
    }
    assert "KA01AD1234" not in text


def test_a_port_for_metrics_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(
            "-", "--to", "http://127.0.0.1:9/", "--spool", tmp_path / "spool", "--metrics-port",
            str(taken.getsockname()[1]),
        )  # fmt: skip
    assert done.returncode == 2
    assert "metrics cannot be served at 127.0.0.1:" in done.stderr


def metrics_at(port: int) -> tuple[dict[str, float], str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}, text


@pytest.mark.parametrize(("drop", "expected"), [("oldest", range(6, 10)), ("newest", range(4))])
def test_a_full_spool_drops_what_it_is_told(tmp_path: Path, drop: str, expected: range) -> None:
    spool = tmp_path / "spool"
    size = len(lines(range(1))) - 1 + 64
    with receiving() as receiver:
        done = run(
            "-", "--to", receiver.url, "--spool", spool, "--drop", drop, "--max-bytes",
            str(4 * size), rows=lines(range(10)),
        )  # fmt: skip
    assert done.returncode == 1
    assert "6 dropped, spool full" in done.stderr
    assert came(receiver) == list(expected)


def test_rows_go_to_a_broker(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "broker"
    folder.mkdir()
    with broker(folder, port):
        subscriber = Subscriber(port, "gate/rows")
        done = run(
            "-", "--to", f"mqtt://127.0.0.1:{port}/gate/rows", "--spool", tmp_path / "spool",
            "--compress", "gzip", rows=lines(range(5)),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        subscriber.wait(lambda: bool(subscriber.messages))
        subscriber.close()
    body = decoded(subscriber.messages[0].payload, "gzip")
    assert [json.loads(line)["row"]["n"] for line in body.splitlines()] == list(range(5))


@pytest.mark.parametrize("compress", [[], ["--compress", "gzip"]], ids=str)
def test_rows_go_to_a_receiver_of_grpc(tmp_path: Path, compress: list[str]) -> None:
    with grpc_receiving() as receiver:
        done = run(
            "-", "--to", f"grpc://{receiver.address}", "--spool", tmp_path / "spool", *compress,
            rows=lines(range(5)),
        )  # fmt: skip
    assert (done.returncode, done.stderr.startswith("5 rows spooled, 5 sent (")) == (0, True)
    assert [row["n"] for row in receiver.rows.values()] == list(range(5))


def test_grpc_has_no_zstd(tmp_path: Path) -> None:
    done = run("-", "--to", "grpc://127.0.0.1:1", "--spool", tmp_path, "--compress", "zstd")
    assert (done.returncode, "gRPC has no zstd; compress with gzip" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--max-bytes", "many", "is not a size such as 500KB"),
        ("--max-bytes", "0", "is too small"),
        ("--rate", "2M", "is not a size"),
        ("--max-age", "7", "is not a time such as 90s"),
        ("--max-age", "0d", "is not a time"),
        ("--drop", "some", "is not one of oldest, newest"),
        ("--compress", "zip", "is not one of zstd, gzip"),
        ("--spool", "file", "is a file; name a folder"),
    ],
)
def test_values_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    Path("file").touch()
    given: dict[str, Any] = {"--to": "https://127.0.0.1/", "--spool": "spool"} | {option: value}
    arguments = [part for pair in given.items() for part in pair]
    done = CliRunner().invoke(app, ["forward", "-", *arguments])
    assert done.exit_code == 2
    assert says in done.output
    assert not Path("spool").exists()
