"""`DriftWatch`: cameras apart, counts on disk, several processes in one folder."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift_pictures import MODELS, Street, street_pixels

from lipiyana.drift.comparison import Difference
from lipiyana.drift.profile import Profile, digests
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.sharing import shared_watch
from lipiyana.drift.watching.state import is_state, read_state
from lipiyana.drift.watching.watch import ALL, DriftWatch, pictures_of_camera
from lipiyana.drift.watching.windows import HOUR
from lipiyana.errors import InvalidRequest, PermissionDenied
from lipiyana.types import CachePolicy, Layout, Recognition, RecognitionConfig

NOW = 24 * 20_000 * HOUR + 12 * HOUR
SCENE = RecognitionConfig()


class Seen:
    """Notes what a watch tells."""

    def __init__(self) -> None:
        self.pictures: list[str] = []
        self.flagged: dict[str, int] = {}
        self.repeated = 0

    def drift_repeated(self, camera: str) -> None:
        self.repeated += 1

    def drift_observed(self, camera: str) -> None:
        self.pictures.append(camera)

    def drift_compared(
        self, camera: str, differences: Mapping[str, tuple[Difference, ...]], flagged: int
    ) -> None:
        self.flagged[camera] = flagged


def _watch(
    profile: Profile | None = None, folder: Path | None = None, seen: Seen | None = None
) -> DriftWatch:
    return DriftWatch(digests(MODELS), profile, folder, seen, clock=lambda: NOW)


def _show(watch: DriftWatch, count: int, seed: int, street: Street, camera: str = "") -> None:
    rng = np.random.default_rng(seed)
    with pictures_of_camera(camera):
        for _ in range(count):
            watch.observe(street_pixels(rng, 60, 80), SCENE, street.answer(rng))
    watch.take_notes()


def test_cameras_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    reference = _watch()
    _show(reference, 150, 1, Street())
    profile = Profile(models=digests(MODELS))
    profile.add_hour(12, reference._cameras[ALL].hours.sketches[NOW // HOUR])
    seen = Seen()
    watch = _watch(profile, None, seen)
    with caplog.at_level(logging.WARNING):
        _show(watch, 75, 2, Street(), "gate-1")
        _show(watch, 75, 3, Street(region="Kerala"), "gate-2")
    assert seen.flagged["gate-1"] == 0
    assert seen.flagged["gate-2"] > 0
    assert len(seen.pictures) == 150
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("drift of gate-2: ")
    assert "plate_region" in said
    assert "KA01" not in said
    assert watch.is_drifting("gate-2")
    pixels = street_pixels(np.random.default_rng(4))
    kerala = [Street(region="Kerala").answer(np.random.default_rng(s)) for s in range(9)]
    assert max(watch.strangeness("gate-2", pixels, found) for found in kerala) > 0.8
    assert not watch.is_drifting("gate-1")
    assert watch.strangeness("gate-1", pixels, kerala[0]) == 0
    assert watch.camera == ""


def test_more_cameras_than_are_told_apart_are_counted_together() -> None:
    seen = Seen()
    watch = _watch(None, None, seen)
    for index in range(DRIFT.cameras + 20):
        _show(watch, 1, index, Street(), f"gate-{index}")
    assert len(set(seen.pictures)) <= DRIFT.cameras + 1
    assert ALL in seen.pictures


def test_crops_and_pictures_that_bypass_caches_are_not_counted() -> None:
    seen = Seen()
    watch = _watch(None, None, seen)
    rng = np.random.default_rng(1)
    pixels = street_pixels(rng)
    for config in (
        RecognitionConfig(layout=Layout.PLATE),
        RecognitionConfig(cache_policy=CachePolicy.BYPASS),
    ):
        watch.observe(pixels, config, Street().answer(rng))
    watch.take_notes()
    assert not seen.pictures


def test_counts_outlive_the_process(tmp_path: Path) -> None:
    folder = tmp_path / "drift"
    watch = _watch(None, folder)
    watch.start()
    _show(watch, 40, 1, Street(), "gate/1")
    watch.close()
    watch.close()
    assert is_state(folder)
    again = _watch(None, folder)
    assert again._cameras["gate/1"].hours.at(NOW // HOUR).pictures == 40
    again.close()
    text = "".join(path.read_text("utf-8") for path in folder.glob("*.json"))
    assert "KA01AB" not in text
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.json"))


def test_cameras_of_any_name_have_files(tmp_path: Path) -> None:
    names = {"../..", "gate/1", "द्वार" * 40, "द्वार" * 40 + "2", "a" * 300, "x.3.0"}
    watch = _watch(None, tmp_path)
    for index, name in enumerate(sorted(names)):
        _show(watch, 2, index, Street(), name)
    watch.close()
    assert len(list(tmp_path.glob("*.json"))) == len(names)
    again = _watch(None, tmp_path)
    assert set(again._cameras) == names
    again.close()


def test_a_fault_in_measuring_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    watch = _watch()
    watch.observe(np.zeros((0, 0, 3), np.uint8), SCENE, Street().answer(np.random.default_rng(1)))
    watch.take_notes()
    assert "while measuring a picture" in caplog.text
    assert not watch._cameras


def test_servers_that_share_a_folder_are_added(tmp_path: Path) -> None:
    watches = [_watch(None, tmp_path) for _ in range(3)]
    for index, watch in enumerate(watches):
        _show(watch, 20 + index, index, Street())
    for watch in watches:
        watch.close()
    assert len(list(tmp_path.glob("*.json"))) == 3
    profile = read_state(tmp_path)
    assert profile.total.pictures == 63
    assert profile.hours[12].pictures == 63
    assert profile.models == digests(MODELS)


def test_counts_of_earlier_models_are_left(tmp_path: Path) -> None:
    before = DriftWatch({"reader": "old"}, None, tmp_path, clock=lambda: NOW - 24 * HOUR)
    _show(before, 30, 1, Street())
    before.close()
    now = _watch(None, tmp_path)
    assert not now._cameras
    _show(now, 10, 2, Street())
    now.close()
    profile = read_state(tmp_path)
    assert (profile.total.pictures, profile.models) == (10, digests(MODELS))


def _days(folder: Path) -> list[int]:
    """The days of which a folder has files, before today."""
    today = NOW // HOUR // 24
    return sorted(today - int(path.name.split(".")[2]) for path in folder.glob("*.json"))


def _count_days(folder: Path, days: Iterable[int]) -> None:
    """Count pictures on days before today, in this order, and stop then."""
    clock = [float(NOW)]
    watch = DriftWatch(digests(MODELS), None, folder, clock=lambda: clock[0])
    for day in days:
        clock[0] = NOW - day * 24 * HOUR
        _show(watch, 2, day + 10_000, Street())
        watch.save()
    watch.close()


@pytest.mark.parametrize("jump", [-4000, 4000], ids=["forward", "back"])
def test_a_clock_that_jumps_removes_nothing(tmp_path: Path, jump: int) -> None:
    days = range(15, 0, -1)
    _count_days(tmp_path, [*days, jump, 0])
    assert _days(tmp_path) == sorted([*days, 0, jump])


def test_files_of_too_many_days_are_removed_the_farthest_first(tmp_path: Path) -> None:
    _count_days(tmp_path, [-4000, -4001, *range(40, -1, -1)])
    assert _days(tmp_path) == list(range(DRIFT.kept_days))


def test_the_models_that_counted_last_are_chosen_whatever_the_clock_was(tmp_path: Path) -> None:
    """A clock that is ahead, and a model that is changed within the hour, both ways."""
    old, new = digests(MODELS), digests(MODELS) | {"reader-int8": "c" * 16}
    for models, seconds, count in (
        (old, 400 * 24 * HOUR, 9),  # the clock is ahead
        (old, 0, 11),
        (new, 60, 12),
        (old, 120, 13),
        (new, 180, 14),
    ):
        watch = DriftWatch(models, None, tmp_path, clock=itertools.repeat(NOW + seconds).__next__)
        _show(watch, count, count, Street())
        watch.close()
        said: list[str] = []
        profile = read_state(tmp_path, said.append, lambda: NOW + 300)
        assert profile.models == models
        others = {12: 20, 13: 12, 14: 33}.get(count)
        if others is None:
            assert said == []
        else:
            left, chosen = (old, new) if models == new else (new, old)
            (told,) = said
            assert f"{others} pictures that other models read are left out" in told
            assert f"{left['reader-int8']}' instead of" in told
            assert chosen["reader-int8"] in told


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / f"all.00000000.{NOW // HOUR // 24 - 1}.0.json").write_text("{", "utf-8")
    watch = _watch(None, tmp_path)  # it starts all the same
    _show(watch, 5, 2, Street())
    watch.close()
    assert _days(tmp_path) == [0, 1]
    with pytest.raises(InvalidRequest, match="is not a lipiyana drift state"):
        read_state(tmp_path)


def test_a_full_disk_is_logged_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _watch(None, tmp_path)
    _show(watch, 3, 1, Street())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("lipiyana.drift.watching.state.write_atomically", full)
        watch.save()
    assert "No space left" in caplog.text
    watch.close()
    assert read_state(tmp_path).total.pictures == 3


def test_a_profile_of_other_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="other models gave these answers"):
        _watch(Profile(models={"reader-int8": "other"}))
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(PermissionDenied, match="cannot keep the counts of drift"):
        _watch(None, tmp_path / "file")


class News:
    """Keeps what a watch tells."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed = False

    def write(self, row: Mapping[str, Any], /) -> None:
        assert not self.closed
        self.events.append(dict(row))

    def close(self) -> None:
        self.closed = True


