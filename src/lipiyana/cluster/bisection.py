"""Finds the picture that kills workers, in a batch whose workers died."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray
from ray.exceptions import OutOfMemoryError, RayActorError, WorkerCrashedError

from lipiyana.cluster.worker import Job, Staged, Worker, pictures_of, stage
from lipiyana.errors import InternalError

ALONE = 2
"""How often a worker must die of a picture alone: once, its machine may have been taken away."""

MOST_DEATHS = 24
"""Workers that may die before one reads anything. Bisection of a batch of 1,000 takes 12."""

_DEATHS = (RayActorError, OutOfMemoryError, WorkerCrashedError)


def read_lost(
    batches: Sequence[pa.Table], job: Job, actors: int, *, anything_read: bool
) -> Iterator[Staged]:
    """Read batches whose workers died: the whole again, then halves, down to a picture.

    A picture that is alone and kills its worker gets a row that says so.

    Args:
        batches: tables of `batch_table`.
        job: for the workers.
        actors: how many read at the same time.
        anything_read: whether workers have read anything in this run.

    Raises:
        InternalError: workers die whatever they read.
    """
    waiting = deque((batch, 0) for batch in batches)
    idle: list[Any] = []
    busy: dict[Any, tuple[Any, pa.Table, int]] = {}
    deaths = 0
    try:
        while waiting or busy:
            while waiting and len(busy) < actors:
                batch, before = waiting.popleft()
                actor = idle.pop() if idle else _actor(job)
                busy[actor.read.remote(batch)] = (actor, batch, before)
            (done,), _ = ray.wait(list(busy), num_returns=1)
            actor, batch, before = busy.pop(done)
            try:
                staged = ray.get(done)
            except _DEATHS as error:
                deaths += 1
                if deaths >= MOST_DEATHS and not anything_read:
                    raise _always_dying(error) from error
                waiting.extendleft(reversed(_next_attempts(batch, before + 1)))
                if len(batch) == 1 and before + 1 >= ALONE:
                    yield _row_of_a_death(job, batch)
                continue
            anything_read = True
            idle.append(actor)
            yield staged
    finally:
        for actor in (*idle, *(one for one, _, _ in busy.values())):
            ray.kill(actor)


def _actor(job: Job) -> Any:
    return ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Worker).remote(job)


def _next_attempts(batch: pa.Table, deaths: int) -> list[tuple[pa.Table, int]]:
    if len(batch) == 1:
        return [(batch, deaths)] if deaths < ALONE else []
    half = len(batch) // 2
    return [(batch.slice(0, half), 0), (batch.slice(half), 0)]


def _row_of_a_death(job: Job, batch: pa.Table) -> Staged:
    number, (picture,) = pictures_of(batch)
    error = InternalError(
        f"the worker died while it read this picture, {ALONE} times with this picture alone; it "
        "crashed or had too little memory",
        reason="WORKER_DIED",
    )
    return stage(job, number, [job.reader.read_picture(picture.path, error)])


def _always_dying(error: Exception) -> InternalError:
    text = " ".join(str(error).split())
    return InternalError(
        f"{MOST_DEATHS} workers died and none read anything; the last: {text[:300]}"
    )
