from __future__ import annotations

import pytest

from lipiyana.server.queue.reading_time import Durations
from lipiyana.types import Layout, PixelFormat, RawImage

PICTURE = bytes(1000)


def test_unknown_durations_are_not_refused() -> None:
    assert not Durations().leaves_too_little(PICTURE, Layout.SCENE, 100.0, 0.001)


@pytest.mark.parametrize(
    ("waited", "remaining", "too_little"),
    [
        (1.0, 3.1, False),
        (1.0, 2.9, True),  # less than the mean plus its margin
        (1.0, None, False),
        (0.1, 2.9, False),  # a thread was free
    ],
)
def test_waiting_pictures_need_enough_remaining_time(
    waited: float, remaining: float | None, too_little: bool
) -> None:
    durations = Durations()
    durations.learn(PICTURE, Layout.SCENE, 2.0)
    verdict = durations.leaves_too_little(PICTURE, Layout.SCENE, waited, remaining)
    assert verdict is too_little


def test_means_are_kept_per_kind_of_picture() -> None:
    durations = Durations()
    durations.learn(PICTURE, Layout.SCENE, 2.0)
    others: list[tuple[bytes | RawImage, Layout]] = [
        (PICTURE, Layout.PLATE),
        (PICTURE * 4, Layout.SCENE),
        (RawImage(PICTURE, 40, 25, PixelFormat.GRAY8), Layout.SCENE),
    ]
    assert [durations.expected(*other) for other in others] == [0.0] * 3
    assert durations.expected(PICTURE[:900], Layout.SCENE) == 2.0


def test_a_mean_follows_new_measurements() -> None:
    durations = Durations()
    durations.learn(PICTURE, Layout.LINE, 10.0)
    for _ in range(50):
        durations.learn(PICTURE, Layout.LINE, 1.0)
    assert durations.expected(PICTURE, Layout.LINE) == pytest.approx(1.0, abs=0.01)
