from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mqtt_broker import Subscriber, broker, free_port
from row_receiver import Fault, receiving

from lipiyana.events.senders.signature import is_signed
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Layout, RecognitionConfig
from lipiyana.wire.results import recognition_to_json

ROOT = Path(__file__).parents[3]
PLATE = ROOT / "samples" / "plates" / "01_standard_1row.jpg"
SEEN = "rules: [{name: seen, kind: seen}]"


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lipiyana", "rules", *map(str, arguments)]


def run(*arguments: str | Path, rows: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), input=rows, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("into", ["rows.jsonl", "rules.yaml", "login", "link"])
def test_events_do_not_go_into_what_is_read(into: str, tmp_path: Path) -> None:
    rows, login = tmp_path / "rows.jsonl", tmp_path / "login"
    rows.write_text("{}\n", "utf-8")
    login.write_text("user:word", "utf-8")
    (tmp_path / "link").hardlink_to(rows)
    rules = written(tmp_path, SEEN)
    before = [path.read_bytes() for path in (rows, rules, login)]
    done = run(
        rules, rows, "--to", tmp_path / into, "--to", "mqtt://127.0.0.1:9/a", "--login-file", login
    )
    assert done.returncode == 2
    assert "cannot be written: it is read" in done.stderr
    assert [path.read_bytes() for path in (rows, rules, login)] == before


@pytest.mark.parametrize(
    ("to", "option", "says"),
    [
        ("http://127.0.0.1:9/", "--login-file", "--login-file is for mqtt"),
        ("mqtt://127.0.0.1:9/a", "--secret-file", "--secret-file is for https"),
    ],
)
def test_a_secret_that_nobody_would_get(to: str, option: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("user:word", "utf-8")
    done = run(written(tmp_path, SEEN), "--to", to, option, tmp_path / "secret")
    assert (done.returncode, says in done.stderr) == (2, True)


def written(folder: Path, rules: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(rules, "utf-8")
    return path


def frame(number: int, registration: str | None = "KA01AD1234") -> str:
    read = registration and {
        "canonical": registration, "category": "private", "valid": True, "confidence": 0.9,
        "category_conflict": False,
    }  # fmt: skip
    vehicle = {"track": number, "label": "car", "box": [0, 0, 1, 1], "registration": read}
    row = {
        "kind": "frame", "id": f"gate-{number}", "source": "gate",
        "seen": f"2026-11-30T12:00:{number:02}.000Z", "vehicles": [vehicle],
    }  # fmt: skip
    return json.dumps(row) + "\n"


@pytest.fixture(scope="module")
def row(recognizer: LocalRecognizer) -> dict[str, Any]:
    """A row as `lipiyana read --layout plate` writes it, of a sample."""
    value = recognizer.recognize(PLATE, RecognitionConfig(layout=Layout.PLATE))
    assert value.plates[0].registration.valid
    return {"path": PLATE.name, "recognition": recognition_to_json(value)}


def test_a_real_row(row: dict[str, Any], tmp_path: Path) -> None:
    registration = row["recognition"]["plates"][0]["registration"]["canonical"]
    rules = f"""
rules:
  - {{name: seen, kind: seen}}
  - {{name: listed, kind: watch_list, registrations: [{registration}], max_confusions: 0}}
  - {{name: other, kind: watch_list, registrations: [ZZ{registration}]}}
"""
    done = run(written(tmp_path, rules), rows=f"{json.dumps(row)}\n" * 2)
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["rule"], event["source"]) for event in events] == [
        ("seen", PLATE.name),
        ("listed", PLATE.name),
    ]
    assert {event["registration"] for event in events} == {registration}


