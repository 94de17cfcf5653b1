from __future__ import annotations

import asyncio
import gc
import time
from concurrent.futures import Future

import pytest

from lipiyana.cache import Flight, SingleFlight
from lipiyana.errors import Cancelled, DeadlineExceeded, Overloaded


class Launcher:
    """Computations that the test ends."""

    def __init__(self) -> None:
        self.futures: list[Future[str]] = []
        self.flights: list[Flight[str]] = []

    def __call__(self, flight: Flight[str]) -> Future[str]:
        self.flights.append(flight)
        self.futures.append(Future())
        return self.futures[-1]


async def settle() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(5):
        await asyncio.sleep(0)


def join(
    flights: SingleFlight[str],
    launcher: Launcher,
    key: bytes | None = b"k",
    deadline: float | None = None,
) -> asyncio.Task[tuple[str, bool]]:
    return asyncio.create_task(flights.run(key, deadline, launcher))


async def test_equal_requests_share_one_computation() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    tasks = [join(flights, launcher) for _ in range(3)]
    await settle()
    assert b"k" in flights
    launcher.futures[0].set_result("v")
    assert await asyncio.gather(*tasks) == [("v", True), ("v", False), ("v", False)]
    assert len(launcher.futures) == 1
    assert b"k" not in flights


async def test_others_do_not() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    tasks = [join(flights, launcher, key) for key in (b"a", b"b", None, None)]
    await settle()
    for number, future in enumerate(launcher.futures):
        future.set_result(str(number))
    assert await asyncio.gather(*tasks) == [(str(n), True) for n in range(4)]


async def test_a_leader_that_leaves_does_not_cancel_the_others() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    leader, follower = join(flights, launcher), join(flights, launcher)
    await settle()
    leader.cancel()
    await settle()
    assert leader.cancelled()
    launcher.futures[0].set_result("v")
    assert await follower == ("v", False)


async def test_when_the_last_one_leaves_what_has_not_begun_is_cancelled() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    tasks = [join(flights, launcher) for _ in range(2)]
    await settle()
    for task in tasks:
        task.cancel()
    await settle()
    assert launcher.futures[0].cancelled()
    assert b"k" not in flights


async def test_a_started_computation_continues_and_can_be_joined() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    first = join(flights, launcher)
    await settle()
    assert launcher.futures[0].set_running_or_notify_cancel()
    first.cancel()
    await settle()
    second = join(flights, launcher)
    await settle()
    launcher.futures[0].set_result("v")
    assert await second == ("v", False)
    assert len(launcher.futures) == 1


async def test_an_error_goes_to_all_and_is_not_kept() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    tasks = [join(flights, launcher) for _ in range(2)]
    await settle()
    launcher.futures[0].set_exception(ValueError("no"))
    for task in tasks:
        with pytest.raises(ValueError, match="no"):
            await task
    again = join(flights, launcher)
    await settle()
    launcher.futures[1].set_result("v")
    assert await again == ("v", True)


async def test_an_error_after_all_callers_have_left_is_not_reported() -> None:
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    flights, launcher = SingleFlight[str](), Launcher()
    caller = join(flights, launcher)
    await settle()
    assert launcher.futures[0].set_running_or_notify_cancel()
    caller.cancel()
    await settle()
    launcher.futures[0].set_exception(ValueError("what the plate says"))
    await settle()
    assert caller.cancelled()
    launcher.futures.clear()
    launcher.flights.clear()
    del caller
    gc.collect()  # asyncio tells of failures that nobody took when it forgets them
    assert reported == []


async def test_a_failed_start_fails_only_its_caller() -> None:
    flights = SingleFlight[str]()

    def refuse(flight: Flight[str]) -> Future[str]:
        raise Overloaded("full")

    with pytest.raises(Overloaded):
        await flights.run(b"k", None, refuse)
    assert b"k" not in flights


async def test_a_computation_is_worth_while_until_the_last_deadline() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    now = time.monotonic()
    tasks = [join(flights, launcher, deadline=now + seconds) for seconds in (100, 500, 200)]
    await settle()
    remaining = launcher.flights[0].remaining()
    assert remaining is not None
    assert 400 < remaining <= 500
    tasks.append(join(flights, launcher))
    await settle()
    assert launcher.flights[0].remaining() is None
    launcher.futures[0].set_result("v")
    await asyncio.gather(*tasks)


async def test_a_follower_with_time_left_starts_again() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    leader = join(flights, launcher, deadline=time.monotonic() + 100)
    follower = join(flights, launcher, deadline=time.monotonic() + 200)
    await settle()
    launcher.futures[0].set_exception(DeadlineExceeded("over"))
    await settle()
    launcher.futures[1].set_result("v")
    with pytest.raises(DeadlineExceeded):
        await leader
    assert await follower == ("v", True)


async def test_a_caller_that_joins_a_cancelled_computation_starts_again() -> None:
    flights, launcher = SingleFlight[str](), Launcher()
    first = join(flights, launcher)
    await settle()
    assert launcher.futures[0].set_running_or_notify_cancel()
    first.cancel()
    await settle()
    # now its thread sees that nobody waits, and before it has said so somebody comes
    second = join(flights, launcher)
    await settle()
    launcher.futures[0].set_exception(Cancelled("nobody waits"))
    await settle()
    launcher.futures[1].set_result("v")
    assert await second == ("v", True)
