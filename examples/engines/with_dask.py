"""Reads pictures with Dask: a bag of paths in, Parquet files of rows out.

    python with_dask.py PICTURES ROWS

PICTURES is a folder that all workers see, ROWS a folder for the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import dask.bag as db
import pyarrow.parquet as pq

from lipiyana import RecognitionConfig
from lipiyana.rows import RowReader
from lipiyana.rows.schema import arrow_schema, rows_table


def read(paths: db.Bag, reader: RowReader, output: Path) -> list[str]:
    """Read pictures; write a file for each partition of the paths, and return the names."""
    schema = arrow_schema(reader.provenance)

    def rows(partition: Iterable[str]) -> list[str]:
        file = output / f"part-{uuid4().hex}.parquet"
        pq.write_table(rows_table(reader.read_paths(partition), schema), file)
        return [str(file)]

    files: list[str] = paths.map_partitions(rows).compute()
    return files


def main(pictures: str, output: str) -> None:
    """Read a folder of pictures, a thousand at a time."""
    paths = [str(path) for path in sorted(Path(pictures).absolute().glob("*.jpg"))]
    folder = Path(output).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    bag = db.from_sequence(paths, partition_size=1000)
    read(bag, RowReader(RecognitionConfig(layout="plate")), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