def test_the_beginning_and_the_end_of_drift_are_told_once() -> None:
    reference = _watch()
    _show(reference, 150, 1, Street())
    profile = Profile(models=digests(MODELS))
    profile.add_hour(12, reference._cameras[ALL].hours.sketches[NOW // HOUR])
    news, clock = News(), [NOW]
    watch = DriftWatch(digests(MODELS), profile, clock=lambda: clock[0], news=news)
    watch.start()
    _show(watch, 75, 2, Street(region="Kerala"), "gate-2")
    _show(watch, 75, 3, Street(region="Kerala"), "gate-2")
    (begun,) = news.events
    assert (begun["event"], begun["camera"]) == ("drift_begins", "gate-2")
    assert "plate_region" in begun["signals"]["reference"]
    assert begun["psi"]["reference"]["plate_region"] > DRIFT.psi
    assert begun["time"].endswith("+00:00")
    clock[0] += 48 * HOUR
    _show(watch, 75, 4, Street(), "gate-2")
    assert [one["event"] for one in news.events] == ["drift_begins", "drift_ends"]
    assert news.events[1]["signals"] == {}
    assert len({one["id"] for one in news.events}) == 2
    assert "KA01" not in str(news.events)
    watch.close()
    assert news.closed


def test_a_camera_that_is_frozen_is_told_until_new_pictures_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    news, seen, rng = News(), Seen(), np.random.default_rng(1)
    watch = DriftWatch(digests(MODELS), None, None, seen, clock=lambda: NOW, news=news)
    pixels, answer = street_pixels(rng, 60, 80), Street().answer(rng)

    def show(times: int) -> None:
        with pictures_of_camera("gate"):
            for _ in range(times):
                watch.observe(pixels, SCENE, answer)
        watch.take_notes()

    show(DRIFT.repeats)
    assert (news.events, seen.repeated) == ([], DRIFT.repeats - 1)
    show(1)
    (begun,) = news.events
    assert (begun["event"], begun["camera"]) == ("drift_begins", "gate")
    assert begun["signals"] == {"last_pictures": ["repeated"]}
    assert seen.flagged == {"gate": 1}
    assert "drift of gate: repeated (against last_pictures)" in caplog.text
    assert watch.is_drifting("gate")
    assert watch.strangeness("gate", pixels, answer) == 0
    show(10)
    assert len(news.events) == 1
    _show(watch, 1, 2, Street(), "gate")
    assert [one["event"] for one in news.events] == ["drift_begins", "drift_ends"]
    assert seen.flagged == {"gate": 0}
    assert seen.pictures == ["gate"] * 2
    watch.close()


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
def test_a_covered_lens_drifts_by_day(level: int) -> None:
    """Pictures of one grey differ by the sensor's noise, so that they are no repeats."""
    reference = _watch()
    _show(reference, 300, 1, Street())
    profile = Profile(models=digests(MODELS))
    profile.add_hour(12, reference._cameras[ALL].hours.sketches[NOW // HOUR])
    watch = _watch(profile)
    rng = np.random.default_rng(2)
    for _ in range(DRIFT.window_pictures):
        noise = rng.normal(level, 3, (60, 80, 3)).clip(0, 255).astype(np.uint8)
        watch.observe(noise, SCENE, Recognition(640, 480, (), (), (), models=MODELS))
    watch.take_notes()
    (flagged,) = watch._cameras[ALL].flagged.values()
    assert {"brightness", "contrast", "sharpness", "vehicles"} <= {*flagged}


def test_recognizers_of_the_same_models_share_one_watch(tmp_path: Path) -> None:
    models, seen, opened = digests(MODELS), Seen(), []

    def open_news() -> News:
        opened.append(News())
        return opened[-1]

    first = shared_watch(models, None, tmp_path, seen, open_news)
    _show(first, 20, 1, Street(), "gate")
    second = shared_watch(models, None, tmp_path / ".", seen, open_news)
    other = shared_watch(models | {"reader-int8": "c" * 16}, None, tmp_path, seen)
    assert second is first
    assert other is not first
    assert len(opened) == 1
    _show(second, 20, 2, Street(), "gate")
    _show(other, 7, 3, Street(), "gate")
    first.close()
    assert not opened[0].closed
    _show(second, 20, 4, Street(), "gate")  # goes on, after the one from before has ended
    second.close()
    other.close()
    assert opened[0].closed
    assert len(seen.pictures) == 67
    found = shared_watch(models, None, tmp_path)
    (hours,) = (camera.hours for camera in found._cameras.values())
    assert sum(sketch.pictures for sketch in hours.sketches.values()) == 60
    assert found is not first
    found.close()
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_models_that_come_back_find_their_counts(tmp_path: Path) -> None:
    old, new = digests(MODELS), digests(MODELS) | {"reader-int8": "c" * 16}
    for models, count in ((old, 11), (new, 5)):  # in the same slot, on the same day
        watch = DriftWatch(models, None, tmp_path, clock=lambda: NOW)
        _show(watch, count, count, Street())
        watch.close()
    second = DriftWatch(new, None, tmp_path, clock=lambda: NOW)  # holds the slot of both
    watch = DriftWatch(old, None, tmp_path, clock=lambda: NOW)
    _show(watch, 1, 1, Street())
    watch.close()
    second.close()
    again = DriftWatch(old, None, tmp_path, clock=lambda: NOW)
    assert again._cameras[ALL].hours.at(NOW // HOUR).pictures == 11
    again.close()
    newer = DriftWatch(new, None, tmp_path, clock=lambda: NOW)
    assert newer._cameras[ALL].hours.at(NOW // HOUR).pictures == 5
    newer.close()


def test_a_profile_changes_without_losing_counts(tmp_path: Path) -> None:
    first = shared_watch(digests(MODELS), None, tmp_path)
    _show(first, 120, 1, Street())
    profile = Profile(models=digests(MODELS))
    profile.total.merge(
        first._cameras[ALL].hours.at(next(iter(first._cameras[ALL].hours.sketches)))
    )
    second = shared_watch(digests(MODELS), profile, tmp_path)
    assert second is first
    _show(second, 150, 2, Street(region="Kerala"))
    assert second.is_drifting("")
    with pytest.raises(InvalidRequest, match="other models"):
        shared_watch(digests(MODELS), Profile(models={"reader-int8": "old"}), tmp_path)
    first.close()
    second.close()
