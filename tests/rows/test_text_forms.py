from __future__ import annotations

import csv
import io
import json

import pytest
from cli_fake import BOX, FakeRecognizer
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.errors import InvalidImage, LipiyanaError, NotFound
from lipiyana.rows.text_forms import COLUMNS, Csv, JsonLines, RowError, RowForm
from lipiyana.types import Plate, Recognition, Registration

PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
RECOGNITION = FakeRecognizer().recognize("নাম".encode())


def csv_row(row: bytes) -> dict[str, str]:
    (fields,) = csv.DictReader(
        io.StringIO((Csv(bom=False).header + row).decode(), newline=""), strict=True
    )
    return fields


def test_a_json_row_of_a_picture() -> None:
    row = json.loads(JsonLines().encode("a/é.jpg", RECOGNITION))
    assert list(row) == ["path", "recognition"]
    assert row["path"] == "a/é.jpg"
    assert row["recognition"]["image_width"] == 640
    assert row["recognition"]["text_lines"][0]["text"] == "নাম"
    assert row["recognition"]["vehicles"][0]["box"] == {
        "x_min": 1.0, "y_min": 2.0, "x_max": 30.0, "y_max": 40.0,
    }  # fmt: skip


def test_a_json_row_of_a_failure() -> None:
    row = json.loads(JsonLines().encode("a.jpg", InvalidImage("not a picture")))
    assert row == {
        "path": "a.jpg",
        "error": {"code": "INVALID_ARGUMENT", "message": "not a picture"},
    }


def test_a_json_row_is_valid_utf8_for_any_message() -> None:
    row = JsonLines().encode("a.jpg", NotFound("no caf\udce9.jpg"))
    assert json.loads(row.decode())["error"]["message"] == "no caf\udce9.jpg"
    assert "নাম".encode() in JsonLines().encode("a.jpg", RECOGNITION)


def test_a_csv_row_of_a_picture() -> None:
    assert csv_row(Csv().encode("a.jpg", RECOGNITION)) == {
        "path": "a.jpg",
        "error_code": "",
        "error_message": "",
        "width": "640",
        "height": "480",
        "plates": "KA 01/AB 1234",
        "text": "নাম | নাম",
        "vehicles": "bus:2;car:1",
    }


def test_a_csv_row_has_the_canonical_registration_where_there_is_one() -> None:
    plates = (
        Plate("KA 01\nAB 1234", 0.9, BOX, registration=Registration("KA01AB1234", valid=True)),
        Plate("?", 0.9, BOX),
    )
    row = csv_row(Csv().encode("a.jpg", Recognition(8, 8, plates=plates)))
    assert row["plates"] == "KA01AB1234;?"


def test_a_csv_row_of_a_failure() -> None:
    row = csv_row(Csv().encode("a.jpg", InvalidImage("not, a picture")))
    assert (row["error_code"], row["error_message"]) == ("INVALID_ARGUMENT", "not, a picture")
    assert row["width"] == row["text"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''@"])
def test_no_csv_field_is_a_spreadsheet_formula(text: str) -> None:
    row = csv_row(Csv().encode(text, InvalidImage(text)))
    assert row["path"] == row["error_message"] == f"'{text}"


def test_a_leading_apostrophe_is_unchanged() -> None:
    assert csv_row(Csv().encode("'a.jpg", RECOGNITION))["path"] == "'a.jpg"


@pytest.mark.parametrize("form", [JsonLines(), Csv()])
@given(paths=st.lists(PATHS), message=st.text())
def test_records_round_trip(form: RowForm, paths: list[str], message: str) -> None:
    outcomes: list[Recognition | LipiyanaError] = [RECOGNITION, InvalidImage(message)]
    rows = [form.encode(path, outcomes[i % 2]) for i, path in enumerate(paths)]
    records = list(form.records(io.BytesIO(form.header + b"".join(rows))))
    assert [record.path for record in records] == paths
    assert [record.error_code for record in records] == [
        ["", "INVALID_ARGUMENT"][i % 2] for i in range(len(paths))
    ]
    end = len(form.header)
    for record, row in zip(records, rows, strict=True):
        assert (record.start, record.end) == (end, end := end + len(row))


@pytest.mark.parametrize("form", [JsonLines(), Csv()])
def test_only_complete_records_are_read(form: RowForm) -> None:
    whole = form.header + form.encode('a "b"\n.jpg', RECOGNITION) + form.encode("c", NotFound("x"))
    ends = [record.end for record in form.records(io.BytesIO(whole))]
    for size in range(len(whole) + 1):
        records = list(form.records(io.BytesIO(whole[:size])))
        assert [record.end for record in records] == [end for end in ends if end <= size]


@pytest.mark.parametrize(
    "content",
    [
        b"notes",
        b"notes\n",
        b"[]\n",
        b'{"path": 1}\n',
        b'{"path": "a", "error": 1}\n',
        b'{"path": "a", "error": {"code": 1}}\n',
        b'{"recognition": {}}\n',
        b"\xff\n",
    ],
)
def test_other_files_are_not_accepted_as_json_rows(content: bytes) -> None:
    with pytest.raises(RowError):
        list(JsonLines().records(io.BytesIO(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"notes",
        b"notes\n",
        b"path,label\na,b\n",
        Csv().header + b"a,b\n",
        Csv().header + b'"a"b,,,,,,,\n',
        Csv().header + b"\xff,,,,,,,\n",
    ],
)
def test_other_files_are_not_accepted_as_csv_rows(content: bytes) -> None:
    with pytest.raises(RowError):
        list(Csv().records(io.BytesIO(content)))


def test_the_csv_columns_are_documented() -> None:
    assert Csv(bom=False).header.decode().strip() == (
        "path,error_code,error_message,width,height,plates,text,vehicles"
    )
    assert len(COLUMNS) == 8
