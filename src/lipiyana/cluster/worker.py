"""Reads batches of pictures on a worker of the cluster, and stages their rows as files."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lipiyana.cluster.addresses import error_of_store, read_picture, scheme_of
from lipiyana.cluster.folder import Folder, new_name
from lipiyana.cluster.inputs import Picture
from lipiyana.errors import InternalError, InvalidRequest, LipiyanaError
from lipiyana.rows.reader import STOPPING, RowReader
from lipiyana.rows.row import Row
from lipiyana.rows.schema import arrow_schema, rows_table
from lipiyana.types import Recognition

ATTEMPTS = 2
"""How often a batch is begun before it is bisected: the first worker that dies may have died of
something else."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know; it is pickled.

    Attributes:
        reader: reads the pictures.
        folder: takes the files of rows.
        run: the name of the run.
        base: the folder that relative paths begin in.
        witness: a path that the run sees; a worker that does not see it has other disks.
    """

    reader: RowReader
    folder: Folder
    run: str
    base: str = field(default_factory=os.getcwd)
    witness: str | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch that a worker has dealt with.

    Attributes:
        batch: its number.
        name: of the staged file.
        rows: pictures in it.
        failed: rows with an error.
        empty: pictures that were read and in which nothing was found.
        error: why the run cannot go on; nothing is staged then.
        lost: whether workers died of it, `ATTEMPTS` times; nothing is staged then.
    """

    batch: int
    name: str = ""
    rows: int = 0
    failed: int = 0
    empty: int = 0
    error: LipiyanaError | None = None
    lost: bool = False


class Worker:
    """Reads batches. Ray makes one an actor, which loads the models with its first batch."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._seen = False

    def __call__(self, table: pa.Table) -> pa.Table:
        """Read a batch as Ray Data has it: a table of `batch_table` in, one of a row out.

        Ray Data repeats a batch whose worker died, without end. This gives up after `ATTEMPTS`.
        """
        number = table["batch"][0].as_py()
        staged = self._given_up(number) or self.read(table)
        return pa.table({"staged": [pickle.dumps(staged)]})

    def read(self, table: pa.Table) -> Staged:
        """Read the pictures of a table of `batch_table` and stage a file of their rows.

        No exception leaves it, so that one means that the worker died.
        """
        number, pictures = pictures_of(table)
        try:
            self._look_around()
            rows = list(self._job.reader.read(self._opened(pictures)))
            return stage(self._job, number, rows)
        except LipiyanaError as error:
            return Staged(number, error=error)
        except Exception as error:
            return Staged(number, error=InternalError(f"{type(error).__name__}: {error}"))

    def _given_up(self, number: int) -> Staged | None:
        try:
            begun = self._job.folder.begin(self._job.run, number)
        except Exception as error:
            return Staged(number, error=error_of_writing(error))
        return Staged(number, lost=True) if begun >= ATTEMPTS else None

    def _look_around(self) -> None:
        """Check that this machine has the disks of the run, before a row says that files are gone.

        Raises:
            InvalidRequest: it has not.
        """
        if self._seen:
            return
        job = self._job
        advice = "pictures and --output must be on storage that all machines of the cluster share"
        if not job.folder.is_taken_by(job.run):
            raise InvalidRequest(f"a worker does not see the folder of --output; {advice}")
        if job.witness is not None and not os.path.lexists(os.path.join(job.base, job.witness)):  # noqa: PTH118
            raise InvalidRequest(f"a worker does not see the files that this run sees; {advice}")
        self._seen = True

    def _opened(self, pictures: Iterable[Picture]) -> Iterator[tuple[str, bytes | LipiyanaError]]:
        for picture in pictures:
            opened = picture.error or read_picture(picture.path, self._job.base)
            if isinstance(opened, STOPPING):
                raise opened
            yield picture.path, opened


def stage(job: Job, batch: int, rows: Sequence[Row]) -> Staged:
    """Write rows to a file that does not count yet.

    Raises:
        LipiyanaError: it cannot be written.
    """
    schema = arrow_schema(job.reader.provenance)
    buffer = BytesIO()
    pq.write_table(rows_table(rows, schema), buffer, compression="zstd")
    # a batch may be read twice, so each attempt has a name of its own
    name = f"part-{job.run}-{batch:08}-{new_name()}.parquet"
    try:
        job.folder.stage(job.run, name, buffer.getvalue())
    except Exception as error:
        raise error_of_writing(error) from error
    failed = sum(row.error is not None for row in rows)
    return Staged(batch, name, len(rows), failed, sum(map(_is_empty, rows)))


def error_of_writing(error: Exception) -> LipiyanaError:
    """Say that the folder of the run cannot be written to."""
    if isinstance(error, OSError) and error.strerror:
        return InternalError(f"--output cannot be written: {error.strerror}")
    found = error_of_store(error, "--output")
    return InternalError(f"--output cannot be written: {found.message}")


def batch_table(number: int, pictures: Sequence[Picture]) -> pa.Table:
    """Write a batch as a table; a path need not be UTF-8."""
    return pa.table(
        {
            "batch": pa.array([number] * len(pictures), pa.int64()),
            "path": pa.array([os.fsencode(one.path) for one in pictures], pa.binary()),
            "error": pa.array(
                [None if one.error is None else pickle.dumps(one.error) for one in pictures],
                pa.binary(),
            ),
        }
    )


def pictures_of(table: pa.Table) -> tuple[int, list[Picture]]:
    """Read a table of `batch_table`: the number of the batch, and its pictures."""
    columns: dict[str, list[Any]] = table.to_pydict()
    pictures = [
        # made by this run, for its own workers
        Picture(os.fsdecode(path), None if error is None else pickle.loads(error))  # noqa: S301
        for path, error in zip(columns["path"], columns["error"], strict=True)
    ]
    return columns["batch"][0], pictures


def staged_of(table: pa.Table) -> list[Staged]:
    """Read what workers returned to Ray Data."""
    return [pickle.loads(one) for one in table["staged"].to_pylist()]  # noqa: S301 - of own workers


def is_here(path: str) -> bool:
    """Whether a path is of this machine, and there: one that a worker must see, too."""
    return not scheme_of(path) and os.path.lexists(path)


def _is_empty(row: Row) -> bool:
    found = row.outcome
    if not isinstance(found, Recognition):
        return False
    texts = [line.text for line in found.text_lines] + [plate.text for plate in found.plates]
    return not found.vehicles and not any(texts)
