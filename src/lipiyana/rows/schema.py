"""The Arrow schema of rows, and rows as Arrow tables; needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import StrEnum
from typing import Any

from lipiyana.rows.arrow import pa
from lipiyana.rows.columns import COLUMNS, fields_of, take_apart
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.row import Row
from lipiyana.types import Point

_PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float32(), bool: pa.bool_()}


def arrow_schema(provenance: Provenance | None = None) -> pa.Schema:
    """Make the schema of rows, with the provenance as its metadata."""
    fields = [_field(name, hint) for name, hint in COLUMNS.items()]
    return pa.schema(fields, None if provenance is None else provenance.metadata())


def rows_table(rows: Iterable[Row], schema: pa.Schema | None = None) -> pa.Table:
    """Make a table of rows.

    Lone surrogates, which no Arrow string can have, become Python escapes. Only a message of an
    error can have some: paths are `printable`, and what is read is valid Unicode.

    Args:
        rows: the rows.
        schema: of `arrow_schema`.
    """
    schema = arrow_schema() if schema is None else schema
    values = [row.columns() for row in rows]
    try:
        return _table(values, schema)
    except UnicodeEncodeError:
        return _table([_valid(one) for one in values], schema)


def _table(values: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    # five times as fast as pa.Table.from_pylist
    columns = [pa.array([one[field.name] for one in values], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _field(name: str, hint: Any) -> pa.Field:
    return pa.field(name, _type(hint), nullable=take_apart(hint).optional)


def _type(hint: Any) -> pa.DataType:
    one = take_apart(hint)
    if one.kind is Point:
        return pa.struct([_field("x", float), _field("y", float)])
    if one.kind is list:
        return pa.list_(_field("element", one.item))
    if one.kind is dict:
        return pa.map_(pa.string(), _field("value", one.item))
    if is_dataclass(one.kind):
        assert isinstance(one.kind, type)  # noqa: S101 - `take_apart` gives classes
        return pa.struct([_field(name, part) for name, part in fields_of(one.kind).items()])
    return pa.string() if issubclass(one.kind, StrEnum) else _PLAIN[one.kind]


def _valid(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {name: _valid(one) for name, one in value.items()}
        case list() | tuple():
            return [_valid(one) for one in value]
        case _:
            return value
