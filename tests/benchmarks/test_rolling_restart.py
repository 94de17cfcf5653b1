from __future__ import annotations

from rolling_restart import measure


def test_a_rolling_restart_loses_no_call() -> None:
    tally = measure(2, 300, threads=2, tasks=4)
    assert not tally.failed
    assert tally.calls >= 300
    assert tally.frames
    assert tally.exit_codes == {0: tally.restarts}
