"""`lipiyana forward` to a real broker: killed, restarted, refusing."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from certificates import Authority
from mqtt_broker import Subscriber, broker, free_port, mosquitto
from row_receiver import decoded

PATIENCE = 120


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lipiyana", "forward", *map(str, arguments)]


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


def rows_of(subscriber: Subscriber) -> tuple[dict[str, int], int]:
    rows: dict[str, int] = {}
    doubles = 0
    for message in list(subscriber.messages):
        for line in decoded(message.payload, "zstd").splitlines():
            one = json.loads(line)
            doubles += one["id"] in rows
            rows[one["id"]] = one["row"]["n"]
    return rows, doubles


def test_kills_while_the_broker_restarts(tmp_path: Path) -> None:
    mosquitto()
    port, rows, spool = free_port(), tmp_path / "rows.jsonl", tmp_path / "spool"
    generator = random.Random(5)
    written = 0
    arguments = (
        rows, "--to", f"mqtt://127.0.0.1:{port}/gate/rows", "--spool", spool, "--follow",
        "--compress", "zstd",
    )  # fmt: skip

    def append(count: int) -> None:
        nonlocal written
        with rows.open("a", encoding="utf-8") as file:
            file.write(lines(range(written, written + count)))
        written += count

    with ExitStack() as stack:
        running = stack.enter_context(ExitStack())
        running.enter_context(broker(tmp_path, port))
        subscriber = Subscriber(port, "gate/rows")
        stack.callback(subscriber.close)
        for kill in range(5):
            append(3000)
            before = len(subscriber.messages)
            with started(*arguments) as process:
                # killed at one of the messages of this round
                most = before + generator.randint(1, 6)
                subscriber.wait(lambda most=most: len(subscriber.messages) >= most)
                if kill % 2:
                    running.close()  # the broker goes first
                    append(500)
                    process.kill()
                    process.wait()
                    running.enter_context(broker(tmp_path, port))
                else:
                    process.kill()
                    process.wait()
        with started(*arguments):
            subscriber.wait(lambda: len(rows_of(subscriber)[0]) >= written)
    came, _ = rows_of(subscriber)
    assert sorted(came.values()) == list(range(written))
    assert {message.qos for message in subscriber.messages} == {1}
    assert not any(message.retain for message in subscriber.messages)


def said_by(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"it did not say {text!r}")


def test_a_wrong_password_is_told_and_rows_wait_for_the_right_one(tmp_path: Path) -> None:
    mosquitto()
    makes_passwords = shutil.which("mosquitto_passwd")
    assert makes_passwords is not None
    port, passwords = free_port(), tmp_path / "passwords"
    subprocess.run([makes_passwords, "-b", "-c", passwords, "gate", "a secret"], check=True)
    rows, login = tmp_path / "rows.jsonl", tmp_path / "login.txt"
    rows.write_text(lines(range(3)), "utf-8")
    login.write_text("gate:wrong", "utf-8")
    arguments = (
        rows, "--to", f"mqtt://127.0.0.1:{port}/rows", "--spool", tmp_path / "spool",
        "--login-file", login,
    )  # fmt: skip
    with broker(tmp_path, port, "allow_anonymous false", f"password_file {passwords}"):
        with started(*arguments) as process:
            line = said_by(process, "takes no rows")
            assert "it refuses the connection: Not authorized" in line
            assert "wrong" not in line
            process.terminate()
            assert process.wait(PATIENCE) == 143
        login.write_text("gate:a secret", "utf-8")
        done = subprocess.run(
            command(*arguments), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    assert (done.returncode, "3 sent" in done.stderr) == (0, True)


@pytest.mark.parametrize("trusted", [False, True])
def test_tls_that_one_side_refuses(tmp_path: Path, trusted: bool) -> None:
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    own = authority.sign("broker")
    port, rows = free_port(), tmp_path / "rows.jsonl"
    rows.write_text(lines(range(3)), "utf-8")
    settings = [
        "allow_anonymous true", f"cafile {authority.files.certificate}",
        f"certfile {own.certificate}", f"keyfile {own.key}",
        f"require_certificate {str(trusted).lower()}",
    ]  # fmt: skip
    ca = (authority if trusted else stranger).files.certificate
    with (
        broker(tmp_path, port, *settings),
        started(
            rows, "--to", f"mqtts://127.0.0.1:{port}/rows", "--spool", tmp_path / "spool",
            "--ca", ca,
        ) as process,
    ):  # fmt: skip
        line = said_by(process, "takes no rows")
        assert "TLS failed: " in line
        says = "may want a certificate of the sender" if trusted else "CERTIFICATE_VERIFY_FAILED"
        assert says in line
        process.terminate()
        assert process.wait(PATIENCE) == 143
        assert process.stderr is not None
        assert "3 waiting" in process.stderr.read()


def test_plain_rows_for_a_port_of_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    own = authority.sign("broker")
    port, rows = free_port(), tmp_path / "rows.jsonl"
    rows.write_text(lines(range(3)), "utf-8")
    settings = ["allow_anonymous true", f"certfile {own.certificate}", f"keyfile {own.key}"]
    with (
        broker(tmp_path, port, *settings),
        started(
            rows, "--to", f"mqtt://127.0.0.1:{port}/rows", "--spool", tmp_path / "spool"
        ) as process,
    ):
        assert "does not answer as a broker of MQTT" in said_by(process, "takes no rows")
