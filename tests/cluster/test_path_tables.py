"""Tables of paths."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_store import Store

from lipiyana.cluster.inputs import is_table, pictures_of_table
from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound


def paths(table: Path | str) -> list[str]:
    return [picture.path for picture in pictures_of_table(str(table))]


def test_a_csv_of_paths(tmp_path: Path) -> None:
    table = tmp_path / "pictures.CSV"
    table.write_bytes(
        b'\xef\xbb\xbfnumber,path\r\n1,a.jpg\r\n2,"b,\n2.jpg"\r\n\r\n3,caf\xe9.jpg\r\n'
    )
    assert is_table(str(table))
    assert paths(table) == ["a.jpg", "b,\n2.jpg", os.fsdecode(b"caf\xe9.jpg")]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
def test_a_parquet_of_paths(tmp_path: Path, kind: pa.DataType) -> None:
    table = tmp_path / "pictures.parquet"
    column = (
        pa.array(["a.jpg", "s3://b/ख.jpg"]).cast(kind)
        if kind != pa.binary()
        else pa.array([b"a.jpg", "s3://b/ख.jpg".encode()])
    )
    pq.write_table(pa.table({"x": [1, 2], "path": column}), table)
    assert paths(table) == ["a.jpg", "s3://b/ख.jpg"]


def test_a_table_in_a_store(store: Store) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"path": ["a", "b"]}), buffer)
    assert paths(store.put("s3://pictures/list.parquet", buffer.getvalue())) == ["a", "b"]
    assert paths(store.put("s3://pictures/list.csv", b"path\na\n")) == ["a"]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.csv", b"", "it has no column 'path' with the paths of pictures; its columns: none"),
        ("a.csv", b"file,size\na,1\n", "no column 'path' .* its columns: file, size"),
        ("a.csv", b"path,x\na,1\n,2\n", "row 2 has no path"),
        ("a.csv", b"x,path\n1\n", "row 1 has no path"),
        ("a.csv", b'path\n"a"b\n', "it is not CSV"),
        ("a.parquet", b"path\na\n", "it is not Parquet"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidRequest, match=why):
        paths(tmp_path / name)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"file": ["a"]}, "no column 'path'"),
        ({"path": [1]}, "its column 'path' has no text but int64"),
        ({"path": ["a", None]}, "row 2 has no path"),
        ({"path": [""]}, "row 1 has no path"),
    ],
)
def test_a_parquet_that_cannot_be_used(
    tmp_path: Path, columns: dict[str, list[object]], why: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(InvalidRequest, match=why):
        paths(tmp_path / "a.parquet")


def test_a_table_that_is_not_there(tmp_path: Path, store: Store) -> None:
    with pytest.raises(NotFound, match=r"there is no file .*a\.csv"):
        paths(tmp_path / "a.csv")
    with pytest.raises(NotFound, match=r"there is nothing at s3://pictures/a\.csv"):
        paths("s3://pictures/a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InvalidRequest, match="folder"):
        paths(tmp_path / "b.csv")


def test_rows_before_one_without_a_path_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'path\na\n""\n')
    found = pictures_of_table(str(tmp_path / "a.csv"))
    assert next(found).path == "a"
    with pytest.raises(LipiyanaError):
        next(found)
