"""Reads pictures with Spark: a data frame of paths in, one of rows out.

    python with_spark.py PICTURES ROWS

PICTURES is a folder that all executors see, ROWS the folder of Parquet files that Spark writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from lipiyana import RecognitionConfig
from lipiyana.rows import RowReader
from lipiyana.rows.schema import arrow_schema, rows_table


def read(paths: DataFrame, reader: RowReader) -> DataFrame:
    """Read the pictures of the column `path`; one row for each, with all that was found."""

    def rows(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            table = rows_table(reader.read_paths(frame["path"]))
            yield table.to_pandas(maps_as_pydicts="strict")

    return paths.select("path").mapInPandas(rows, from_arrow_schema(arrow_schema()))


def main(pictures: str, output: str) -> None:
    """Read a folder of pictures."""
    spark = SparkSession.builder.appName("lipiyana").getOrCreate()
    paths = [(str(path),) for path in sorted(Path(pictures).absolute().glob("*.jpg"))]
    frame = spark.createDataFrame(paths, "path string").repartition(
        spark.sparkContext.defaultParallelism
    )
    read(frame, RowReader(RecognitionConfig(layout="plate"))).write.parquet(output)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
