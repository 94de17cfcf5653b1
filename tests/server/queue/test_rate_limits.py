from __future__ import annotations

import pytest

from lipiyana.errors import Overloaded
from lipiyana.server.queue.rate_limits import TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_burst_the_rate_limits() -> None:
    clock = Clock()
    bucket = TokenBucket(2, 4, timer=clock)
    bucket.spend(3)
    bucket.spend(1)
    with pytest.raises(Overloaded) as caught:
        bucket.spend(1)
    assert (caught.value.reason, caught.value.retry_after) == ("RATE_LIMITED", 0.5)
    clock.now += 0.5
    bucket.spend(1)
    clock.now += 1000
    bucket.spend(4)
    with pytest.raises(Overloaded):
        bucket.spend(1)


def test_a_batch_larger_than_the_burst_is_charged_afterwards() -> None:
    clock = Clock()
    bucket = TokenBucket(1, 4, timer=clock)
    bucket.spend(10)
    with pytest.raises(Overloaded) as caught:
        bucket.spend(1)
    assert caught.value.retry_after == 7
    clock.now += 7
    bucket.spend(1)
    with pytest.raises(Overloaded) as caught:
        bucket.spend(10)
    assert caught.value.retry_after == 4


def test_refused_calls_are_not_charged() -> None:
    clock = Clock()
    bucket = TokenBucket(1, 1, timer=clock)
    bucket.spend(1)
    for _ in range(10):
        with pytest.raises(Overloaded):
            bucket.spend(1)
    clock.now += 1
    bucket.spend(1)
