from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lipiyana import models
from lipiyana.events.rules.engine import Event, RuleEngine
from lipiyana.events.rules.matching import look_alikes
from lipiyana.events.rules.ruleset import LABELS, RulesError, load_rules
from lipiyana.events.rules.sightings import (
    Observation,
    Sighting,
    observation_of_line,
    sightings,
)
from lipiyana.events.rules.zones import Place
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.manifest import read_manifest
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

ROOT = Path(__file__).parents[3]
PLATE = ROOT / "samples" / "plates" / "01_standard_1row.jpg"
SEEN = Sighting("KA01AD1234", Category.PRIVATE, False, 0.9, (Place(None, 0.5, 0.5),), "car", 7)


def engine(folder: Path, rules: str) -> RuleEngine:
    return RuleEngine(load_rules(written(folder, rules)))


def written(folder: Path, rules: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(rules, "utf-8")
    return path


def events_of(made: RuleEngine, results: Iterable[Iterable[Sighting]]) -> list[Event]:
    return [
        event
        for number, seen in enumerate(results)
        for event in made.events(Observation(str(number), tuple(seen)))
    ]


def at(x: float, y: float, seconds: float | None = None) -> Sighting:
    return replace(SEEN, places=(Place(seconds, x, y),))


ENTERED = "rules: [{name: entered, kind: entered}]"


def test_a_track_is_reported_once_whatever_is_read(tmp_path: Path) -> None:
    other_reading = replace(SEEN, registration="KA01AQ1234")
    other_car = replace(SEEN, track=8)
    events = events_of(
        engine(tmp_path, ENTERED), [[SEEN], [SEEN], [other_reading], [other_car, SEEN]]
    )
    assert [(event.source, event.track) for event in events] == [("0", 7), ("3", 8)]


def test_without_tracks_a_registration_is_reported_once(tmp_path: Path) -> None:
    one, other = replace(SEEN, track=None), replace(SEEN, track=None, registration="MH1A1")
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
        at(0.4, 0.5),
        at(0.5, 0.7),
    ]
    outside = [replace(one, track=number) for number, one in enumerate(outside)]
    assert events_of(engine(tmp_path, rules), [outside]) == []
    assert len(events_of(engine(tmp_path, rules), [[SEEN]])) == 1


def test_wrong_category(tmp_path: Path) -> None:
    rules = """
rules:
  - {name: hire, kind: category, vehicles: [bus], categories: [private], conflicts: true}
"""
    private = replace(SEEN, vehicle="bus", track=1)
    transport = replace(private, category=Category.TRANSPORT, track=2)
    repainted = replace(transport, conflict=True, track=3)
    unknown = replace(private, category=None, track=4)
    events = events_of(engine(tmp_path, rules), [[SEEN, private, transport, repainted, unknown]])
    assert [(event.track, event.detail) for event in events] == [
        (1, "private plate"),
        (3, "colours, format or vehicle contradict"),
    ]


