"""A run on Ray: batches of paths to workers, and what they staged to its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import ray
import ray.data

from lipiyana.cluster.bisection import read_lost
from lipiyana.cluster.inputs import Picture
from lipiyana.cluster.output import OutputFolder
from lipiyana.cluster.worker import Job, Staged, Worker, batch_table, is_here, staged_of
from lipiyana.rows.reader import RowReader
from lipiyana.types import Layout

BATCH = {Layout.LINE: 1000, Layout.PLATE: 500, Layout.SCENE: 128}
"""Pictures of a batch: some ten seconds of reading, of which a worker that dies loses one, and a
file of rows, of which there should not be millions."""

WAVES = (20_000, 500_000)
"""Pictures that are listed before the first are read, and at most afterwards."""

_BATCHES_AN_ACTOR = 4  # so that no actor waits long for the last one


@dataclass(slots=True)
class Counts:
    """What a run read, without the rows of earlier ones."""

    rows: int = 0
    failed: int = 0
    empty: int = 0


def read_on_ray(
    pictures: Iterable[Picture],
    reader: RowReader,
    output: OutputFolder,
    actors: int,
    counts: Counts,
    on_rows: Callable[[int, int], None],
) -> None:
    """Read pictures on the connected Ray, and add their rows to a folder.

    Memory does not grow with the number of pictures, apart from what `OutputFolder.new` needs.

    Args:
        pictures: those without a row, see `OutputFolder.new`.
        reader: reads them, in the workers.
        output: takes the rows.
        actors: how many batches are read at the same time.
        counts: are kept up to date.
        on_rows: called with the number of new rows, and how many of them have an error.

    Raises:
        LipiyanaError: the run cannot go on; what it has published stays.
        OutputError: another run has taken over the folder.
    """
    left = iter(pictures)
    size = WAVES[0]
    job: Job | None = None
    while wave := list(islice(left, size)):
        size = WAVES[1]
        if job is None:
            witness = next((one.path for one in wave if not one.error and is_here(one.path)), None)
            job = Job(reader, output.folder, output.run, witness=witness)
        for staged in _read_wave(wave, job, actors, anything_read=counts.rows > 0):
            if staged.error is not None:
                raise staged.error
            output.publish(staged)
            counts.rows += staged.rows
            counts.failed += staged.failed
            counts.empty += staged.empty
            on_rows(staged.rows, staged.failed)


def _read_wave(
    wave: list[Picture], job: Job, actors: int, *, anything_read: bool
) -> Iterator[Staged]:
    spread = -(-len(wave) // (actors * _BATCHES_AN_ACTOR))
    size = min(BATCH[job.reader.config.layout], spread)
    left = {
        number: batch_table(number, wave[start : start + size])
        for number, start in enumerate(range(0, len(wave), size))
    }
    wave.clear()
    for staged in _map(list(left.values()), job, min(actors, len(left))):
        # a batch whose answer was lost with a machine is read again, and its first answer counts
        if not staged.lost and left.pop(staged.batch, None) is not None:
            anything_read = True
            yield staged
    yield from read_lost(list(left.values()), job, actors, anything_read=anything_read)


def _map(batches: list[pa.Table], job: Job, actors: int) -> Iterator[Staged]:
    """Read batches by Ray Data, which starts and replaces the workers."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    read = ray.data.from_arrow(batches).map_batches(
        Worker,
        fn_constructor_args=(job,),
        batch_size=max(map(len, batches)),
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
    )
    tables = read.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    for table in tables:
        yield from staged_of(table)
