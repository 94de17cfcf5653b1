"""Counts: a picture has one vote, sketches are added, files are checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift_pictures import MODELS, Street

from lipiyana.drift.comparison import compare, not_compared
from lipiyana.drift.counting.answers import observe_answer
from lipiyana.drift.counting.signals import SIGNALS
from lipiyana.drift.counting.sketch import OTHER, Sketch
from lipiyana.drift.profile import (
    Profile,
    digests,
    read_profile,
    require_same_models,
    shipped_profile,
)
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore


def _sketch(street: Street, pictures: int, seed: int) -> Sketch:
    rng = np.random.default_rng(seed)
    sketch = Sketch()
    for _ in range(pictures):
        sketch.add(street.observation(rng))
    return sketch


def test_every_picture_has_one_vote_a_signal() -> None:
    sketch = _sketch(Street(), 50, 1)
    for name in SIGNALS:
        assert sketch.weight(name) <= 50 + 1e-9
    assert sketch.weight("vehicle_class") == pytest.approx(50)
    assert sketch.weight("brightness") == 0


def test_sketches_of_servers_are_added() -> None:
    one, other = _sketch(Street(), 40, 1), _sketch(Street("Kerala"), 30, 2)
    both = Sketch()
    both.merge(one)
    both.merge(other)
    assert both.pictures == 70
    for name in SIGNALS:
        assert both.weight(name) == pytest.approx(one.weight(name) + other.weight(name))
    assert set(both.counts("plate_region")) == {"IN-Karnataka", "IN-Kerala"}


def test_values_that_are_no_numbers_are_left_out() -> None:
    sketch = Sketch()
    sketch.add({"brightness": (float("nan"),), "contrast": (float("inf"), 20.0)})
    assert sketch.weight("brightness") == 0
    assert sketch.weight("contrast") == 1


def test_labels_are_bounded() -> None:
    sketch = Sketch()
    for index in range(500):
        sketch.add({"plate_region": (f"XX-{index}",)})
    assert len(sketch.counts("plate_region")) == 65
    assert sketch.counts("plate_region")[OTHER] == 500 - 64
    assert Sketch.from_json(sketch.to_json()).counts("plate_region") == sketch.counts(
        "plate_region"
    )


@pytest.mark.parametrize(
    "changed",
    [Street(region="Kerala"), Street(label="tractor"), Street(script="Mlym", text="കൊച്ചി"),
     Street(confidence=0.6)],
)  # fmt: skip
def test_sixty_pictures_suffice_for_a_gross_change(changed: Street) -> None:
    reference = _sketch(Street(), 400, 1)
    assert any(one.drifted for one in compare(reference, _sketch(changed, 60, 2)))


def test_equal_streets_do_not_drift() -> None:
    reference = _sketch(Street(), 400, 1)
    found = [compare(reference, _sketch(Street(), 60, seed)) for seed in range(2, 42)]
    assert sum(one.drifted for differences in found for one in differences) == 0


def test_a_profile_is_read_as_it_was_written(tmp_path: Path) -> None:
    profile = Profile(models=digests(MODELS))
    profile.add_hour(24 * 20_000 + 7, _sketch(Street(), 40, 1))
    path = tmp_path / "reference.json"
    profile.write(path)
    again = read_profile(path)
    assert again.models == profile.models
    assert again.total.to_json() == profile.total.to_json()
    assert again.at(7).pictures == 40
    text = path.read_text("utf-8")
    assert "KA01AB" not in text
    assert "ಬೆಂ" not in text


def test_too_few_pictures_of_an_hour_are_those_of_all() -> None:
    profile = Profile()
    profile.add_hour(3, _sketch(Street(), 5, 1))
    profile.add_hour(4, _sketch(Street(), 60, 2))
    assert profile.at(3).pictures == 65
    assert profile.at(4).pictures == 60


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "1"},
        {"format": "lipiyana drift state"},
        {"total": None},
        {"total": {"pictures": -1, "signals": {}}},
        {"total": {"pictures": 1e400, "signals": {}}},
        {"total": {"pictures": 1, "signals": {"brightness": [1, 2]}}},
        {"total": {"pictures": 1, "signals": {"unheard_of": {}}}},
        {"total": {"pictures": 1, "signals": {"script": {"Deva": "many"}}}},
        {"total": {"pictures": 1, "signals": {"script": {"Deva": float("nan")}}}},
        {"hours": {"24": {"pictures": 0, "signals": {}}}},
        {"models": []},
        {"models": {}},
        {"total": {"pictures": 1}},
        {"total": {"pictures": 1, "signals": {"brightness": 3}}},
        {"total": {"pictures": 1, "signals": {"script": [1]}}},
        {"total": {"pictures": "many", "signals": {}}},
        {"hours": {"3": []}},
        {"usual": {"brightness": -1}},
        {"usual": {"brightness": float("inf")}},
        {"usual": {"brightness": "much"}},
        {"version": True},
        {"total": {"pictures": 0, "signals": {"script": {"Deva": 1}}}},
        {"total": {"pictures": 40, "signals": {"script": {"Deva": 30, "Taml": 12}}}},
        {"total": {"pictures": 10**15, "signals": {"script": {"Deva": 1}}}},
        {"total": {"pictures": 40, "signals": {}}},
        {"total": {"pictures": 40, "signals": {"script": {"Deva": 0}}}},
        {"hours": {"3": {"pictures": 2, "signals": {"script": {"Deva": 1}}}}},
    ],
)
def test_a_profile_of_another_version_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    Profile(models=digests(MODELS)).write(path)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(InvalidRequest, match=r"reference\.json") as caught:
        read_profile(path)
    # what is wrong is said in words, without names of Python's exceptions
    assert not re.search(r"Error|Exception|KeyErr", caught.value.message)
    assert "reference.json" not in caught.value.message.partition("reference.json")[2]


def _edit_pictures(value: dict[str, Any]) -> None:
    value["total"]["pictures"] = 70


def _drop_signal(value: dict[str, Any]) -> None:
    del value["total"]["signals"]["vehicle_class"]


def _drop_all_signals_but_one(value: dict[str, Any]) -> None:
    signals = value["total"]["signals"]
    value["total"]["signals"] = {"vehicles": signals["vehicles"]}


def _move_counts(value: dict[str, Any]) -> None:
    """The total no longer is the sum of its hours."""
    value["total"]["signals"]["vehicles"].reverse()


def _add_counts(value: dict[str, Any]) -> None:
    value["total"]["signals"]["script"] = {"Deva": 58}


@pytest.mark.parametrize(
    "edit",
    [_edit_pictures, _drop_signal, _drop_all_signals_but_one, _move_counts, _add_counts],
    ids=lambda edit: edit.__name__.strip("_"),
)
def test_counts_that_contradict_each_other_are_refused(
    edit: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    path = tmp_path / "reference.json"
    profile = Profile(models=digests(MODELS))
    for hour in (3, 4):
        profile.add_hour(hour, _sketch(Street(), 30, hour))
    profile.write(path)
    read_profile(path)
    value = json.loads(path.read_text("utf-8"))
    edit(value)
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises(InvalidRequest, match="make the profile anew") as caught:
        read_profile(path)
    assert caught.value.reason == "OTHER_PROFILE"
    assert str(path) in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": 1}'])
def test_what_is_no_profile_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidRequest, match="is not a"):
        read_profile(path)
    with pytest.raises(NotFound):
        read_profile(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("before", "now"),
    [({"reader": "1"}, {"reader": "2"}),
     ({"reader": "1"}, {"another": "1"}),
     ({"reader": "1"}, {"reader": "1", "vehicles": "1"}),
     ({"reader": "1", "vehicles": "1"}, {"reader": "1"})],
    ids=["digest", "name", "one more", "one less"],
)  # fmt: skip
def test_models_must_be_equal_in_name_and_digest(
    before: dict[str, str], now: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest, match="other models gave these answers") as raised:
        require_same_models(before, now)
    for name, digest in (before.items() | now.items()) - (before.items() & now.items()):
        assert f"'{name} {digest}'" in raised.value.message
    require_same_models(before, {})
    require_same_models(before, dict(before))


def test_profiles_of_other_models_are_not_added() -> None:
    profile = Profile(models={"reader": "1"})
    with pytest.raises(InvalidRequest, match="other models gave these answers") as raised:
        profile.merge(Profile(models={"reader": "2"}))
    assert raised.value.reason == "OTHER_MODELS"


def test_the_shipped_profile_is_of_the_shipped_models(store: ModelStore) -> None:
    """`python benchmarks/drift/shipped_profile.py` makes it anew for new models."""
    profile = read_profile(shipped_profile())
    recognizer = LocalRecognizer(store)
    assert profile.models == digests(recognizer.models)
    assert profile.total.pictures >= 100
    assert profile.total.weight("brightness") == pytest.approx(profile.total.pictures)


def _with_features(pictures: int, seed: int, moved: float = 0.0) -> Sketch:
    rng, sketch = np.random.default_rng(seed), Sketch()
    for _ in range(pictures):
        features = rng.normal(0, 0.3, (4, 32)).astype(np.float32)
        features[:, 7] += moved
        sketch.add(observe_answer(Street().answer(rng), [features]))
    return sketch


def test_the_features_of_lines_are_one_signal() -> None:
    reference = _with_features(150, 1)
    for seed in range(2, 12):
        assert not any(one.drifted for one in compare(reference, _with_features(60, seed)))
    found = compare(reference, _with_features(60, 2, moved=0.4))
    (one,) = (one for one in found if one.drifted)
    assert (one.signal, one.part) == ("line_feature", "line_feature_07")
    assert sum(one.signal.startswith("line_feature") for one in found) == 1
    assert "line_feature" not in not_compared(reference, _with_features(60, 2))


def test_a_model_without_features_is_compared_in_the_other_signals() -> None:
    found = compare(_with_features(100, 1), other := _sketch(Street(), 100, 2))
    assert found
    assert "line_feature" not in {one.signal for one in found}
    assert "line_feature" in not_compared(_with_features(100, 1), other)
