"""pyarrow, or an error that names the extra which brings it."""

from __future__ import annotations

from lipiyana.errors import MissingExtra

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("parquet", "writing Arrow tables and Parquet files") from error

__all__ = ["pa", "pq"]
