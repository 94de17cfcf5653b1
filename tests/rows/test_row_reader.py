from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_fake import FakeRecognizer

from lipiyana.errors import InvalidImage, LipiyanaError, ModelUnavailable, NotFound, Unavailable
from lipiyana.pipeline import PIPELINE_VERSION, LocalRecognizer
from lipiyana.rows import RowReader, reader
from lipiyana.types import RecognitionConfig

SAMPLES = Path(__file__).parents[2] / "samples"
PLATE = RecognitionConfig(layout="plate")


def test_a_row_for_each_picture_in_order() -> None:
    rows = RowReader(recognizer=FakeRecognizer()).read(
        [("a", b"one"), ("b", b"bad"), ("c", NotFound("gone")), ("d", b"bug"), ("e", b"two")]
    )
    sha256 = [hashlib.sha256(data).hexdigest() for data in (b"one", b"bad", b"bug", b"two")]
    found = [
        (row.path, row.sha256, row.error and (row.error.code, row.error.message)) for row in rows
    ]
    assert found == [
        ("a", sha256[0], None),
        ("b", sha256[1], ("INVALID_ARGUMENT", "this is not a picture")),
        ("c", None, ("NOT_FOUND", "gone")),
        ("d", sha256[2], ("INTERNAL", "ZeroDivisionError: division by zero")),
        ("e", sha256[3], None),
    ]


def test_pictures_are_taken_one_by_one() -> None:
    taken = []

    def pictures() -> Iterator[tuple[str, bytes]]:
        for name in "abc":
            taken.append(name)
            yield name, b"x"

    rows = RowReader(recognizer=FakeRecognizer()).read(pictures())
    assert next(rows).path == "a"
    assert taken == ["a"]


def test_files_are_opened_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(100_000_001)
    names = ["a.jpg", "pipe.jpg", "folder.jpg", "large.jpg", "none.jpg", "nul\0.jpg", "\ud800.jpg"]
    rows = RowReader(recognizer=FakeRecognizer()).read_paths([str(tmp_path / n) for n in names])
    assert [row.error and row.error.reason for row in rows] == [
        None, "NOT_AN_IMAGE", "NOT_AN_IMAGE", "IMAGE_TOO_LARGE", "NOT_FOUND", "NOT_AN_IMAGE",
        "NOT_AN_IMAGE",
    ]  # fmt: skip


def test_a_path_that_is_not_utf8_is_written_reversibly() -> None:
    (row,) = RowReader(recognizer=FakeRecognizer()).read([(os.fsdecode(b"caf\xe9.jpg"), b"x")])
    assert row.path == "caf%E9.jpg"


def test_what_all_pictures_would_meet_is_raised() -> None:
    fake = FakeRecognizer()
    fake.server_is_up = False
    rows = RowReader(recognizer=fake).read([("a", b"x"), ("b", b"down"), ("c", b"x")])
    assert next(rows).path == "a"
    with pytest.raises(Unavailable):
        next(rows)
    assert fake.seen == ["x", "down"]


@pytest.mark.parametrize("kind", reader.STOPPING)
def test_an_error_of_reading_the_bytes_stops_too(kind: type[LipiyanaError]) -> None:
    rows = RowReader(recognizer=FakeRecognizer()).read([("a", kind("no store"))])
    with pytest.raises(kind):
        next(rows)


def test_the_answers_are_those_of_the_recognizer(recognizer: LocalRecognizer) -> None:
    paths = [str(path) for path in sorted((SAMPLES / "plates").glob("*.jpg"))[:2]]
    rows = list(RowReader(PLATE).read_paths(paths))
    for path, row in zip(paths, rows, strict=True):
        expected = recognizer.recognize(path, PLATE).to_dict() | {"timings": {}}
        assert not isinstance(row.outcome, LipiyanaError)
        assert row.outcome.to_dict() | {"timings": {}} == expected
        assert row.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()


PROGRAM = """
import pickle, sys
from lipiyana.rows import reader
readers = [pickle.loads(sys.stdin.buffer.read()) for _ in range(1)]
readers.append(pickle.loads(pickle.dumps(readers[0])))
assert "onnxruntime" not in sys.modules
for one in readers:
    for row in one.read_paths(sys.argv[1:]):
        print(row.outcome.plates[0].registration.canonical)
print(reader._local_recognizer.cache_info().currsize)
"""


def test_an_unpickled_reader_reads_with_the_models_of_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = SAMPLES / "plates" / "01_standard_1row.jpg"
    one = RowReader(PLATE)
    (before,) = one.read_paths([str(path)])
    assert one.provenance.pipeline == PIPELINE_VERSION
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        input=pickle.dumps(one), capture_output=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert not isinstance(before.outcome, LipiyanaError)
    canonical = before.outcome.plates[0].registration.canonical
    assert done.stdout.decode().split() == [canonical, canonical, "1"]


def test_what_the_environment_says_travels_with_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "1000")
    sent = pickle.dumps(RowReader(PLATE))
    monkeypatch.delenv("LIPIYANA_MAX_PIXELS")
    (row,) = pickle.loads(sent).read_paths([str(SAMPLES / "plates" / "01_standard_1row.jpg")])
    assert isinstance(row.outcome, InvalidImage)
    assert row.outcome.reason == "IMAGE_TOO_LARGE"


def test_a_worker_with_other_models_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = RowReader(PLATE)
    assert set(one.provenance.models) >= {"reader-int8"}
    sent = pickle.dumps(one)
    monkeypatch.setattr("lipiyana.pipeline.PIPELINE_VERSION", "other")
    (path,) = sorted((SAMPLES / "plates").glob("01*.jpg"))
    with pytest.raises(ModelUnavailable, match="of the pipeline") as caught:
        next(pickle.loads(sent).read_paths([str(path)]))
    assert caught.value.reason == "OTHER_MODELS"
