from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lipiyana.server.queue.admission import Admission, open_to_one

A, B, C = "abc"


def fill(admission: Admission, client: str, size: int = 1) -> int:
    count = 0
    while not admission.refusal(client, 1, size):
        admission.enter(client, size)
        count += 1
    return count


def test_a_flooding_client_leaves_the_reserve_to_others() -> None:
    admission = Admission(64, 10**6)
    assert fill(admission, A) == 64 - 8
    assert "nearly full" in admission.refusal(A, 1, 1)
    assert fill(admission, B) == 8
    assert "64 of 64 pictures" in admission.refusal(C, 1, 1)
    admission.leave(A, 1)
    assert admission.refusal(A, 1, 1)
    assert not admission.refusal(C, 1, 1)


def test_bytes_are_bounded_in_the_same_way() -> None:
    admission = Admission(1000, 6400)
    assert fill(admission, A, 100) == 56
    assert fill(admission, B, 100) == 8
    assert "bytes" in admission.refusal(C, 1, 100)
    assert not admission.refusal(C, 1, 0)


def test_a_batch_is_admitted_as_a_whole_or_not_at_all() -> None:
    admission = Admission(16, 10**6)
    assert not admission.refusal(A, 14, 14)
    assert admission.refusal(A, 17, 17)
    for _ in range(10):
        admission.enter(A, 1)
    assert not admission.refusal(B, 5, 5)
    assert admission.refusal(B, 7, 7)


def test_small_queues_have_no_reserve() -> None:
    admission = Admission(3, 10**6)
    assert fill(admission, A) == 3


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(0, 9), st.booleans())))
def test_counters_match_the_admitted_pictures(operations: list[tuple[str, int, bool]]) -> None:
    admission = Admission(8, 30)
    inside: list[tuple[str, int]] = []
    for client, size, leaves in operations:
        if leaves and inside:
            admission.leave(*inside.pop())
        elif not admission.refusal(client, 1, size):
            admission.enter(client, size)
            inside.append((client, size))
        assert admission.items == len(inside) <= 8
        assert admission.size == sum(size for _, size in inside) <= 30
    for entry in inside:
        admission.leave(*entry)
    assert not admission.refusal(A, open_to_one(8), open_to_one(30))
