from __future__ import annotations

from fuzz_messages import fuzz


def test_odd_messages_leave_a_server_as_it_was() -> None:
    fuzzer = fuzz(60, seed=1)
    assert fuzzer.faults == []
    assert sum(fuzzer.statuses.values()) == 60
    assert fuzzer.statuses["INVALID_ARGUMENT"] > 0