def test_events_go_to_files_and_signed_to_a_webhook(tmp_path: Path) -> None:
    rows, out, secret = tmp_path / "rows.jsonl", tmp_path / "events.jsonl", tmp_path / "secret"
    rows.write_text("".join(frame(number) for number in range(3)), "utf-8")
    out.write_text("{}\n", "utf-8")
    secret.write_text("a secret\n", "utf-8")
    with receiving() as receiver:
        answers = iter([Fault.DIES_BEFORE, 200, Fault.DIES_AFTER, 200, 200])
        receiver.answer = lambda _: next(answers)
        done = run(
            written(tmp_path, SEEN), rows, "--to", out, "--to", receiver.url,
            "--secret-file", secret,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    events = [json.loads(line) for line in out.read_text("utf-8").splitlines()][1:]
    assert [event["row"] for event in events] == ["gate-0", "gate-1", "gate-2"]
    assert list(receiver.rows.values()) == events
    assert receiver.doubles == 1
    for message in receiver.messages:
        timestamp = message.headers["Lipiyana-Timestamp"]
        assert is_signed(
            b"a secret", timestamp, message.body, message.headers["Lipiyana-Signature"],
            now=time.time(),
        )  # fmt: skip


def test_events_go_to_a_broker(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "broker"
    folder.mkdir()
    with broker(folder, port):
        subscriber = Subscriber(port, "gate/+")
        done = run(
            written(tmp_path, SEEN), "--to", f"mqtt://127.0.0.1:{port}/gate/events",
            rows=frame(1) + frame(2),
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        subscriber.wait(lambda: len(subscriber.messages) == 2)
        subscriber.close()
    events = [json.loads(message.payload) for message in subscriber.messages]
    assert [event["row"] for event in events] == ["gate-1", "gate-2"]


def test_an_event_that_a_webhook_refuses_is_reported(tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 422
        done = run(written(tmp_path, SEEN), "--to", receiver.url, rows=frame(1) + frame(2))
    assert done.returncode == 1
    assert "2 events were not delivered" in done.stderr
    assert "KA01AD1234" not in done.stderr
    assert len(receiver.messages) == 2


@pytest.mark.usefixtures("default_hangup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_events_that_a_signal_leaves_undelivered_are_reported(
    number: signal.Signals, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(frame(1), "utf-8")
    with receiving() as receiver:
        receiver.answer = lambda _: 503
        arguments = (written(tmp_path, SEEN), rows, "--to", receiver.url, "--follow")
        with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True) as process:
            receiver.wait(lambda: bool(receiver.messages))
            process.send_signal(number)
            try:
                _, said = process.communicate(timeout=120)
            finally:
                process.kill()
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert "1 events were not delivered" in said


def test_rules_change_while_rows_come(tmp_path: Path) -> None:
    rules, rows = written(tmp_path, SEEN), tmp_path / "rows.jsonl"
    rows.write_text(frame(1), "utf-8")
    process = subprocess.Popen(
        command(rules, rows, "--follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["rule"] == "seen"
        rules.write_text("rules: [", "utf-8")
        assert "the old rules stay" in process.stderr.readline()
        with rows.open("a", encoding="utf-8") as file:
            file.write(frame(2))
        assert json.loads(process.stdout.readline())["rule"] == "seen"
        other = tmp_path / "other.yaml"
        other.write_text(SEEN.replace("seen", "new", 1), "utf-8")
        other.replace(rules)
        while "the rules have changed" not in (said := process.stderr.readline()):
            assert said  # faults of the broken file come first
        with rows.open("a", encoding="utf-8") as file:
            file.write(frame(3))
        assert json.loads(process.stdout.readline())["rule"] == "new"
        process.terminate()
        assert process.wait() == 143
    finally:
        process.kill()
        process.communicate()


def test_lines_that_are_no_rows_are_left_out(tmp_path: Path) -> None:
    done = run(written(tmp_path, SEEN), rows=f"no row\n{frame(1)}")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert "row 1 is left out: not a row of" in done.stderr


def test_many_foreign_rows_are_counted(tmp_path: Path) -> None:
    done = run(written(tmp_path, SEEN), rows='{"kind": "track"}\n' * 300)
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()
    assert len(said) == 7
    assert (
        "row 5 is left out: not a row of `lipiyana read` or `lipiyana watch`: it has no" in said[4]
    )
    assert said[-1] == "warning: 300 rows were left out"


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command(written(tmp_path, SEEN)), input=frame(1), stdout=writing,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nosuch.jsonl"], 2, "there is no file nosuch.jsonl"),
        (["--to", "http://example.com/hook"], 2, "rows are personal data: use https://"),
        (["--to", "nosuch/events.jsonl"], 2, "there is no folder nosuch; make it first"),
        (["--to", "."], 2, ". is a folder; name a file in it"),
        (["--to", "rules.yaml/events.jsonl"], 2, "rules.yaml is a file; name a folder in place"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    written(tmp_path, SEEN)
    done = subprocess.run(
        command("rules.yaml", *arguments), input="", capture_output=True, text=True, cwd=tmp_path,
        check=False, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr


def test_all_faults_of_the_rules_are_said(tmp_path: Path) -> None:
    done = run(written(tmp_path, "rules: 3"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules (line 1): it must be a list, not 3" in done.stderr
