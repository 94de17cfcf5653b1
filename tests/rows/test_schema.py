"""Rows as Arrow tables: nothing is lost on the way there and back."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from cli_fake import FakeRecognizer
from hypothesis import HealthCheck, given, settings
from results import RECOGNITIONS

from lipiyana.errors import InvalidImage, NotFound
from lipiyana.rows import Row
from lipiyana.rows.columns import COLUMNS, recognition_of, take_apart
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.schema import arrow_schema, rows_table
from lipiyana.types import Recognition

RECOGNITION = FakeRecognizer().recognize("নাম".encode())


def back(row: Row) -> dict[str, Any]:
    """The row as it comes back from a Parquet file."""
    file = io.BytesIO()
    pq.write_table(rows_table([row]), file)
    columns: dict[str, Any]
    (columns,) = pq.read_table(file).to_pylist()
    return columns


@given(RECOGNITIONS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_row_gives_back_the_json_of_its_result(found: Recognition) -> None:
    columns = back(Row("a.jpg", "0" * 64, found))
    assert list(columns) == list(COLUMNS)
    assert columns["error_code"] is columns["error_message"] is columns["error_reason"] is None
    again = recognition_of(columns)
    assert again is not None
    assert again.to_json() == found.to_json()


def test_a_row_of_a_failure_has_its_error_and_nothing_else() -> None:
    columns = back(Row("a.jpg", None, InvalidImage("cut off", reason="TRUNCATED_IMAGE")))
    assert recognition_of(columns) is None
    assert {name: value for name, value in columns.items() if value is not None} == {
        "path": "a.jpg",
        "error_code": "INVALID_ARGUMENT",
        "error_message": "cut off",
        "error_reason": "TRUNCATED_IMAGE",
    }


def test_a_message_that_is_not_unicode_does_not_lose_the_other_rows() -> None:
    rows = [Row("a", None, NotFound("no caf\udce9.jpg")), Row("b", None, RECOGNITION)]
    first, second = rows_table(rows).to_pylist()
    assert first["error_message"] == "no caf\\udce9.jpg"
    assert recognition_of(second) == RECOGNITION


def test_absent_values_are_null_and_others_may_not_be() -> None:
    schema = arrow_schema()
    assert not schema.field("path").nullable
    vehicle = schema.field("vehicles").type.value_type
    nullable = {field.name for field in vehicle if field.nullable}
    assert nullable == {"track_id"}
    plate = schema.field("plates").type.value_type
    assert {field.name for field in plate if field.nullable} == {"colour", "vehicle_index"}
    assert {field.name for field in plate.field("registration").type if field.nullable} == {
        "format",
        "category",
    }


def test_the_schema_tells_where_the_rows_come_from() -> None:
    origin = Provenance("0.1", "12", {"reader": "abc"}, {"layout": "plate"})
    metadata = arrow_schema(origin).metadata
    assert json.loads(metadata[b"lipiyana.models"]) == {"reader": "abc"}
    assert Provenance.from_metadata(metadata) == origin
    for other in (None, {}, {**metadata, b"lipiyana.models": b"[]"}, {b"lipiyana.version": b"1"}):
        with pytest.raises(ValueError, match="not that of rows"):
            Provenance.from_metadata(other)


def test_a_type_that_no_column_can_have_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be a column"):
        take_apart(set[int])
