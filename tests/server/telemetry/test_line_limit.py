from __future__ import annotations

from collections.abc import Callable

from lipiyana.server.telemetry.line_limit import LineLimit
from lipiyana.server.tuning import LOGS


def test_lines_beyond_the_limit_are_counted() -> None:
    reported: list[int] = []
    due: list[Callable[[], None]] = []
    limit = LineLimit(reported.append, later=lambda _, call: due.append(call), timer=lambda: 0.0)
    assert sum(limit.allows() for _ in range(LOGS.lines + 7)) == LOGS.lines
    (tell,) = due
    tell()
    assert reported == [7]
    assert limit.allows()
    assert len(due) == 1


def test_lines_at_a_slow_rate_are_all_written() -> None:
    now = [0.0]
    limit = LineLimit(lambda _: None, timer=lambda: now[0])
    for _ in range(5 * LOGS.lines):
        now[0] += LOGS.seconds / LOGS.lines * 1.1
        assert limit.allows()
