from __future__ import annotations

import threading

import pytest

from lipiyana.batching import Work, current_work, working
from lipiyana.errors import Cancelled, DeadlineExceeded


def test_work_is_wanted_until_its_time_is_over() -> None:
    Work().require_wanted()
    Work(remaining=lambda: 0.5).require_wanted()
    with pytest.raises(DeadlineExceeded):
        Work(remaining=lambda: 0.0).require_wanted()
    with pytest.raises(Cancelled):
        Work(abandoned=lambda: True).require_wanted()


def test_each_thread_has_its_own() -> None:
    work, seen = Work(), []
    with working(work):
        assert current_work() is work
        thread = threading.Thread(target=lambda: seen.append(current_work()))
        thread.start()
        thread.join()
    assert current_work() is not work
    assert seen[0] is not work
