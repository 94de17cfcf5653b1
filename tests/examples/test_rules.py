from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lipiyana.errors import InvalidImage
from lipiyana.pipeline import LocalRecognizer
from lipiyana.recognizer import FrameResult
from lipiyana.types import (
    Box,
    Category,
    Frame,
    Layout,
    Plate,
    Recognition,
    RecognitionConfig,
    Registration,
    Vehicle,
)
from lipiyana.wire.results import recognition_to_json
from rules.engine import Event, RuleEngine, near
from rules.ruleset import RulesError, load_rules
from rules.sightings import (
    Result,
    Sighting,
    results_of_rows,
    results_of_stream,
    sightings,
)

ROOT = Path(__file__).parents[2]
PLATE = ROOT / "samples" / "plates" / "01_standard_1row.jpg"
SEEN = Sighting("KA01AD1234", Category.PRIVATE, False, 0.9, 0.5, 0.5, "car", 7)


def engine(folder: Path, rules: str) -> RuleEngine:
    return RuleEngine(load_rules(written(folder, rules)))


def written(folder: Path, rules: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(rules, "utf-8")
    return path


def events_of(made: RuleEngine, results: Iterable[Iterable[Sighting]]) -> list[Event]:
    pictures = (Result(str(number), tuple(seen)) for number, seen in enumerate(results))
    return list(made.events(pictures))


ENTERED = "rules: [{name: entered, kind: entered}]"


def test_a_track_is_reported_once_whatever_is_read(tmp_path: Path) -> None:
    other_reading = replace(SEEN, registration="KA01AQ1234")
    other_car = replace(SEEN, track_id=8)
    events = events_of(
        engine(tmp_path, ENTERED), [[SEEN], [SEEN], [other_reading], [other_car, SEEN]]
    )
    assert [(event.source, event.track_id) for event in events] == [("0", 7), ("3", 8)]


def test_without_tracks_a_registration_is_reported_once(tmp_path: Path) -> None:
    one, other = replace(SEEN, track_id=None), replace(SEEN, track_id=None, registration="MH1A1")
    events = events_of(engine(tmp_path, ENTERED), [[one], [one, other], [one]])
    assert [event.registration for event in events] == ["KA01AD1234", "MH1A1"]


def test_a_vehicle_that_returns_late_is_a_new_one(tmp_path: Path) -> None:
    rules = "forget_after: 3\n" + ENTERED
    events = events_of(engine(tmp_path, rules), [[SEEN], [], [], [SEEN], [], [], [], [SEEN]])
    assert [event.source for event in events] == ["0", "7"]


def test_conditions(tmp_path: Path) -> None:
    rules = (
        "rules: [{name: gate, kind: entered, min_confidence: 0.8, vehicles: [car, bus],"
        " zone: [0.5, 0.0, 1.0, 0.6]}]"
    )
    outside = [
        replace(SEEN, confidence=0.7),
        replace(SEEN, vehicle="truck"),
        replace(SEEN, vehicle=""),
        replace(SEEN, x=0.4),
        replace(SEEN, y=0.7),
    ]
    assert events_of(engine(tmp_path, rules), [outside]) == []
    assert len(events_of(engine(tmp_path, rules), [[SEEN]])) == 1


def test_wrong_category(tmp_path: Path) -> None:
    rules = """
rules:
  - {name: hire, kind: wrong_category, vehicles: [bus], categories: [private], conflicts: true}
"""
    private = replace(SEEN, vehicle="bus", track_id=1)
    transport = replace(private, category=Category.TRANSPORT, track_id=2)
    repainted = replace(transport, conflict=True, track_id=3)
    unknown = replace(private, category=None, track_id=4)
    events = events_of(engine(tmp_path, rules), [[SEEN, private, transport, repainted, unknown]])
    assert [(event.track_id, event.detail) for event in events] == [
        (1, "private plate"),
        (3, "colours contradict the format"),
    ]


def test_watch_list(tmp_path: Path) -> None:
    rules = """
rules:
  - {name: stolen, kind: watch_list, registrations: [ka-01 AD 1234, KA01AO1234]}
"""
    readings = ["KA01AD1234", "KA01AQ1234", "KA01AQ1Z34", "KA01AM1234", "KA01AD123"]
    seen = [replace(SEEN, registration=text, track_id=i) for i, text in enumerate(readings)]
    events = events_of(engine(tmp_path, rules), [seen])
    assert [(event.registration, event.detail) for event in events] == [
        ("KA01AD1234", "listed"),
        ("KA01AQ1234", "may be KA01AD1234, which is listed"),
    ]


@pytest.mark.parametrize(
    ("read", "listed", "distance"),
    [("AB", "AB", 0), ("A8", "AB", 1), ("0Z", "O2", 2), ("DQ", "QD", 2), ("AB", "AC", None),
     ("AB", "ABB", None)],
)  # fmt: skip
def test_near(read: str, listed: str, distance: int | None) -> None:
    assert near(read, listed) == near(listed, read) == distance


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("rules: []", "rules: "),
        ("", "the file: "),
        ("rules: [{name: a, kind: entered}]\nforget: 3", "forget: "),
        ("rules: [{name: a, kind: left}]", r"rules\[0\]: .*'left'"),
        ("rules: [{name: a, kind: entered}, {name: a, kind: entered}]", "two rules are named a"),
        ("rules: [{kind: entered}]", r"rules\[0\]\.name: "),
        ("rules: [{name: a, kind: entered, max_confusions: 1}]", r"rules\[0\]\.max_confusions: "),
        ("rules: [{name: a, kind: entered, zone: [1, 0, 0, 1]}]", r"rules\[0\]\.zone: .*left"),
        ("rules: [{name: a, kind: watch_list, registrations: ['-']}]", "letters and digits"),
        ("rules: [{name: a, kind: wrong_category, categories: [x]}]", r"categories\[0\]: "),
        ("rules: [", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_faults_are_reported_with_their_place(tmp_path: Path, rules: str, place: str) -> None:
    with pytest.raises(RulesError, match=place):
        load_rules(written(tmp_path, rules))


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    rules = "rules: [{name: A, kind: entered}, {name: b, kind: entered, min_confidence: 2}]"
    with pytest.raises(RulesError) as caught:
        load_rules(written(tmp_path, rules))
    assert str(caught.value).count("\n") == 2
    with pytest.raises(RulesError, match=r"missing\.yaml cannot be read"):
        load_rules(tmp_path / "missing.yaml")


def test_the_rules_that_come_with_it() -> None:
    rules = load_rules(ROOT / "examples" / "rules" / "rules.yaml")
    assert {rule.kind for rule in rules.rules} == {"entered", "wrong_category", "watch_list"}


def test_vehicle_and_track_of_a_plate() -> None:
    registration = Registration("KA01AD1234", True, category=Category.PRIVATE)
    plate = Plate("KA01AD1234", 0.9, Box(10, 10, 30, 30), (), registration, vehicle_index=1)
    vehicles = (Vehicle("bus", 0.9, Box(0, 0, 1, 1)), Vehicle("car", 0.9, Box(0, 0, 40, 40), 7))
    unparsed = replace(plate, registration=Registration())
    value = Recognition(40, 40, vehicles, (plate, unparsed))
    assert sightings(value) == (SEEN,)
    failed = FrameResult(2, InvalidImage("no picture"))
    found = list(results_of_stream([FrameResult(1, value), failed]))
    assert found == [Result("frame 1", (SEEN,)), Result("frame 2", ())]


def test_bad_rows_are_reported_by_their_number() -> None:
    good = json.dumps({"path": "a", "error": {"code": "INVALID_ARGUMENT", "message": ""}})
    for bad in ("", "[]", "{}", '{"path": "a", "recognition": {"plates": 3}}'):
        rows = results_of_rows([good, bad])
        assert next(rows) == Result("a", ())
        with pytest.raises(ValueError, match="line 2 is not a row"):
            next(rows)


@pytest.fixture(scope="module")
def row(recognizer: LocalRecognizer) -> dict[str, Any]:
    """A row as `lipiyana read --layout plate` writes it, of a sample."""
    value = recognizer.recognize(PLATE, RecognitionConfig(layout=Layout.PLATE))
    assert value.plates[0].registration.valid
    return {"path": PLATE.name, "recognition": recognition_to_json(value)}


def test_a_real_row_through_the_command(row: dict[str, Any], tmp_path: Path) -> None:
    registration = row["recognition"]["plates"][0]["registration"]["canonical"]
    rules = f"""
rules:
  - {{name: entered, kind: entered}}
  - {{name: listed, kind: watch_list, registrations: [{registration}], max_confusions: 0}}
  - {{name: other, kind: watch_list, registrations: [ZZ{registration}]}}
"""
    command = [sys.executable, "-m", "rules", str(written(tmp_path, rules))]
    lines = f"{json.dumps(row)}\n" * 2
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, cwd=ROOT / "examples", check=True
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["rule"], event["source"]) for event in events] == [
        ("entered", PLATE.name),
        ("listed", PLATE.name),
    ]
    assert {event["registration"] for event in events} == {registration}


def test_a_real_stream(recognizer: LocalRecognizer, tmp_path: Path) -> None:
    frames = [Frame(number, PLATE) for number in range(3)]
    results = recognizer.recognize_stream(frames, RecognitionConfig(layout=Layout.PLATE))
    made = engine(tmp_path, ENTERED)
    assert len(list(made.events(results_of_stream(results)))) == 1


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rules", str(written(tmp_path, "rules: 3"))]
    done = subprocess.run(
        command, input="", capture_output=True, text=True, cwd=ROOT / "examples", check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules: " in done.stderr


def test_a_reader_that_has_enough_is_no_error(row: dict[str, Any], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rules", str(written(tmp_path, ENTERED))]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command, input=f"{json.dumps(row)}\n", stdout=writing, stderr=subprocess.PIPE,
            text=True, cwd=ROOT / "examples", check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--server", "localhost:1", "--frames", "nosuch"], "there is no folder nosuch"),
        (["nosuch.jsonl"], "nosuch.jsonl: No such file or directory"),
    ],
)
def test_files_that_are_not_there_are_named(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    command = [sys.executable, "-m", "rules", str(written(tmp_path, ENTERED)), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT / "examples", check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().endswith(says)