def test_watch_list(tmp_path: Path) -> None:
    rules = """
rules:
  - {name: stolen, kind: watch_list, registrations: [ka-01 AD 1234, KA01AO1234]}
"""
    readings = ["KA01AD1234", "KA01AQ1234", "KA01AQ1Z34", "KA01AM1234", "KA01AD123"]
    seen = [replace(SEEN, registration=text, track=i) for i, text in enumerate(readings)]
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
def test_look_alikes(read: str, listed: str, distance: int | None) -> None:
    assert look_alikes(read, listed) == look_alikes(listed, read) == distance


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("rules: []", r"rules \(line 1\): there are none"),
        ("", "the file: it must be names with values"),
        (
            "rules: [{name: a, kind: entered}]\nforget: 3",
            r"forget \(line 2\): .*Did you mean 'forget_after'",
        ),
        (
            "rules: [{name: a, kind: lost}]",
            r"rules\[0\] \(line 1\): there is no kind 'lost'; there are seen, entered, ",
        ),
        ("rules: [{name: a, kind: left}]", r"rules\[0\]\.zone \(line 1\): this setting is missing"),
        ("rules: [{name: a, kind: dwell}]", r"rules\[0\]\.seconds .*missing"),
        (
            "rules: [{name: a, kind: dwell, seconds: 3, region: gate, zone: [0, 0, 1, 1]}]",
            "a zone or a region",
        ),
        ("rules: [{name: a, kind: category}]", "name categories"),
        ("rules: [{name: a, kind: seen, zone: gate}]", r"rules\[0\]\.zone .*: a zone is"),
        ("rules: [{name: a, kind: seen, zone: [[0, 0], [1, 1]]}]", "three corners"),
        ("rules: [{name: a, kind: seen, zone: [0, 0, 1, 2]}]", "from 0 to 1"),
        ("[" * 5000, "cannot be read"),
        ("rules: [{name: a, kind: entered}, {name: a, kind: entered}]", "two rules are named a"),
        ("rules: [{kind: entered}]", r"rules\[0\]\.name .*missing"),
        (
            "rules: [{name: a, kind: entered, max_confusions: 1}]",
            r"rules\[0\]\.max_confusions .*there are kind, min_confidence, name",
        ),
        ("rules: [{name: a, kind: entered, zone: [1, 0, 0, 1]}]", r"rules\[0\]\.zone .*left"),
        ("rules: [{name: a, kind: watch_list, registrations: ['-']}]", "letters and digits"),
        (
            "rules: [{name: a, kind: category, categories: [x]}]",
            r"categories\[0\] .*it must be one of 'private', .*, not 'x'",
        ),
        ("rules: [", "cannot be read: it is not YAML: line 1: "),
        ("\x00", "cannot be read"),
        ("rules: [{name: a, kind: seen}]\nrules: []", "line 2: rules is there already, in line 1"),
        (
            "rules:\n- name: a\n  kind: seen\n  vehicles: [car, autorickshaw]",
            r"rules\[0\]\.vehicles\[1\] \(line 4\): .*Did you mean 'auto_rickshaw'",
        ),
        ("rules: [{name: a, kind: seen, vehicles: [tractor]}]", "There are auto_rickshaw, "),
        ("rules: [{name: a, kind: seen, min_confidence: high}]", "must be a number, not 'high'"),
        ("rules: [{name: a, kind: entred}]", "Did you mean 'entered'"),
        ("rules: [{name: 3, kind: seen}]", r"rules\[0\]\.name .*must be text.*, not 3"),
        ("rules: [{name: A b, kind: seen}]", "'A b' is no name: it begins with a small letter"),
        ("rules: [{name: a, kind: watch_list, registrations: [3]}]", r"must be text; .* quotes$"),
        ("rules: [{kind: seen}, {name: a}]", r"\[1\] \(line 1\): it has no `kind`"),
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


def test_labels_of_a_model_of_ones_own_are_named(tmp_path: Path) -> None:
    rules = "rules: [{name: a, kind: seen, vehicles: [tractor]}]\nknown_labels: [tractor]"
    (rule,) = load_rules(written(tmp_path, rules)).rules
    assert rule.vehicles == {"tractor"}


def test_the_labels_are_those_of_the_model() -> None:
    (model,) = (
        one for one in read_manifest(Path(models.__file__).parent) if one.name == "vehicles-int8"
    )
    assert set(model.parameters["calibration"]) == {*LABELS}


def test_a_watch_list_with_a_distance(tmp_path: Path) -> None:
    rules = """
rules:
  - {name: near, kind: watch_list, registrations: [KA01AD1234], max_confusions: 0, max_distance: 1}
"""
    readings = ["KA01AD1234", "KA01AM1234", "KA01AD123", "KA01AAD1234", "KA01AM123"]
    seen = [replace(SEEN, registration=text, track=i) for i, text in enumerate(readings)]
    events = events_of(engine(tmp_path, rules), [seen])
    assert [event.registration for event in events] == readings[:4]
    assert {event.detail for event in events[1:]} == {"may be KA01AD1234, which is listed"}


def test_a_look_alike_is_nearer_than_another_character(tmp_path: Path) -> None:
    rules = """
rules:
  - name: near
    kind: watch_list
    registrations: [KA01AB1235, KA01A81234]
    max_distance: 1
"""
    (event,) = events_of(engine(tmp_path, rules), [[replace(SEEN, registration="KA01AB1234")]])
    assert event.detail == "may be KA01A81234, which is listed"


GATE = "zone: [0.5, 0.0, 1.0, 1.0]"


def test_a_zone_is_entered_and_left(tmp_path: Path) -> None:
    rules = f"rules: [{{name: in, kind: entered, {GATE}}}, {{name: out, kind: left, {GATE}}}]"
    steps = [at(0.2, 0.5), at(0.7, 0.5), at(0.8, 0.5), at(0.3, 0.5), at(0.6, 0.5), at(0.1, 0.5)]
    events = events_of(engine(tmp_path, rules), [[one] for one in steps])
    assert [(event.rule, event.source) for event in events] == [("in", "1"), ("out", "3")]


def test_time_in_a_zone_is_summed(tmp_path: Path) -> None:
    rules = f"rules: [{{name: parked, kind: dwell, seconds: 10, {GATE}}}]"
    places = [(0.9, 0), (0.9, 6), (0.1, 7), (0.1, 30), (0.9, 31), (0.9, 33), (0.9, 36)]
    steps = [[at(x, 0.5, seconds)] for x, seconds in places]
    events = events_of(engine(tmp_path, rules), steps)
    # 6 s, half a second out and half a second in, then 3 s
    assert [(event.source, event.detail) for event in events] == [("6", "12.0 s")]


