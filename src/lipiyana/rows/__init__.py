"""Rows: one for each picture, with what was found or the error, in a fixed schema.

In: pictures as (path, bytes), or paths. Out: `Row`s in order, and files of them. Engines of other
programs (Ray, Spark, Daft, Dask) send a `RowReader` to their workers; the command line uses it too.
"""

from lipiyana.rows.reader import RowReader
from lipiyana.rows.row import Row

__all__ = ["Row", "RowReader"]
