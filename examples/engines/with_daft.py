"""Reads pictures with Daft: a data frame of paths in, one of rows out.

    python with_daft.py PICTURES ROWS

PICTURES is a folder, ROWS the folder of Parquet files that Daft writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import daft
import pyarrow as pa

from lipiyana import RecognitionConfig
from lipiyana.rows import RowReader
from lipiyana.rows.schema import arrow_schema, rows_table

ROW = daft.DataType.from_arrow_type(pa.struct(list(arrow_schema())))


def read(paths: daft.DataFrame, reader: RowReader, batch: int = 64) -> daft.DataFrame:
    """Read the pictures of the column `path`; one row for each, with all that was found."""

    @daft.func.batch(return_dtype=ROW, batch_size=batch)
    def rows(column: daft.Series) -> pa.Array:
        table = rows_table(reader.read_paths(column.to_pylist()))
        return table.to_struct_array().combine_chunks()

    return paths.select(rows(paths["path"]).alias("row")).select(daft.col("row").unnest())


def main(pictures: str, output: str) -> None:
    """Read a folder of pictures."""
    paths = [str(path) for path in sorted(Path(pictures).absolute().glob("*.jpg"))]
    frame = daft.from_pydict({"path": paths})
    read(frame, RowReader(RecognitionConfig(layout="plate"))).write_parquet(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