def test_a_region_of_watch_has_its_own_time(tmp_path: Path) -> None:
    rules = "rules: [{name: parked, kind: dwell, seconds: 10, region: gate}]"
    short = replace(SEEN, seconds_in={"gate": 9.9, "road": 60.0})
    long = replace(SEEN, track=8, seconds_in={"gate": 10.5})
    events = events_of(engine(tmp_path, rules), [[short], [long]])
    assert [(event.track, event.detail) for event in events] == [(8, "10.5 s")]


def test_vehicles_without_a_registration(tmp_path: Path) -> None:
    unread = replace(SEEN, registration="", confidence=0.0)
    rules = "rules: [{name: any, kind: seen, unread: true}, {name: read, kind: seen}]"
    events = events_of(engine(tmp_path, rules), [[unread], [SEEN]])
    assert [(event.rule, event.registration) for event in events] == [
        ("any", ""),
        ("read", "KA01AD1234"),
    ]


def test_a_track_number_that_comes_again_late_is_another_vehicle(tmp_path: Path) -> None:
    made = engine(tmp_path, "forget_after_seconds: 60\n" + ENTERED)
    events = events_of(made, [[at(0.5, 0.5, 0)], [at(0.5, 0.5, 60)], [at(0.5, 0.5, 121)]])
    assert [event.source for event in events] == ["0", "2"]


def test_changed_rules_keep_what_others_have_told(tmp_path: Path) -> None:
    first = "rules: [{name: a, kind: seen}, {name: b, kind: seen}]"
    made = engine(tmp_path, first)
    assert len(events_of(made, [[SEEN]])) == 2
    changed = first.replace("name: b, kind: seen", "name: b, kind: entered")
    made.replace_rules(load_rules(written(tmp_path, changed)))
    assert [event.rule for event in events_of(made, [[SEEN]])] == ["b"]


def track_row(**changes: Any) -> dict[str, Any]:
    row = {
        "kind": "track", "id": "gate-1-7", "source": "gate", "track": 7, "label": "car",
        "confidence": 0.8,
        "registration": {
            "canonical": "KA01AD1234", "text": "KA01AD1234", "format": "standard",
            "region": "Karnataka", "category": "private", "valid": True, "confidence": 0.9,
            "readings": 4, "category_conflict": False,
        },
        "text": [], "first_seen": "2026-11-30T12:00:00.000Z",
        "last_seen": "2026-11-30T12:00:08.000Z", "frames": 80, "direction": "right",
        "seconds_in": {"gate": 4.0},
        "path": [[0.0, 0.0, 0.4, 0.2, 0.6], [4.0, 0.5, 0.4, 0.7, 0.6], [8.0, 0.8, 0.4, 1.0, 0.6]],
    }  # fmt: skip
    return row | changes


def frame_row(seconds: int, x: float, **changes: Any) -> dict[str, Any]:
    vehicle = {
        "track": 7, "label": "car", "confidence": 0.8, "box": [x - 0.1, 0.4, x + 0.1, 0.6],
        "registration": track_row()["registration"],
    }  # fmt: skip
    return {
        "kind": "frame", "id": f"gate-{seconds}", "source": "gate",
        "seen": f"2026-11-30T12:00:{seconds:02}.000Z", "vehicles": [vehicle | changes], "text": [],
    }  # fmt: skip


WATCHED = f"""
rules:
  - {{name: seen, kind: seen}}
  - {{name: in, kind: entered, {GATE}}}
  - {{name: out, kind: left, {GATE}}}
  - {{name: parked, kind: dwell, seconds: 4.5, {GATE}}}
  - {{name: listed, kind: watch_list, registrations: [KA 01 AD 1234]}}
  - {{name: private, kind: category, categories: [private]}}
"""


def told(made: RuleEngine, rows: Iterable[dict[str, Any]]) -> list[str]:
    return [
        f"{event.rule} {event.row}"
        for row in rows
        for event in made.events(observation_of_line(json.dumps(row)))
    ]


def test_a_track_tells_once_even_if_its_frames_came_before(tmp_path: Path) -> None:
    made = engine(tmp_path, WATCHED)
    frames = [frame_row(0, 0.1), frame_row(4, 0.6)]
    assert told(made, frames) == [
        "seen gate-0", "listed gate-0", "private gate-0", "in gate-4",
    ]  # fmt: skip
    # the whole path shows that it stayed
    assert told(made, [track_row()]) == ["parked gate-1-7"]
    # the track has ended: the next one with its number is another vehicle
    assert told(made, [track_row(id="gate-2-7")])[0] == "seen gate-2-7"


