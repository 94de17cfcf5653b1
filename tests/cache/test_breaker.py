from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lipiyana.cache import Attempt, BreakerState, CircuitBreaker, Ended

FAILURES, COOLDOWN = 3, 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    breaker = CircuitBreaker(FAILURES, COOLDOWN, timer=clock)
    for _ in range(FAILURES):
        fail(breaker)
    return breaker, clock


def begin(breaker: CircuitBreaker) -> Attempt:
    attempt = breaker.begin()
    assert attempt is not None
    return attempt


def fail(breaker: CircuitBreaker) -> None:
    breaker.end(begin(breaker), Ended.BADLY)


def test_it_opens_after_failures_in_a_row_alone() -> None:
    breaker = CircuitBreaker(FAILURES, COOLDOWN, timer=Clock())
    fail(breaker)
    fail(breaker)
    breaker.end(begin(breaker), Ended.WELL)
    fail(breaker)
    fail(breaker)
    breaker.end(begin(breaker), Ended.ABANDONED)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker)
    assert breaker.state is BreakerState.OPEN
    assert breaker.begin() is None


def test_one_call_finds_out() -> None:
    breaker, clock = opened()
    clock.now = COOLDOWN
    probe = begin(breaker)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.begin() is None
    breaker.end(probe, Ended.WELL)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.begin() is not None


def test_a_failed_probe_opens_it_for_as_long_again() -> None:
    breaker, clock = opened()
    clock.now = COOLDOWN + 5
    fail(breaker)
    clock.now += COOLDOWN - 1
    assert breaker.begin() is None
    clock.now += 1
    assert breaker.begin() is not None


def test_a_probe_that_was_given_up_lets_another_one_go() -> None:
    breaker, clock = opened()
    clock.now = COOLDOWN
    breaker.end(begin(breaker), Ended.ABANDONED)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.begin() is not None


def test_calls_of_an_earlier_period_change_nothing() -> None:
    clock = Clock()
    breaker = CircuitBreaker(FAILURES, COOLDOWN, timer=clock)
    late = [begin(breaker) for _ in range(3)]
    for _ in range(FAILURES):
        fail(breaker)
    breaker.end(late[0], Ended.WELL)
    assert breaker.state is BreakerState.OPEN
    clock.now = COOLDOWN
    probe = begin(breaker)
    breaker.end(late[1], Ended.BADLY)
    breaker.end(late[2], Ended.WELL)
    assert breaker.begin() is None  # the probe is still out
    breaker.end(probe, Ended.WELL)
    assert breaker.state is BreakerState.CLOSED


class Machine(RuleBasedStateMachine):
    """The breaker beside a model of it that is written as its description reads."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(FAILURES, COOLDOWN, timer=self.clock)
        self.out: list[tuple[Attempt, int]] = []
        self.period = 0
        self.in_a_row = 0
        self.opened_at: float | None = None

    def expected(self) -> BreakerState:
        if self.opened_at is None:
            return BreakerState.CLOSED
        waited = self.clock.now - self.opened_at >= COOLDOWN
        return BreakerState.HALF_OPEN if waited else BreakerState.OPEN

    @rule(seconds=st.sampled_from([0.5, 4.0, 5.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def ask(self) -> None:
        probes = sum(period == self.period for _, period in self.out)
        state = self.expected()
        allowed = state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and not probes)
        attempt = self.breaker.begin()
        assert (attempt is not None) == allowed
        if attempt is not None:
            self.out.append((attempt, self.period))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(Ended))
    def end(self, data: st.DataObject, how: Ended) -> None:
        attempt, period = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.breaker.end(attempt, how)
        if period != self.period or how is Ended.ABANDONED:
            return
        if how is Ended.WELL:
            self.in_a_row = 0
            if self.opened_at is not None:
                self.opened_at, self.period = None, self.period + 1
            return
        self.in_a_row += 1
        if self.opened_at is not None or self.in_a_row == FAILURES:
            self.opened_at, self.period, self.in_a_row = self.clock.now, self.period + 1, 0

    @invariant()
    def states_agree(self) -> None:
        assert self.breaker.state is self.expected()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=40)