def test_a_track_alone_tells_all(tmp_path: Path) -> None:
    path = track_row()["path"]
    away = [*path, [9.0, 0.0, 0.4, 0.2, 0.6]]
    rows = [track_row(path=away, last_seen="2026-11-30T12:00:09.000Z")]
    names = [line.split()[0] for line in told(engine(tmp_path, WATCHED), rows)]
    assert names == ["seen", "in", "out", "parked", "listed", "private"]
    (event, *_) = engine(tmp_path, WATCHED).events(observation_of_line(json.dumps(rows[0])))
    assert (event.source, event.time, event.vehicle, event.track) == (
        "gate", "2026-11-30T12:00:09.000Z", "car", 7,
    )  # fmt: skip


def test_a_small_zone_between_two_places_is_entered(tmp_path: Path) -> None:
    rules = "rules: [{name: in, kind: entered, zone: [[0.35, 0.45], [0.4, 0.55], [0.3, 0.55]]}]"
    assert told(engine(tmp_path, rules), [track_row()]) == ["in gate-1-7"]


def test_a_doubtful_or_missing_registration_is_none(tmp_path: Path) -> None:
    doubtful = track_row()["registration"] | {"valid": False}
    rows = [track_row(registration=doubtful), track_row(track=8, registration=None)]
    assert told(engine(tmp_path, WATCHED), rows) == ["listed gate-1-7"]


@pytest.mark.parametrize(
    ("read", "options", "detail"),
    [
        ("KA01AD1234", "", "listed; the reading is doubtful"),
        ("KA01AD1234", ", valid_only: true", None),
        ("KA01AD1234", ", min_confidence: 0.99", None),
        ("KA01AO1234", ", max_confusions: 3", None),  # near a listed one are too many strangers
        ("", "", None),
    ],
)
def test_a_listed_registration_that_was_read_with_doubt(
    tmp_path: Path, read: str, options: str, detail: str | None
) -> None:
    rules = f"rules: [{{name: a, kind: watch_list, registrations: [KA01AD1234]{options}}}]"
    doubtful = track_row()["registration"] | {"valid": False, "canonical": read}
    row = json.dumps(track_row(registration=doubtful))
    found = [
        (event.registration, event.detail)
        for event in engine(tmp_path, rules).events(observation_of_line(row))
    ]
    assert found == ([] if detail is None else [(read, detail)])


def test_a_doubtful_plate_of_a_picture() -> None:
    plate = Plate("KA01AD1234", 0.9, Box(10, 10, 30, 30), (), Registration("KA01AD1234", False))
    (seen,) = sightings(Recognition(40, 40, (), (plate,)))
    assert (seen.registration, seen.doubtful, seen.key) == ("", "KA01AD1234", "KA01AD1234")


def test_vehicle_and_track_of_a_plate() -> None:
    registration = Registration("KA01AD1234", True, category=Category.PRIVATE)
    plate = Plate("KA01AD1234", 0.9, Box(10, 10, 30, 30), (), registration, vehicle_index=1)
    vehicles = (Vehicle("bus", 0.9, Box(0, 0, 1, 1)), Vehicle("car", 0.9, Box(0, 0, 40, 40), 7))
    unparsed = replace(plate, registration=Registration())
    value = Recognition(40, 40, vehicles, (plate, unparsed))
    assert sightings(value) == (SEEN,)


def test_a_picture_with_an_error_has_no_sightings() -> None:
    row = {"path": "a", "error": {"code": "INVALID_ARGUMENT", "message": ""}}
    assert observation_of_line(json.dumps(row)) == Observation("a", ())


@pytest.mark.parametrize(
    "bad",
    [
        "", "[]", "{}", "3", '{"path": "a", "recognition": {"plates": 3}}', '{"kind": "car"}',
        "[" * 100_000, json.dumps(track_row(path=[])), json.dumps(track_row(first_seen="today")),
        json.dumps(track_row(path=[[0, 1]])), json.dumps(track_row(registration={})),
        json.dumps(frame_row(1, 0.5) | {"vehicles": [{}]}), json.dumps(frame_row(1, 0.5, box=None)),
    ],
)  # fmt: skip
def test_what_is_no_row_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a row of"):
        observation_of_line(bad)


def test_a_real_stream(recognizer: LocalRecognizer, tmp_path: Path) -> None:
    frames = [Frame(number, PLATE) for number in range(3)]
    results = recognizer.recognize_stream(frames, RecognitionConfig(layout=Layout.PLATE))
    seen = [sightings(one.outcome) for one in results if isinstance(one.outcome, Recognition)]
    assert len(events_of(engine(tmp_path, ENTERED), seen)) == 1
